"""Error rates of the verdicts: ``python -m tests.performance.verdicts`` (part of ``make bench``).

Simulated studies whose truth is known go through the functions that judge real ones. Printed are how often *same* is
said of a deployment that changes as much more as the margin, how often *different* of one more training of the same
recipe, the power of both, and what the intervals hold of overlaps, kappa, changes and the best of ten. ``--minutes`` is
what the whole may take on all cores; a row that would take longer is of fewer studies. Trainings are drawn from a
random-effects model of twelve real ones (`demo_trainings.npz`, made by ``python -m tools.demo_trainings``).

Nothing here passes or fails; figures go to docs/verification.md with machine and date.
"""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from itertools import combinations
from math import sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backends.host.machine import usable_cores
from benchmarks.characteristics.prediction_errors import compare
from benchmarks.statistics.agreement import jaccard, kappa
from benchmarks.statistics.bootstrap import Estimate, GroupBootstrap
from benchmarks.statistics.equivalence import (
    ExampleOutcomes,
    Floor,
    Verdict,
    judge,
)
from benchmarks.statistics.selection import interval_of_the_chosen, may_be_best
from benchmarks.statistics.shares import PairedChange, design_effect, paired_change, share_interval
from benchmarks.statistics.shares import share as estimate_of_share
from benchmarks.statistics.tetrachoric import both_above

TRAININGS = Path(__file__).with_name("demo_trainings.npz")
MARGIN = 0.01
SEEN = 0.0009
"""What a study saw is the truth within this."""
Bools = NDArray[np.bool_]


def main() -> None:
    parser = argparse.ArgumentParser(description="Error rates of the verdicts.")
    parser.add_argument("--studies", type=int, default=4000, help="simulated studies a row, at most")
    parser.add_argument("--minutes", type=float, default=25, help="for all rows together, on all cores")
    parser.add_argument("--only", default="", help="rows whose title or name holds this")
    options = parser.parse_args()
    sections = {
        title: chosen
        for title, rows in SECTIONS.items()
        if (chosen := [row for row in rows if options.only in title or options.only in row.name])
    }
    seconds = 60 * options.minutes * usable_cores() / max(1, sum(map(len, sections.values())))
    measured = partial(_measured, studies=options.studies, seconds=seconds)
    with ProcessPoolExecutor(usable_cores()) as pool:
        for title, rows in sections.items():
            print(title)
            for row, (shares, studies) in zip(rows, pool.map(measured, rows), strict=True):
                told = "  ".join(f"{100 * share:5.1f} % (+- {_two_errors(share, studies):.1f})" for share in shares)
                print(f"  {row.name:<62} {studies:5,} studies  {told}", flush=True)


def _two_errors(share: float, studies: int) -> float:
    """Two standard errors in points."""
    return 200 * sqrt(max(share * (1 - share), 1e-9) / studies)


@dataclass(frozen=True)
class Row:
    """One line of the table: what is simulated, and how often the outcome is seen."""

    name: str
    study: str
    """Name of a function below."""
    arguments: tuple[float, ...]


def _measured(row: Row, *, studies: int, seconds: float) -> tuple[list[float], int]:
    """The share of the studies with each outcome, and how many studies there was time for."""
    once = globals()[row.study]
    started = time.monotonic()
    seen: list[NDArray[np.bool_]] = []
    while len(seen) < studies and (len(seen) < 20 or time.monotonic() - started < seconds):
        seen.append(np.atleast_1d(once(np.random.default_rng([len(seen), 7]), *row.arguments)))
    return [float(share) for share in np.mean(seen, axis=0)], len(seen)


def correlated(rng: np.random.Generator, groups: int, size: int, share: float, correlation: float) -> Bools:
    """(groups * size,) outcomes with a share and a within-group correlation: a share for each group from a beta."""
    if correlation <= 0 or share <= 0:
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


def examples_needed_tell(
    rng: np.random.Generator, groups: int, size: int, floor: float, share: float, correlation: float
) -> bool:
    """Whether a study of as many examples as another one asked for can tell, where that one saw the true excess."""
    needed = None
    while needed is None:  # the promise is about what was seen
        held, again = (correlated(rng, groups, size, each, correlation) for each in (share, floor))
        if abs(held.mean() - share) < SEEN and abs(again.mean() - floor) < SEEN:
            needed = verdict_on({"held": held}, again, groups, size)["held"].examples_needed
    more = -(-needed // size)
    held, again = (correlated(rng, more, size, each, correlation) for each in (share, floor))
    return verdict_on({"held": held}, again, more, size)["held"].conclusion != "cannot tell"


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
    # In a hundred blocks: examples are independent, so that errors stay what they are, at a small part of the work.
    bootstrap = GroupBootstrap(np.arange(examples) % 100, resamples=1, seed=0)
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


def intervals_hold(
    rng: np.random.Generator, groups: int, size: int, errors: float, wrong: float, right: float, correlation: float
) -> list[bool]:
    """The truth of the overlap, kappa, latent correlation, changes and newly wrong, where a deployment turns so many of
    the right answers wrong and of the wrong ones right."""
    before = correlated(rng, groups, size, errors, correlation)
    turned_wrong, turned_right = (correlated(rng, groups, size, share, correlation) for share in (wrong, right))
    after = np.where(before, ~turned_right, turned_wrong)
    found = compare(
        {"a": ~before, "b": ~after},
        {"a": before, "b": after},
        None,
        groups=np.repeat(np.arange(groups), size),
        strata={},
        reference="a",
        resamples=400,
        seed=0,
    )
    pair = found.strata["all"].pairs[0]
    newly, both = (1 - errors) * wrong, errors * (1 - right)
    truths = [
        (pair.jaccard, float(jaccard(both, errors, both + newly))),
        (pair.kappa, float(kappa(both, errors, both + newly, 1))),
        (pair.tetrachoric, latent_correlation(both, errors, both + newly)),
        (pair.disagreement, newly + errors * right),
        (pair.negative_flip_rate, newly),
    ]
    return [_holds(estimate, truth) for estimate, truth in truths]


def shares_hold(rng: np.random.Generator, groups: int, size: int, share: float, correlation: float) -> list[bool]:
    """The truth of a share, and of a change of the score: a fifth is wrong before, such a share of the right answers is
    turned wrong, and half of it of the wrong ones right."""
    bootstrap = GroupBootstrap(np.repeat(np.arange(groups), size), resamples=1, seed=0)
    seen, before, turned = (correlated(rng, groups, size, each, correlation) for each in (share, 0.2, share / 2))
    after = np.where(before, ~turned, seen)
    return [
        _holds(estimate_of_share(bootstrap, seen), share),
        _holds(paired_change(bootstrap, before, after, np.ones_like(seen)), 0.8 * share - 0.2 * share / 2),
    ]


def latent_correlation(both: float, a: float, b: float) -> float:
    """Of shares that are known exactly."""
    from scipy.optimize import brentq
    from scipy.special import ndtri

    if both >= min(a, b) - 1e-12:
        return 1.0
    first, second = (np.array([-ndtri(share)]) for share in (a, b))
    return float(brentq(lambda rho: both_above(first, second, np.array([rho]))[0] - both, -0.999999, 0.999999))


def _holds(estimate: Estimate | None, truth: float) -> bool:
    if estimate is None or estimate.low is None or estimate.high is None:
        return False
    return estimate.low - 1e-9 <= truth <= estimate.high + 1e-9


def best_of_ten(
    rng: np.random.Generator, groups: int, size: int, share: float, correlation: float, others: float
) -> list[bool]:
    """The truth of the one chosen of ten for changing least, and whether the truly best is not told from it: one that
    changes ``share``, and nine that change ``others``."""
    shares = [share, *[others] * 9]
    changed = np.stack([correlated(rng, groups, size, one, correlation) for one in shares], axis=1)
    effect = design_effect(changed, np.repeat(np.arange(groups), size)).effect
    chosen = int(changed.sum(axis=0).argmin())
    n = groups * size / effect
    interval = interval_of_the_chosen(share_interval(float(changed[:, chosen].mean()) * n, n), n, len(shares))

    def p_worse(one: int, other: int) -> float:
        return PairedChange.of(changed[:, other], changed[:, one], effect).p_above(0.0)

    return [_holds(interval, shares[chosen]), 0 in may_be_best(range(len(shares)), p_worse)]


def floor_of_trainings() -> float:
    """How often two trainings of the recipe differ."""
    chances = recipe().chances
    return float(np.mean(2 * chances * (1 - chances)))


def _overlapping(errors: float, overlap: float) -> tuple[float, float, float]:
    """Shares of errors, of right answers turned wrong and of wrong ones turned right, as many each, of an overlap."""
    moved = errors * (1 - overlap) / (1 + overlap)
    return errors, moved / (1 - errors), moved / errors


def _effective(groups: int, size: int, share: float, correlation: float) -> float:
    """Events that are expected, over the design effect."""
    return groups * size * share / (1 + (size - 1) * correlation)


SECTIONS = {
    "95 % intervals that hold the truth; of a share, of a change of the score; wanted: 93 % or more, and at most "
    "97.5 % of ten or more effective events": [
        Row(
            f"{groups} x {size}, share {100 * share:g} %, correlation {rho:g}, "
            f"{_effective(groups, size, share, rho):.0f} effective events",
            "shares_hold",
            (groups, size, share, rho),
        )
        for groups, size in ((120, 5), (2400, 5))
        for share in (0.002, 0.01, 0.05, 0.2, 0.5)
        for rho in (0.05, 0.2)
    ],
    "95 % intervals that hold the truth; of overlap, kappa, latent correlation, changed, newly wrong; wanted: 93 %": [
        Row(
            f"{groups} x {size}, errors {100 * errors:.0f} %, overlap {overlap:g}, correlation {rho:g}",
            "intervals_hold",
            (groups, size, *_overlapping(errors, overlap), rho),
        )
        for errors in (0.04, 0.2, 0.5)
        for overlap in (1.0, 0.98, 0.917, 0.6)
        for groups, size, rho in ((120, 5, 0.05), (120, 5, 0.2), (400, 5, 0.05))
    ],
    "best of ten: interval of the chosen one (wanted: 93 %), and the truly best among those not told from it (95 %)": [
        Row(
            f"{groups} x {size}, best {100 * share:g} %, the others {100 * others:g} %, correlation {rho:g}",
            "best_of_ten",
            (groups, size, share, rho, others),
        )
        for groups, size in ((120, 5), (400, 5))
        for share, others in ((0.01, 0.01), (0.05, 0.05), (0.05, 0.06))
        for rho in (0.0, 0.1)
    ],
    "a verdict, of as many examples as examples_needed promises; wanted: 72 to 88 %": [
        Row(
            f"{groups} x {size}, floor 5 %, changed {100 * share:g} %, correlation {rho:g}",
            "examples_needed_tell",
            (groups, size, 0.05, share, rho),
        )
        # More cannot be seen without being told.
        for groups, size, largest in ((120, 5, 0.0725), (400, 5, 0.065))
        for share in (0.055, largest)
        for rho in (0.0, 0.05, 0.1)
    ],
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
