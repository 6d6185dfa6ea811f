"""Stability of a series of timings: drift, spread and the tail, each as a share, and what to do about it.

pyperf's checks are the model: a figure is never dropped; a warning says what is wrong and what to try.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter_ns

import numpy as np
from numpy.typing import NDArray

from benchmarks.performance.timing_warning import TimingWarning

Integers = NDArray[np.int64]

DRIFT = 0.10
"""Timings of one thing may differ by this share between the earlier and the later half of a series."""
SPREAD = 0.10
"""The robust standard deviation of one thing's timings may be this share of their median, as in pyperf."""
TAIL = 0.20
"""The p99 of the earlier and of the later half may differ by this share."""
SETTLED = 0.05
"""A warm-up ends when its later rounds differ from the earlier ones by this share at most."""
CHANCE = 3.0
"""Standard errors beyond which a trend is no chance."""

WARMUP_TEXTS = 4
WARMUP_WINDOW = 4
"""Rounds over the warm-up texts: the later half of the window is held against the earlier."""

IQR_OF_NORMAL = 1.349
"""The interquartile range of a normal distribution, in standard deviations."""


@dataclass(frozen=True)
class WarmUp:
    """How long a warm-up took, and whether timings had stopped to change when it ended."""

    seconds: float
    change: float | None
    """The last one seen: later rounds over earlier ones, less 1. None where there were too few rounds."""
    settled: bool


def warm_up(infer: Callable[[int], object], samples: int, *, seconds: float, at_most: float) -> WarmUp:
    """Infer until nothing changes any more.

    First through all samples, for ``seconds``: new shapes cost a runtime time of their own. Then round after round
    over a few of them, until the later half of the last rounds is as fast as the earlier half (`SETTLED`), each
    text held against itself; ``at_most`` seconds in all.
    """
    started = perf_counter_ns()

    def elapsed() -> float:
        return (perf_counter_ns() - started) / 1e9

    index = 0
    while elapsed() < seconds:
        infer(index)
        index = (index + 1) % samples

    rounds: list[list[int]] = []
    change = None
    while elapsed() < at_most:
        rounds.append([_timed(infer, index) for index in range(min(WARMUP_TEXTS, samples))])
        if len(rounds) >= WARMUP_WINDOW:
            change = drift(np.array(rounds[-WARMUP_WINDOW:], dtype=np.int64))
            if abs(change) <= SETTLED:
                return WarmUp(elapsed(), change, settled=True)
    return WarmUp(elapsed(), change, settled=False)


def _timed(infer: Callable[[int], object], index: int) -> int:
    before = perf_counter_ns()
    infer(index)
    return perf_counter_ns() - before


def drift(passes: Integers) -> float:
    """How much slower (+) or faster (-) the later half of the passes was, as a share.

    ``passes`` is (passes, samples) in ns, two passes at least. Each sample is compared with itself, since
    samples differ in length; the median over samples is not moved by single outliers.
    """
    middle = len(passes) // 2
    later = np.median(passes[-middle:], axis=0)
    earlier = np.maximum(np.median(passes[:middle], axis=0), 1)
    return float(np.median(later / earlier)) - 1.0


def trend(timings: Integers) -> float:
    """Spearman's correlation of a series with time, in units of its standard error 1/sqrt(n - 1).

    For a series in which samples come in no order of length: a trend is then the machine's.
    """
    if len(timings) < 3 or np.ptp(timings) == 0:
        return 0.0
    ranks = np.argsort(np.argsort(timings, kind="stable"), kind="stable")
    return float(np.corrcoef(ranks, np.arange(len(ranks)))[0, 1]) * float(np.sqrt(len(ranks) - 1))


def spread(passes: Integers) -> float:
    """How much the timings of one and the same sample scatter: the robust standard deviation over the median.

    ``passes`` is (passes, samples) in ns. The deviation is the interquartile range in units of a normal one's.
    """
    own = passes / np.maximum(np.median(passes, axis=0), 1)
    low, high = np.percentile(own, (25, 75))
    return float(high - low) / IQR_OF_NORMAL


def tail_shift(timings: Integers) -> float:
    """By what share the p99 of the later half of a series differs from that of the earlier."""
    middle = len(timings) // 2
    earlier, later = (np.percentile(half, 99, method="inverted_cdf") for half in (timings[:middle], timings[-middle:]))
    return float(later / max(earlier, 1)) - 1.0


def drift_warning(passes: Integers) -> TimingWarning | None:
    """Why a series of whole passes did not stand still; None where it did."""
    if len(passes) == 1:
        return trend_warning(passes[0])
    change = drift(passes)
    if abs(change) <= DRIFT:
        return None
    text = f"unsteady: the later half was {changed(change)} than the earlier"
    return TimingWarning("drift", text, "raise min_warmup_seconds and min_seconds, or quieten the machine")


def trend_warning(timings: Integers) -> TimingWarning | None:
    """The same of a series whose samples were drawn at random, or came once each."""
    way = trend(timings)
    middle = len(timings) // 2
    if middle == 0 or abs(way) <= CHANCE:
        return None
    if abs(np.median(timings[-middle:]) / max(float(np.median(timings[:middle])), 1.0) - 1) <= SETTLED:
        return None
    direction = "rose" if way > 0 else "fell"
    text = f"unsteady: latency {direction} during the measurement"
    return TimingWarning("trend", text, "raise min_warmup_seconds or quieten the machine")


def spread_warning(passes: Integers) -> TimingWarning | None:
    """Why timings of one and the same sample scatter too widely; None where they do not, or came once each."""
    scatter = spread(passes)
    if len(passes) == 1 or scatter <= SPREAD:
        return None
    text = f"unsteady: timings of the same text scatter by {scatter:.0%}"
    return TimingWarning("scatter", text, "close other work, pin the process to its cores, or raise min_seconds")


def tail_warning(timings: Integers) -> TimingWarning | None:
    """Why the p99 is not to be trusted; None where its two halves agree."""
    shift = tail_shift(timings) if len(timings) > 1 else 0.0
    if abs(shift) <= TAIL:
        return None
    text = f"p99 of the later half was {changed(shift)} than of the earlier"
    return TimingWarning("drift of the tail", text, "raise min_count, or quieten the machine")


def warm_up_warning(warm: WarmUp) -> TimingWarning | None:
    if warm.settled:
        return None
    seen = "too few rounds to tell" if warm.change is None else f"still {changed(warm.change)} from round to round"
    return TimingWarning("warm-up", f"the warm-up ended after {warm.seconds:.0f} s, {seen}", "raise max_warmup_seconds")


def changed(share: float) -> str:
    """ "20% slower" of .2."""
    return f"{abs(share):.0%} {'slower' if share > 0 else 'faster'}"
