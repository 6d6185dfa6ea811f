"""Two things timed in pairs: how many times as fast the one is as the other, on a machine that does other work too.

The idea of duet benchmarking (Bulej et al. 2020): what disturbs the machine disturbs both alike, and is no part of
their ratio. A duet plays at once, on a core each; here both want all cores, so short bursts of the two alternate within
the same second, in random order within each pair (randomised interleaving: Abedi and Brecht 2017). Both answer the
same samples in the same order, and each sample is held against itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, exp, log, sqrt
from random import Random
from statistics import mean, median, stdev

from benchmarks.errors import BenchmarkError
from benchmarks.performance.replicates import median_interval
from benchmarks.statistics.bootstrap import CONFIDENCE

BURST_SECONDS = 0.004
"""Of the slower one's timed requests, one at least. The shorter, the more alike is what disturbs both: measured in
docs/performance.md."""
LEAD = 0.25
"""Of a burst's requests, so many again come before them untimed, one at least: the caches hold the other one's data,
and its threads may still spin. A request as long as a burst has none of that to speak of, and no lead."""
FEWEST_PAIRS = 15
QUANTILE = 0.10
WARM_UP_SECONDS = 0.1
"""Of each, in turns, before the first pair."""
WARM_UP_BURST = 8
"""Requests."""

Burst = Callable[[Sequence[int]], Sequence[int]]
"""Answers the samples of these indices, one after the other; nanoseconds of each."""


@dataclass(frozen=True)
class PairOfBursts:
    """Nanoseconds of the requests of both, of the same sample at the same place."""

    samples: tuple[int, ...]
    reference_first: bool
    reference: tuple[int, ...]
    candidate: tuple[int, ...]


@dataclass(frozen=True)
class SpeedUp:
    """Times as fast as the reference, over pairs of processes."""

    ratio: float
    interval: tuple[float, float] | None
    """95 %; None of a single pair of processes, which tells nothing of others."""
    pairs: int
    processes: int


def in_pairs(
    reference: Burst,
    candidate: Burst,
    lengths: Sequence[int],
    *,
    seconds: float,
    seed: int = 0,
    progress: Callable[[float], None] = lambda fraction: None,
) -> list[PairOfBursts]:
    """Time bursts of the two in turns, after a warm-up in turns: `FEWEST_PAIRS`, more within ``seconds`` of both.

    ``lengths`` are those of the samples, in tokens. ``progress`` hears before each pair what share of all is done.
    """
    if not lengths:
        raise BenchmarkError("no samples to answer; give one at least")
    rng = Random(seed)
    size = ceil(BURST_SECONDS / _slower_seconds(reference, candidate, len(lengths)))
    lead = ceil(LEAD * size) if size > 1 else 0
    pairs: list[PairOfBursts] = []
    spent, reference_first = 0.0, False
    while len(pairs) < FEWEST_PAIRS or spent < seconds:
        progress(min(len(pairs) / FEWEST_PAIRS, spent / seconds))
        samples = burst_samples(lengths, size, rng)
        order = [*rng.choices(range(len(lengths)), k=lead), *samples]
        # At random, and each as often: of two pairs in a row, the second is the other way round.
        reference_first = not reference_first if len(pairs) % 2 else rng.random() < 0.5
        if reference_first:
            one, other = reference(order), candidate(order)
        else:
            other, one = candidate(order), reference(order)
        spent += (sum(one) + sum(other)) / 1e9
        pairs.append(PairOfBursts(tuple(samples), reference_first, tuple(one[lead:]), tuple(other[lead:])))
    return pairs


def burst_samples(lengths: Sequence[int], size: int, rng: Random) -> list[int]:
    """The samples of a burst in random order: short and long ones in their shares, all equally often over bursts.

    Whole passes over all of them, and for the rest one drawn from each of equally large strata of like lengths.
    """
    by_length = sorted(range(len(lengths)), key=lengths.__getitem__)
    passes, rest = divmod(size, len(lengths))
    edges = [stratum * len(lengths) // rest for stratum in range(rest + 1)] if rest else []
    samples = by_length * passes + [by_length[rng.randrange(low, high)] for low, high in pairwise(edges)]
    rng.shuffle(samples)
    return samples


def speed_up(processes: Sequence[Sequence[PairOfBursts]]) -> SpeedUp:
    """The ratio with its interval over pairs and processes; ``processes`` has the pairs of each pair of processes.

    Each pair of processes counts as one value, see `log_ratio`: what a fresh process brings of its own (memory layout,
    placement) is the same in all of its pairs, which are no independent values. The ratio is the median of these
    values: now and then one of two processes stays beside what disturbs a core. How they scatter holds what processes
    as well as what pairs bring, so that an interval of them keeps its level however large the one is against the other:
    of six and more the median's own, free of any distribution; of fewer, which have none, Student's t.

    Raises:
        BenchmarkError: no process has a pair.
    """
    values = [log_ratio(pairs) for pairs in processes if pairs]
    if not values:
        raise BenchmarkError("no pair of processes was timed; give one at least")
    interval = median_interval(values) or _students_interval(values)
    ends = None if interval is None else (exp(interval[0]), exp(interval[1]))
    return SpeedUp(exp(median(values)), ends, sum(map(len, processes)), len(values))


def _students_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """Of few values; it always holds their median."""
    if len(values) < 2:
        return None
    from scipy.special import stdtrit  # not scipy.stats, which takes a second to import

    half = float(stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2)) * stdev(values) / sqrt(len(values))
    return mean(values) - half, mean(values) + half


def log_ratio(pairs: Sequence[PairOfBursts]) -> float:
    """The logarithm of how many times as fast the candidate was: the median over samples, each against itself.

    Of each sample's requests the `QUANTILE` counts. What else runs only ever slows a request down, by milliseconds or
    not at all, so that medians jump where half of the requests are hit. Of a sample that came once, that is its twins'
    ratio.
    """
    taken: dict[int, tuple[list[int], list[int]]] = {}
    for pair in pairs:
        for sample, one, other in zip(pair.samples, pair.reference, pair.candidate, strict=True):
            reference, candidate = taken.setdefault(sample, ([], []))
            reference.append(one)
            candidate.append(other)
    return median(log(_low(reference) / _low(candidate)) for reference, candidate in taken.values())


def _low(nanoseconds: Sequence[int]) -> int:
    """The nearest rank."""
    return max(1, sorted(nanoseconds)[ceil(QUANTILE * len(nanoseconds)) - 1])


def _slower_seconds(reference: Burst, candidate: Burst, samples: int) -> float:
    """Warm both up, over all samples at least once; the median request of the slower one takes so long."""
    seconds, index = 0.0, 0
    while True:
        some = [number % samples for number in range(index, index + WARM_UP_BURST)]
        taken = reference(some), candidate(some)
        seconds, index = seconds + min(map(sum, taken)) / 1e9, index + WARM_UP_BURST
        if index >= samples and seconds >= WARM_UP_SECONDS:
            return max(1, *(median(one) for one in taken)) / 1e9
