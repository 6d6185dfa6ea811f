"""Error rates of the verdicts: ``python -m tests.performance.verdicts`` (part of ``make bench``).

Simulated studies whose truth is known go through the functions that judge real ones. Printed are how often *same* is
said of a deployment that changes as much more as the margin, how often *different* of one more training of the same
recipe, the power of both, what intervals hold, and whether a verdict ever contradicts its interval. Trainings are drawn
from a random-effects model of twelve real ones (`demo_trainings.npz`, made by ``python -m tools.demo_trainings``).

Nothing here passes or fails; figures go to docs/verification.md with machine and date.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from math import sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.statistics.bootstrap import Estimate, GroupBootstrap
from benchmarks.statistics.equivalence import (
    ExampleOutcomes,
    Floor,
    NormalChange,
    PairedShares,
    Trainings,
    Verdict,
    judge,
    training_spread,
)
from benchmarks.statistics.shares import PairedChange, design_effect, overlaps_of_sets, share_interval

TRAININGS = Path(__file__).with_name("demo_trainings.npz")
MARGIN = 0.01
Bools = NDArray[np.bool_]


def main() -> None:
    parser = argparse.ArgumentParser(description="Error rates of the verdicts.")
    parser.add_argument("--studies", type=int, default=4000, help="simulated studies a row")
    options = parser.parse_args()
    with ProcessPoolExecutor() as pool:
        for title, rows in SECTIONS.items():
            print(title)
            for row, share in zip(rows, pool.map(partial(_measured, studies=options.studies), rows), strict=True):
                error = 100 * sqrt(max(share * (1 - share), 1e-9) / options.studies)
                print(f"  {row.name:<74} {100 * share:5.1f} %  (+- {2 * error:.1f})", flush=True)


@dataclass(frozen=True)
class Row:
    """One line of the table: what is simulated, and how often the outcome is seen."""

    name: str
    study: str
    """Name of a function below."""
    arguments: tuple[float, ...]


def _measured(row: Row, *, studies: int) -> float:
    once = globals()[row.study]
    return float(np.mean([once(np.random.default_rng([seed, 7]), *row.arguments) for seed in range(studies)]))


def correlated(rng: np.random.Generator, groups: int, size: int, share: float, correlation: float) -> Bools:
    """(groups * size,) outcomes with a share and a within-group correlation: a share for each group from a beta."""
    if correlation <= 0:
        return rng.random(groups * size) < share
    if correlation >= 1:
        return np.repeat(rng.random(groups) < share, size)
    scale = 1 / correlation - 1
    chance = rng.beta(share * scale, (1 - share) * scale, groups)
    return rng.random(groups * size) < np.repeat(chance, size)


def verdict_on(changed: dict[str, Bools], floor: Bools, groups: int, size: int) -> dict[str, Verdict]:
    """Verdicts on deployments that change predictions, against a second run that changes those of ``floor``."""
    labels = np.repeat(np.arange(groups), size)
    bootstrap = GroupBootstrap(labels, resamples=1, seed=0)
    columns = {("reference", name): column for name, column in (*changed.items(), ("again", floor))}
    effect = design_effect(np.stack(list(columns.values()), axis=1), bootstrap.index).effect
    return judge(
        {pair: bootstrap.means(column)[:, 0] for pair, column in columns.items()},
        "reference",
        {name: Floor("execution", ("again",)) for name in changed},
        MARGIN,
        examples=len(labels),
        outcomes=ExampleOutcomes(columns, effect),
    )


def same_at_the_margin(
    rng: np.random.Generator, groups: int, size: int, floor: float, correlation: float, others: int
) -> bool:
    """*Same* of a deployment whose true excess is the margin; ``others``: further ones, which change 8 %."""
    changed = {"held": correlated(rng, groups, size, floor + MARGIN, correlation)}
    for number in range(others):
        changed[f"other{number}"] = correlated(rng, groups, size, 0.08, correlation)
    again = correlated(rng, groups, size, floor, correlation) if floor else np.zeros(groups * size, dtype=bool)
    return verdict_on(changed, again, groups, size)["held"].conclusion == "same"


def power_of_same(rng: np.random.Generator, groups: int, size: int, share: float, correlation: float) -> bool:
    held = {"held": correlated(rng, groups, size, share, correlation)}
    return verdict_on(held, np.zeros(groups * size, dtype=bool), groups, size)["held"].conclusion == "same"


SECTIONS = {
    "same, where the true excess is the margin (1 point); wanted: at most 5.5 %": [
        Row(
            f"{groups} x {size}, floor {100 * floor:.0f} %, correlation {rho:g}"
            + (f", beside {others} others" if others else ""),
            "same_at_the_margin",
            (groups, size, floor, rho, others),
        )
        for groups, size in ((120, 5), (240, 5), (60, 10))
        for floor in (0.0, 0.05)
        for rho, others in ((0.0, 0), (0.05, 0), (0.2, 0), (0.5, 0), (0.5, 3), (1.0, 0), (1.0, 3))
    ],
    "same, where .1 % changes, 600 examples, floor 0; wanted: at least 80 %": [
        Row(f"{groups} x {size}, correlation {rho:g}", "power_of_same", (groups, size, 0.001, rho))
        for groups, size in ((600, 1), (120, 5))
        for rho in (0.0, 0.05)
    ],
}


if __name__ == "__main__":
    main()
