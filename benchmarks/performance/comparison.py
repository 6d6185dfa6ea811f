"""Changes of a figure between two sets of fresh processes: a rank test, a ratio with its interval, a conclusion.

The unit is the process: timings within one share its memory layout, its warm-up and the machine's mood, and count as
one value. A change is *higher* or *lower* where it is, beyond chance, larger than a minimum that matters (Mann and
Whitney 1947 against that minimum, corrected by Holm 1979 over all that is tested together): two runs of the same thing
are made at different times, and differ by a little that no number of processes averages out. Few processes can show
nothing, and that is said.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import comb, isfinite
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.errors import BenchmarkError
from benchmarks.statistics.bootstrap import CONFIDENCE, Estimate, Floats, number
from benchmarks.statistics.equivalence import LEVEL, holm
from benchmarks.statistics.limits import Ratio
from benchmarks.statistics.shares import TAIL

Conclusion = Literal["higher", "lower", "no change seen", "cannot tell"]
Values = tuple[float, ...]
Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True)
class Sample:
    """One figure of one thing, a value a process, all above 0 and in the same unit."""

    before: Values
    after: Values
    doubt: str = ""
    """Why the values prove nothing, such as a timing that did not settle. They are tested, but conclude nothing."""
    left_out: int = 0
    """Processes of either side that are not among the values, because theirs prove nothing."""


@dataclass(frozen=True)
class PairedRatios:
    """A figure that is a ratio on each side already, with its 95 % interval: a speed-up that was measured in pairs."""

    before: Estimate
    after: Estimate
    doubt: str = ""
    """Likewise."""

    @property
    def change(self) -> Ratio:
        """Raises BenchmarkError where an end of an interval is not known, or not above 0."""
        before, after = Ratio.of(self.before), Ratio.of(self.after)
        if before is None or after is None:
            raise BenchmarkError(
                f"{self.before} and {self.after}: have no ratio with an interval; leave the figure out"
            )
        return after.over(before)


@dataclass(frozen=True)
class RatioChange:
    """What two samples say: their ratio after/before, and whether it is a change.

    `p` is corrected for everything tested together, `p_alone` is not; None where no test of so few processes could
    ever reach the level. `processes_needed`: how many on each side could; None where these are enough.
    """

    conclusion: Conclusion
    ratio: Estimate
    p: float | None = None
    p_alone: float | None = None
    processes_needed: int | None = None
    reason: str = ""


def judge(samples: Mapping[Name, Sample | PairedRatios], minimum_effect: float) -> dict[Name, RatioChange]:
    """Judge figures together. Raises BenchmarkError for an empty sample, or a value that is not above 0.

    Paired ratios are tested by a normal error of their logarithms, as wide as their intervals; samples by ranks.

    A figure with so few processes that it could not reach the level even alone is not tested, and does not weigh on
    the others (Tarone 1990). `minimum_effect`: the largest |ratio - 1| that does not matter.
    """
    if not isfinite(minimum_effect) or minimum_effect < 0:
        raise BenchmarkError(f"minimum effect {minimum_effect}: give a share of 0 or more, such as 0.05")
    for name, sample in samples.items():
        if isinstance(sample, PairedRatios):
            continue
        if not sample.before or not sample.after:
            raise BenchmarkError(f"{name}: no values on one side; leave the figure out")
        if not all(isfinite(value) and value > 0 for value in sample.before + sample.after):
            raise BenchmarkError(f"{name}: a value that is not above 0 has no ratio; leave the figure out")
    testable = [name for name, sample in samples.items() if _smallest_p(sample) < LEVEL]
    alone = {name: _beyond(samples[name], minimum_effect) for name in testable}
    corrected = dict(zip(testable, holm([alone[name] for name in testable]), strict=True))
    return {
        name: _conclude(
            sample,
            alone.get(name),
            number(corrected[name]) if name in corrected else None,
            len(samples),
        )
        for name, sample in samples.items()
    }


def judge_exactly(before: float, after: float, minimum_effect: float) -> RatioChange:
    """Judge a figure without noise, such as the size of a file: only the minimum effect counts."""
    if not (isfinite(before) and isfinite(after)) or before <= 0 or after <= 0:
        raise BenchmarkError(f"{before} and {after}: a value that is not above 0 has no ratio; leave the figure out")
    ratio = after / before
    if abs(ratio - 1) > minimum_effect:
        return RatioChange("higher" if ratio > 1 else "lower", Estimate(ratio, ratio, ratio), reason="exact")
    return RatioChange(
        "no change seen",
        Estimate(ratio, ratio, ratio),
        reason="exact: the same" if before == after else "exact: differs by less than the minimum effect",
    )


def beyond(before: Values, after: Values, minimum_effect: float) -> float:
    """p of there being no change, or one of ``minimum_effect`` at most: the rank test against the nearer edge.

    1 where the estimate itself is no larger. (Murphy and Myors 1999 call such a test one of a minimum effect.)
    """
    value = ratio(before, after).value
    assert value is not None  # all values are above 0
    if abs(value - 1) <= minimum_effect:
        return 1.0
    edge = 1 + minimum_effect if value > 1 else 1 - minimum_effect
    return mann_whitney(before, tuple(one / edge for one in after))


def _beyond(sample: Sample | PairedRatios, minimum_effect: float) -> float:
    if isinstance(sample, Sample):
        return beyond(sample.before, sample.after, minimum_effect)
    change = sample.change
    nearer = change.p_above(1 + minimum_effect) if change.value > 1 else change.p_below(1 - minimum_effect)
    return 1.0 if abs(change.value - 1) <= minimum_effect else min(1.0, 2 * nearer)


def mann_whitney(before: Values, after: Values) -> float:
    """The exact two-sided p of the rank test, given ties.

    Without ties by SciPy. With ties, which memory in whole pages has, SciPy's exact method does not hold; then by the
    permutation distribution of the mid-ranks, p = P(|W - E W| >= |w - E W|).
    """
    from scipy.stats import mannwhitneyu, rankdata

    values = np.array(before + after)
    if len(np.unique(values)) == len(values):
        return float(mannwhitneyu(before, after, alternative="two-sided", method="exact").pvalue)
    # doubled, mid-ranks are integers
    ranks = np.rint(2 * rankdata(values)).astype(np.int64)
    ways = _ways(ranks, len(after))
    # distances from the expectation times the number of values are integers too, so nothing is lost to rounding
    expected = len(after) * int(ranks.sum())
    away = np.abs(len(values) * np.arange(len(ways)) - expected)
    seen = abs(len(values) * int(ranks[len(before) :].sum()) - expected)
    return min(1.0, float(ways[away >= seen].sum() / ways.sum()))


def ratio(before: Values, after: Values) -> Estimate:
    """The median of all ratios after/before, with the interval of at least 95 % that the rank test does not reject.

    The estimate of Hodges and Lehmann (1963) on logarithms, its ends order statistics of the ratios by the exact
    distribution of Mann and Whitney's U (Moses; Hollander and Wolfe 1999, 4.3). Without an interval below four
    processes on each side: even the widest would hold less than 95 %.
    """
    logs = np.sort(np.subtract.outer(np.log(after), np.log(before)), axis=None)
    left_out = _left_out(len(before), len(after))
    value = float(np.exp(np.median(logs)))
    if left_out is None:
        return Estimate(value, None, None)
    return Estimate(value, float(np.exp(logs[left_out])), float(np.exp(logs[-1 - left_out])))


def smallest_p(before: int, after: int) -> float:
    """The least two-sided p of the rank test: every process of one side beyond every one of the other."""
    return min(1.0, 2 / comb(before + after, after))


def processes_needed(tests: int) -> int:
    """On each side, so that the first of `tests` figures can pass Holm's correction."""
    processes = 1
    while tests * smallest_p(processes, processes) >= LEVEL:
        processes += 1
    return processes


def _smallest_p(sample: Sample | PairedRatios) -> float:
    return smallest_p(len(sample.before), len(sample.after)) if isinstance(sample, Sample) else 0.0


def _conclude(sample: Sample | PairedRatios, alone: float | None, p: float | None, figures: int) -> RatioChange:
    estimate = _estimate(sample)
    if sample.doubt:
        return RatioChange("cannot tell", estimate, p, alone, reason=sample.doubt)
    if p is not None and p < LEVEL:
        assert estimate.value is not None  # all values are above 0
        return RatioChange("higher" if estimate.value > 1 else "lower", estimate, p, alone)
    if isinstance(sample, Sample) and figures * _smallest_p(sample) >= LEVEL:
        needed = processes_needed(figures)
        few = "too few processes that settled, undisturbed" if sample.left_out else "too few processes"
        return RatioChange("cannot tell", estimate, p, alone, needed, f"{few}: {needed} a side could tell")
    if estimate.low is not None and estimate.high is not None and not estimate.low <= 1 <= estimate.high:
        return RatioChange("no change seen", estimate, p, alone, reason="a change, but not beyond the minimum effect")
    return RatioChange("no change seen", estimate, p, alone)


def _estimate(sample: Sample | PairedRatios) -> Estimate:
    if isinstance(sample, Sample):
        return ratio(sample.before, sample.after)
    change = sample.change
    return Estimate(change.value, change.low(TAIL), change.high(TAIL))


@lru_cache
def _left_out(before: int, after: int) -> int | None:
    """How many of the sorted ratios lie outside each end of the 95 % interval; None where it would need all."""
    ranks = np.arange(1, before + after + 1)
    ways = _ways(ranks, after)[after * (after + 1) // 2 :]  # from U = 0
    beyond = int(np.searchsorted(np.cumsum(ways) / ways.sum(), (1 - CONFIDENCE) / 2, side="right"))
    return beyond - 1 if beyond else None


def _ways(ranks: NDArray[np.int64], chosen: int) -> Floats:
    """In how many ways `chosen` of the whole numbers `ranks` have each sum from 0 to that of all.

    The shift algorithm of Streitberg and Röhmel (1986): with every further rank, the ways to have chosen one more
    are those before, shifted by it.
    """
    total = int(ranks.sum())
    ways: Floats = np.zeros((chosen + 1, total + 1))
    ways[0, 0] = 1
    for rank in ranks:
        ways[1:, rank:] += ways[:-1, : total + 1 - rank]
    counts: Floats = ways[chosen]
    return counts
