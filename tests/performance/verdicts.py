"""Error rates of the verdicts: ``python -m tests.performance.verdicts`` (part of ``make bench``).

Simulated studies whose truth is known go through the functions that judge real ones. Printed are how often *same* is
said of a deployment that changes as much more as the margin, how often *different* of one more training of the same
recipe, the power of both, what intervals hold, and whether a verdict ever contradicts its interval. Trainings are drawn
from a random-effects model of twelve real ones (`demo_trainings.npz`, made by ``python -m tools.demo_trainings``).

Nothing here passes or fails; figures go to docs/verification.md with machine and date.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from itertools import combinations
from math import sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.statistics.bootstrap import GroupBootstrap
from benchmarks.statistics.equivalence import (
    ExampleOutcomes,
    Floor,
    Verdict,
    judge,
)
from benchmarks.statistics.shares import design_effect

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


@dataclass(frozen=True)
class Recipe:
    """A random-effects model of trainings: every example has a chance of its own to be answered otherwise."""

    chances: NDArray[np.float64]
    """(examples,) the share of the real trainings that answer otherwise than most."""
    scatter: float
    """Standard deviation, over trainings, of the log-odds that all their chances are shifted by."""

    @classmethod
    def fitted(cls) -> Recipe:
        """To the twelve trainings: the scatter at which simulated trainings differ in how often they leave the others
        as much as the real ones do."""
        predictions = np.load(TRAININGS)["predictions"]
        usual = predictions.mean(axis=0) > 0.5
        leaves = predictions.astype(bool) != usual
        target = float(np.std(leaves.mean(axis=1), ddof=1))
        chances = (leaves.sum(axis=0) + 0.5 * leaves.mean()) / (len(leaves) + 0.5)
        few, many = 0.0, 2.0
        for _ in range(20):
            scatter = (few + many) / 2
            shares = [float(np.mean(_shifted(chances, shift))) for shift in np.linspace(-2, 2, 41) * scatter]
            weights = np.exp(-(np.linspace(-2, 2, 41) ** 2) / 2)
            spread = sqrt(float(np.cov(shares, aweights=weights)))
            few, many = (scatter, many) if spread < target else (few, scatter)
        return cls(chances, scatter)

    def draw(self, rng: np.random.Generator, rows: NDArray[np.intp], more: float = 0.0) -> Bools:
        """Whether one more training leaves the usual answer, by example; ``more``: a share that leaves on top."""
        leaves = rng.random(len(rows)) < _shifted(self.chances[rows], rng.normal(0, self.scatter))
        return np.asarray(leaves ^ (rng.random(len(rows)) < more))


def _shifted(chances: NDArray[np.float64], shift: float) -> NDArray[np.float64]:
    odds = chances / (1 - chances) * np.exp(shift)
    return np.asarray(odds / (1 + odds))


@cache
def recipe() -> Recipe:
    return Recipe.fitted()


def against_trainings(
    rng: np.random.Generator, examples: int, trainings: int, candidates: int, more: float
) -> list[Verdict]:
    rows = rng.integers(0, len(recipe().chances), examples)
    said = {f"t{number}": recipe().draw(rng, rows) for number in range(trainings)}
    said |= {f"c{number}": recipe().draw(rng, rows, more) for number in range(candidates)}
    bootstrap = GroupBootstrap(np.arange(examples), resamples=1, seed=0)
    members = tuple(name for name in said if name.startswith("t"))[1:]
    pairs = {(a, b): said[a] != said[b] for a, b in combinations(said, 2) if not (a[0] == "c" == b[0])}
    found = judge(
        {pair: bootstrap.means(column)[:, 0] for pair, column in pairs.items()},
        "t0",
        {name: Floor("seed", members) for name in said if name.startswith("c")},
        MARGIN,
        examples=examples,
    )
    return list(found.values())


def further_training_called_different(
    rng: np.random.Generator, examples: int, trainings: int, candidates: int, more: float
) -> bool:
    """*Different* of at least one of the candidates; ``more``: the share that they change beyond a training."""
    return any(one.conclusion == "different" for one in against_trainings(rng, examples, trainings, candidates, more))


def twice_the_floor_called_different(rng: np.random.Generator, examples: int, trainings: int, candidates: int) -> bool:
    return further_training_called_different(rng, examples, trainings, candidates, floor_of_trainings())


def same_as_a_training(rng: np.random.Generator, examples: int, trainings: int) -> bool:
    """*Same* of a deployment that is further away than another training by the margin."""
    return against_trainings(rng, examples, trainings, 1, MARGIN)[0].conclusion == "same"


def floor_of_trainings() -> float:
    """How often two trainings of the recipe differ."""
    chances = recipe().chances
    return float(np.mean(2 * chances * (1 - chances)))


SECTIONS = {
    "different, of one more training of the recipe; wanted: at most 6 %": [
        Row(
            f"{examples:,} examples, {trainings} trainings, {candidates} candidate{'s' if candidates > 1 else ''}",
            "further_training_called_different",
            (examples, trainings, candidates, 0.0),
        )
        for examples in (600, 2_000, 10_000)
        for trainings in (3, 5)
        for candidates in (1, 4)
    ],
    "different, at twice the floor; wanted: at least 80 % with five trainings and one candidate": [
        Row(
            f"{examples:,} examples, {trainings} trainings, {candidates} candidate{'s' if candidates > 1 else ''}",
            "twice_the_floor_called_different",
            (examples, trainings, candidates),
        )
        for examples in (600, 2_000)
        for trainings in (3, 5)
        for candidates in (1, 4)
    ],
    "same as a training, where the excess is the margin; wanted: at most 5.5 %": [
        Row(f"{examples:,} examples, {trainings} trainings", "same_as_a_training", (examples, trainings))
        for examples in (600, 2_000)
        for trainings in (3, 5)
    ],
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
