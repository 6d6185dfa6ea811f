"""Tests of whether a deployment is further from the reference than noise alone would take it.

Two questions are asked of a distance (0: the same), against the distance that noise makes, the *floor*:

- *different*: is the distance larger than its floor?
- *same*: is it larger by less than a margin that the study names? A test of non-inferiority (Schuirmann 1987, one
  of his two one-sided tests; the other asks whether the distance is smaller than its floor, which nobody minds).

A deployment may be neither: then the data cannot tell. Where both hold, the excess is real and too small to matter:
*same*. All deployments that are judged by one measure are one family: Holm (1979) corrects each of the two questions,
of which at most one has the answer no by truth. The interval of the excess is the inversion of these tests at their
corrected levels, so that it lies above 0 where the conclusion is *different*, and below the margin where it is *same*.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, sqrt
from typing import Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike

from benchmarks.statistics.bootstrap import Estimate, Floats, divide, estimates, number, standard_errors
from benchmarks.statistics.shares import Bools, PairedChange, edge

MARGIN = 0.01
"""Share of the examples that does not matter: within it two deployments are *same*. A study's `margin` in its place."""
OVERLAP_MARGIN = 0.05
"""Loss of an overlap (Jaccard), or change of an attack's success rate, that does not matter; `overlap_margin`."""
LEVEL = 0.05
POWER = 0.8
"""Of the study that `examples_needed` and `trainings_needed` describe."""
MOST_TIMES = 10_000.0
"""As many examples again are no advice."""
MOST_TRAININGS = 30
"""More trainings than these nobody makes for a floor."""

Conclusion = Literal["same", "different", "cannot tell"]
Pair = tuple[str, str]


@dataclass(frozen=True)
class Floor:
    """The deployments that differ from the reference by noise alone."""

    kind: Literal["execution", "seed"]
    """execution: the reference run once more; seed: its recipe trained again, with another seed each."""
    members: tuple[str, ...]
    """Their names."""


Floors = Mapping[str, Floor]
"""By deployment that may be judged."""


def members_of(floors: Floors | None) -> list[str]:
    """Names of the deployments that any of them is made of."""
    return sorted({member for floor in (floors or {}).values() for member in floor.members})


@dataclass(frozen=True)
class Verdict:
    """A deployment's distance from the reference against its floor."""

    conclusion: Conclusion
    """same: beyond the floor by less than the margin; different: beyond the floor; cannot tell: neither is shown."""
    floor: Estimate
    """The distance that noise alone makes, in the unit of the distance; of several trainings their mean."""
    floor_kind: Literal["execution", "seed"]
    """What made the floor: the reference run once more, or trained again."""
    trainings: int
    """Trainings of the reference's recipe that it rests on, the reference among them; 1: the floor is of execution."""
    excess: Estimate
    """The distance less the floor; its interval is the inversion of the two tests at their corrected levels."""
    times_floor: Estimate
    """The distance over the floor; without a value where the floor is 0."""
    p_different: float | None
    """p of "different", 0 to 1, corrected for the number of deployments (Holm); None: there is no test."""
    p_same: float | None
    """p of "same", 0 to 1, corrected likewise; None: there is no test."""
    margin: float
    """Excess that does not matter, in the unit of the distance."""
    examples_needed: int | None
    """How many examples would tell, with a chance of 80 %; None where these do, none could, or trainings lack."""
    trainings_needed: int | None
    """How many trainings, the reference's among them, would tell with a chance of 80 %; None where these do, none
    could, or the floor is of execution."""
    evidence: PairedShares | NormalChange | Trainings
    """What the tests are made of, so that the excess can be held against another margin at another level."""


class Evidence(Protocol):
    """What is known of a difference: its tests, and their inversions."""

    @property
    def difference(self) -> float: ...

    def p_above(self, difference: float) -> float:
        """p of a true difference of ``difference`` or less, against more; NaN: there is no test."""
        ...

    def p_below(self, difference: float) -> float: ...

    def low(self, tail: float) -> float:
        """The largest difference that `p_above` refuses at ``tail``; NaN: there is no test."""
        ...

    def high(self, tail: float) -> float: ...

    def times_needed(self, margin: float, level_different: float, level_same: float) -> float:
        """How many times as many examples would tell, with a chance of `POWER`, if the difference is what was seen."""
        ...

    def trainings_needed(self, margin: float, levels: tuple[float, float], beyond: float = 0.0) -> int | None:
        """How many trainings would tell likewise; None: none, or it is not a matter of trainings.

        ``beyond``: the difference that "different" is held against.
        """
        ...


@dataclass(frozen=True)
class ExampleOutcomes:
    """Whether examples count in a distance that is a share of them, so that their tests need no normal errors."""

    columns: Mapping[Pair, Bools]
    """(n,) by pair of deployments, as the distances."""
    effect: float
    """Their design effect."""

    def change(self, floor: Pair, held: Pair) -> PairedShares:
        """The share of ``held`` less that of ``floor``, a pair each."""
        first, second = (
            self.columns[pair] if pair in self.columns else self.columns[pair[::-1]] for pair in (floor, held)
        )
        return PairedShares.of(first, second, self.effect)


def judge(
    distances: Mapping[Pair, Floats],
    reference: str,
    floors: Floors,
    margin: float,
    *,
    examples: int,
    outcomes: ExampleOutcomes | None = None,
    sizes: Mapping[Pair, float] | None = None,
) -> dict[str, Verdict]:
    """Judge every deployment of `floors` whose distance and floor are known.

    Against an execution floor the test is paired over the examples: a score test where the distance is a share of them
    (``outcomes``), else a normal one with the errors of the resamples that distance and floor share. A share of other
    things (``sizes``: effective numbers of them) has at least the error of a binomial under the margin, as a sample
    without a single case does not prove that there is none.

    Against a seed floor the claim is about trainings: whether the distance is that of one more training of the
    reference's recipe (`Trainings`). Two trainings have one distance, and so no spread: they cannot tell.

    Args:
        distances: for pairs of deployments (rows,) as `GroupBootstrap.weights` has rows. A pair stands for both
            directions where the other direction is not there.
        reference: from which the distance of a deployment is taken.
        floors: see `Floors`. Deployments whose floor is not known are left out.
        margin: the largest excess that does not matter, in the distance's own unit.
        examples: how many examples the distances are of.
    """

    def between(a: str, b: str) -> Floats | None:
        pair_distance = distances.get((a, b))
        return distances.get((b, a)) if pair_distance is None else pair_distance

    judged: dict[str, _Judged] = {}
    for name, floor in floors.items():
        distance = between(reference, name)
        noise = {one: row for one in floor.members if (row := between(reference, one)) is not None}
        noise = {one: row for one, row in noise.items() if not np.isnan(row[0])}
        if distance is None or not noise or np.isnan(distance[0]):
            continue
        mean = np.mean(list(noise.values()), axis=0)
        difference = float(distance[0] - mean[0])
        evidence: PairedShares | NormalChange | Trainings
        if floor.kind == "seed":
            trainings = [reference, *noise]
            table = np.array([[_value(between(a, b)) for b in trainings] for a in trainings])
            evidence = Trainings.of(float(distance[0]), table, number(_error(distance - mean)))
        elif outcomes is not None:
            evidence = outcomes.change((reference, next(iter(noise))), (reference, name))
        else:
            size = None if sizes is None else sizes.get((reference, name), sizes.get((name, reference)))
            evidence = NormalChange(difference, number(_error(distance - mean)), size)
        judged[name] = _Judged(floor.kind, 1 + len(noise) if floor.kind == "seed" else 1, evidence, distance, mean)
    return _verdicts(judged, margin, examples)


def _error(row: Floats) -> float:
    return float(standard_errors(row[:, None])[0])


def _value(row: Floats | None) -> float:
    return float("nan") if row is None else float(row[0])


@dataclass(frozen=True)
class _Judged:
    kind: Literal["execution", "seed"]
    trainings: int
    evidence: PairedShares | NormalChange | Trainings
    distance: Floats
    floor: Floats


def _verdicts(judged: Mapping[str, _Judged], margin: float, examples: int) -> dict[str, Verdict]:
    if not judged:
        return {}
    different = Family.of([one.evidence.p_above(0.0) for one in judged.values()])
    same = Family.of([one.evidence.p_below(margin) for one in judged.values()])
    floors = estimates(np.stack([one.floor for one in judged.values()], axis=1))
    ratios = estimates(np.stack([divide(one.distance, one.floor) for one in judged.values()], axis=1))
    verdicts = {}
    for i, (name, one) in enumerate(judged.items()):
        conclusion = _conclude(different.p[i], same.p[i])
        levels = different.levels[i], same.levels[i]
        open_question = conclusion == "cannot tell"
        verdicts[name] = Verdict(
            conclusion=conclusion,
            floor=floors[i],
            floor_kind=one.kind,
            trainings=one.trainings,
            excess=Estimate(
                one.evidence.difference, number(one.evidence.low(levels[0])), number(one.evidence.high(levels[1]))
            ),
            times_floor=ratios[i],
            p_different=number(different.p[i]),
            p_same=number(same.p[i]),
            margin=margin,
            examples_needed=_examples(one.evidence, margin, levels, examples) if open_question else None,
            trainings_needed=one.evidence.trainings_needed(margin, levels) if open_question else None,
            evidence=one.evidence,
        )
    return verdicts


@dataclass(frozen=True)
class Family:
    """p values of one question asked of several deployments, corrected by Holm (1979). NaN: not asked."""

    p: Floats
    """Corrected: each below `LEVEL` with a family-wise error of `LEVEL`."""
    levels: Floats
    """What each p value as it was is compared with; 0 < level <= `LEVEL`."""

    @classmethod
    def of(cls, p: Sequence[float]) -> Family:
        values = np.asarray(p, dtype=np.float64)
        asked = int((~np.isnan(values)).sum())
        levels = np.full(values.shape, LEVEL)
        level, refusing = LEVEL, True
        for place, i in enumerate(np.argsort(values)[:asked]):
            # After the first that is not refused none is: the rest have its level.
            level = LEVEL / (asked - place) if refusing else level
            levels[i] = level
            refusing = refusing and bool(values[i] < level)
        return cls(holm(values), levels)


@dataclass(frozen=True)
class NormalChange:
    """A difference with a normal error, at least that of a binomial where it is of shares of ``size`` things."""

    difference: float
    """In the unit of what is compared."""
    error: float | None
    """Standard error over the examples; None: too few resamples have a value, and there is no test."""
    size: float | None
    """Things that a share is of; None: it is no share."""

    def _error(self, difference: float) -> float:
        if self.error is None:
            return float("nan")
        share = min(1.0, abs(difference))
        return self.error if not self.size else max(self.error, sqrt(share * (1 - share) / self.size))

    def p_above(self, difference: float) -> float:
        return _tail(self.difference - difference, self._error(difference))

    def p_below(self, difference: float) -> float:
        return _tail(difference - self.difference, self._error(difference))

    def low(self, tail: float) -> float:
        return edge(lambda delta: self.p_above(delta) < tail, -1.0, self.difference)

    def high(self, tail: float) -> float:
        return edge(lambda delta: self.p_below(delta) < tail, 1.0, self.difference)

    def times_needed(self, margin: float, level_different: float, level_same: float) -> float:
        error = float("nan") if self.error is None else self.error
        return _times(self.difference, margin, level_different, level_same, 1.0, error, self._error)

    def trainings_needed(self, margin: float, levels: tuple[float, float], beyond: float = 0.0) -> int | None:
        return None


@dataclass(frozen=True)
class PairedShares(PairedChange):
    """A share of the examples less its floor, as evidence: paired, in effective numbers of examples."""

    # Named anew for the JSON schema, which has the docstrings of a class's own fields alone.
    gained: float
    """Examples that the floor does not have."""
    lost: float
    """Examples that the floor alone has."""
    n: float
    """All examples."""

    def times_needed(self, margin: float, level_different: float, level_same: float) -> float:
        error = sqrt(max(0.0, (self.gained + self.lost) / self.n - self.difference**2))
        return _times(self.difference, margin, level_different, level_same, self.n, error, self.error_under)

    def trainings_needed(self, margin: float, levels: tuple[float, float], beyond: float = 0.0) -> int | None:
        return None


@dataclass(frozen=True)
class Trainings:
    """A distance from the reference beside those of further trainings of its recipe.

    Under the hypothesis that the deployment is one more training, its distance is one more from the same distribution,
    whatever the examples: the prediction interval of a t distribution. It is of the distances' square roots: now and
    then a training is far from all others, so that distances themselves lean to the right, and the more examples, the
    less does noise hide it (7 to 8 % false *different* for the 5 % promised: docs/verification.md). The root steadies
    the variance of small shares (Bartlett 1936) and takes most of the lean away.
    """

    distance: float
    """The deployment's from the reference; 0 or more."""
    difference: float
    """The distance less the mean of those of the other trainings."""
    spread: float | None
    """Standard deviation of the distances of further trainings from the reference; None: from two trainings none."""
    root: float
    """The mean of the square roots of the other trainings' distances from the reference."""
    root_spread: float | None
    """The spread of the square roots of distances."""
    trainings: int
    """The reference among them."""
    error: float | None
    """Standard error of the difference over the examples; None: too few resamples have a value."""

    @classmethod
    def of(cls, distance: float, table: ArrayLike, error: float | None) -> Trainings:
        """``table``: (trainings, trainings) distances from each to each, the reference first."""
        among = np.asarray(table, dtype=np.float64)
        roots = np.sqrt(np.maximum(among, 0.0))
        return cls(
            distance=distance,
            difference=distance - float(among[0, 1:].mean()),
            spread=number(training_spread(among)),
            root=float(roots[0, 1:].mean()),
            root_spread=number(training_spread(roots)),
            trainings=len(among),
            error=error,
        )

    @property
    def _spread(self) -> float:
        return float("nan") if self.spread is None else self.spread

    @property
    def _prediction(self) -> float:
        """Error of the root of one more training's distance less the mean root."""
        spread = float("nan") if self.root_spread is None else self.root_spread
        return spread * sqrt(1 + 1 / max(1, self.trainings - 1))

    def _beyond(self, difference: float) -> float:
        """By how much the root of the distance less ``difference`` is larger than the mean root."""
        return sqrt(max(0.0, self.distance - difference)) - self.root

    @property
    def _mean(self) -> float:
        """Error of the difference, if the deployment stays and trainings and examples are drawn anew."""
        if self.error is None:
            return float("nan")
        return sqrt(self._spread**2 / max(1, self.trainings - 1) + self.error**2)

    @property
    def _freedom(self) -> float:
        """Of `_mean` (Satterthwaite 1946); the error over examples is taken as known."""
        varied = self._spread**2 / max(1, self.trainings - 1)
        return (self.trainings - 1) * (self._mean**2 / varied) ** 2 if varied > 0 else 1e6

    def p_above(self, difference: float) -> float:
        return _tail(self._beyond(difference), self._prediction, self.trainings - 1)

    def p_below(self, difference: float) -> float:
        return _tail(difference - self.difference, self._mean, self._freedom)

    def low(self, tail: float) -> float:
        return self.distance - (self.root + _quantile(tail, self.trainings - 1) * self._prediction) ** 2

    def high(self, tail: float) -> float:
        return self.difference + _quantile(tail, self._freedom) * self._mean

    def times_needed(self, margin: float, level_different: float, level_same: float) -> float:
        return float("nan")  # more examples do not tell trainings apart

    def trainings_needed(self, margin: float, levels: tuple[float, float], beyond: float = 0.0) -> int | None:
        """How many trainings would tell, if difference and spread are what was seen."""
        if self.spread is None:
            return 3
        for count in range(self.trainings + 1, MOST_TRAININGS + 1):
            more = replace(self, trainings=count)
            shown = (
                _power(self._beyond(beyond), more._prediction, count - 1, levels[0]),
                _power(margin - self.difference, more._mean, more._freedom, levels[1]),
            )
            if max(shown) >= POWER:
                return count
        return None


def training_spread(distances: ArrayLike) -> float:
    """How far the distances of one recipe's trainings from one of them scatter: a standard deviation.

    Each distance is that of a source and a target, which both have an effect of their own (Searle et al. 1992): row
    and column effects are fitted to all pairs, so that three trainings tell more than the two distances from one. The
    scatter is that of the column effects with what they do not explain.

    `distances`: (trainings, trainings) from each to each; the diagonal is not read. NaN of fewer than three.
    """
    table = np.asarray(distances, dtype=np.float64)
    k = len(table)
    rows, columns = np.nonzero(~np.eye(k, dtype=bool))
    if k < 3 or np.isnan(table[rows, columns]).any():
        return float("nan")
    design = np.zeros((len(rows), 2 * k + 1))
    design[:, 0] = 1
    design[np.arange(len(rows)), 1 + rows] = 1
    design[np.arange(len(rows)), 1 + k + columns] = 1
    values = table[rows, columns]
    fitted = np.linalg.lstsq(design, values, rcond=None)[0]
    effects = fitted[1 + k :]
    variance = float(np.var(effects, ddof=1))
    if k > 3:
        # Half of the pairs repeat the others where a distance has no direction; then as many degrees of freedom.
        left = float(np.square(values - design @ fitted).sum() / 2) / (k * (k - 3) / 2)
        variance += left * (1 - 1 / (k - 2))
    return sqrt(variance)


@dataclass(frozen=True)
class ScoreChange:
    """A change of score against the reference, in both directions."""

    conclusion: Conclusion
    """same: the interval lies within the margin either way; different: it leaves out 0; cannot tell: neither."""
    change: Estimate
    """The deployment's score less the reference's, in shares; its interval is corrected for the number of deployments
    (Holm)."""
    p_different: float | None
    """Two-sided p of a change, 0 to 1: McNemar's test with the design effect of groups, corrected likewise. None: there
    is no test."""
    p_same: float | None
    """p of a change beyond the margin, 0 to 1, corrected likewise; None: there is no test."""
    margin: float
    """Change either way that does not matter, in shares."""
    examples_needed: int | None
    """How many examples would tell, with a chance of 80 %; None where these do, or none could."""
    evidence: PairedShares
    """What the tests are made of, so that the change can be held against another limit at another level."""


def judge_changes(
    changes: Mapping[str, PairedShares], margin: float, examples: Mapping[str, int]
) -> dict[str, ScoreChange]:
    """Judge changes that may be gains or losses, such as that of the share of right answers.

    Both questions are two-sided at `LEVEL`, so that the one interval answers them. `examples`: over how many each is.
    """
    different = Family.of([2 * min(one.p_above(0.0), one.p_below(0.0), 0.5) for one in changes.values()])
    same = Family.of([2 * max(one.p_below(margin), one.p_above(-margin)) for one in changes.values()])
    score_changes = {}
    for i, (name, one) in enumerate(changes.items()):
        conclusion = _conclude(different.p[i], same.p[i])
        level = float((same if conclusion == "same" else different).levels[i])
        score_changes[name] = ScoreChange(
            conclusion=conclusion,
            change=one.interval(level / 2),
            p_different=number(different.p[i]),
            p_same=number(min(1.0, same.p[i])),
            margin=margin,
            examples_needed=_examples(
                PairedShares(max(one.gained, one.lost), min(one.gained, one.lost), one.n),
                margin,
                (different.levels[i] / 2, same.levels[i] / 2),
                examples[name],
            )
            if conclusion == "cannot tell"
            else None,
            evidence=one,
        )
    return score_changes


def holm(p: ArrayLike) -> Floats:
    """Holm's adjusted p values (1979): each below `LEVEL` with a family-wise error of `LEVEL`. NaN stays."""
    values = np.asarray(p, dtype=np.float64)
    adjusted: Floats = np.full(values.shape, np.nan)
    order = [i for i in np.argsort(values) if not np.isnan(values[i])]
    largest = 0.0
    for place, i in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - place) * values[i]))
        adjusted[i] = largest
    return adjusted


def _conclude(p_different: float, p_same: float) -> Conclusion:
    if p_same < LEVEL:
        return "same"
    return "different" if p_different < LEVEL else "cannot tell"


def _tail(value: float, error: float, freedom: float | None = None) -> float:
    """P(Z > value / error) for a standard normal, or Student's t; without an error the sign decides. NaN stays."""
    from scipy.special import ndtr, stdtr

    if np.isnan(error):
        return float("nan")
    if error <= 1e-12:
        return 0.0 if value > 0 else 1.0
    return float(ndtr(-value / error) if freedom is None else stdtr(freedom, -value / error))


def _quantile(tail: float, freedom: float) -> float:
    from scipy.special import stdtrit

    return float(-stdtrit(freedom, tail))


def _power(distance: float, error: float, freedom: float, level: float) -> float:
    """The chance that a t test at ``level`` shows a true ``distance``."""
    from scipy.special import nctdtr

    if distance <= 0:
        return 0.0
    return 1.0 if error <= 0 else float(1 - nctdtr(freedom, distance / error, _quantile(level, freedom)))


def _times(
    difference: float,
    margin: float,
    level_different: float,
    level_same: float,
    n: float,
    error: float,
    error_under: Callable[[float], float],
) -> float:
    """How many times as large a sample would tell; ``error`` and ``error_under(d)``, if d is true, are of ``n``."""
    from scipy.special import ndtr, ndtri

    def power(times: float) -> float:
        """The chance of either answer."""
        root = sqrt(times * n)
        same = margin + float(ndtri(level_same)) * error_under(margin) / root
        different = -float(ndtri(level_different)) * error_under(0.0) / root
        spread = max(error / root, 1e-12)
        below = float(ndtr((same - difference) / spread))
        return below + max(0.0, float(ndtr((difference - max(same, different)) / spread)))

    if power(MOST_TIMES) < POWER:
        return float("nan")
    few, many = 1.0, MOST_TIMES
    for _ in range(60):
        middle = sqrt(few * many)
        few, many = (few, middle) if power(middle) >= POWER else (middle, many)
    return many


def _examples(evidence: Evidence, margin: float, levels: tuple[float, float], examples: int) -> int | None:
    """Examples at which the difference would be told, to two significant digits; None where that is no answer."""
    needed = evidence.times_needed(margin, *levels) * examples
    if not np.isfinite(needed) or needed <= examples:
        return None
    digits = 10 ** max(0, len(str(int(needed))) - 2)
    return int(ceil(needed / digits) * digits)
