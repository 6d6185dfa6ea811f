"""Pairs of bursts on machines that drift and throttle as a formula says: no clock of this one decides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from math import exp, log
from random import Random

import numpy as np
import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.performance.paired import (
    BURST_SECONDS,
    FEWEST_PAIRS,
    WARM_UP_BURST,
    PairOfBursts,
    burst_samples,
    in_pairs,
    log_ratio,
    speed_up,
)

LENGTHS = (5, 9, 120, 30, 31, 8, 64, 77)


class Machine:
    """Answers bursts in nanoseconds that its state decides, and notes who was asked for what."""

    def __init__(self, slowness: Callable[[], float] = lambda: 1.0) -> None:
        self.slowness = slowness
        self.asked: list[tuple[str, tuple[int, ...]]] = []

    def burst(self, name: str, milliseconds: float) -> Callable[[Sequence[int]], list[int]]:
        def answer(samples: Sequence[int]) -> list[int]:
            self.asked.append((name, tuple(samples)))
            return [round(milliseconds * LENGTHS[sample] / 50 * self.slowness() * 1e6) for sample in samples]

        return answer


def measured(machine: Machine, slow: float, fast: float, *, seconds: float = 0.5, seed: int = 0) -> list[PairOfBursts]:
    return in_pairs(machine.burst("one", slow), machine.burst("other", fast), LENGTHS, seconds=seconds, seed=seed)


def test_both_answer_the_same_in_turns_and_in_random_order() -> None:
    machine = Machine()
    pairs = measured(machine, 0.4, 0.2, seconds=1.0)
    turns = list(zip(machine.asked[::2], machine.asked[1::2], strict=True))
    assert all({one[0], other[0]} == {"one", "other"} and one[1] == other[1] for one, other in turns)
    first = [one[0] == "one" for one, _ in turns[-len(pairs) :]]
    assert first == [pair.reference_first for pair in pairs]
    assert 0.3 < np.mean(first) < 0.7
    for turn, pair in zip(turns[-len(pairs) :], pairs, strict=True):  # some come untimed before them
        lead = len(turn[0][1]) - len(pair.samples)
        assert lead > 0 and turn[0][1][lead:] == pair.samples
    assert all(
        len(pair.reference) == len(pair.candidate) == len(pair.samples)
        and pair.reference == tuple(2 * taken for taken in pair.candidate)
        for pair in pairs
    )
    assert log_ratio(pairs) == pytest.approx(log(2))


def test_the_same_seed_gives_the_same_schedule() -> None:
    assert measured(Machine(), 0.4, 0.2, seed=3) == measured(Machine(), 0.4, 0.2, seed=3)
    assert measured(Machine(), 0.4, 0.2, seed=3) != measured(Machine(), 0.4, 0.2, seed=4)


def test_a_burst_is_as_long_as_the_slower_one_makes_it() -> None:
    pairs = measured(Machine(), 1.0, 0.01)
    middle = float(np.median([LENGTHS[sample] for sample in [*range(len(LENGTHS))]])) / 50 * 1e-3
    assert len(pairs[0].samples) == np.ceil(BURST_SECONDS / middle)
    assert len(pairs) > FEWEST_PAIRS


def test_requests_that_are_long_themselves_come_one_at_a_time_and_without_a_lead() -> None:
    machine = Machine()
    pairs = measured(machine, 700, 300)
    assert len(pairs) == FEWEST_PAIRS and {len(pair.samples) for pair in pairs} == {1}
    assert all(len(samples) in (1, WARM_UP_BURST) for _, samples in machine.asked)


def test_bursts_have_short_and_long_samples_in_their_shares() -> None:
    rng = Random(0)
    drawn = [burst_samples(LENGTHS, 4, rng) for _ in range(400)]
    ranks = {sample: rank for rank, sample in enumerate(sorted(range(8), key=LENGTHS.__getitem__))}
    assert all(sorted(ranks[sample] // 2 for sample in samples) == [0, 1, 2, 3] for samples in drawn)
    counts = Counter(sample for samples in drawn for sample in samples)
    assert all(160 < counts[sample] < 240 for sample in range(8))
    assert len({tuple(samples) for samples in drawn}) > 100
    whole = Counter(burst_samples(LENGTHS, 20, rng))
    assert set(whole.values()) == {2, 3} and sum(whole.values()) == 20


def test_nothing_to_time() -> None:
    with pytest.raises(BenchmarkError, match="no samples"):
        in_pairs(lambda _: [], lambda _: [], (), seconds=1)
    with pytest.raises(BenchmarkError, match="no pair of processes"):
        speed_up([[]])


def pair(*ratios: float) -> PairOfBursts:
    """Each of a sample of its own."""
    return PairOfBursts(
        tuple(range(len(ratios))), True, tuple(round(1e6 * ratio) for ratio in ratios), (1_000_000,) * len(ratios)
    )


def test_each_sample_is_held_against_itself_undisturbed() -> None:
    hit = 5_000_000
    pairs = [
        PairOfBursts((0, 1), True, (200, 900 + hit), (100 + hit, 300)),
        PairOfBursts((1, 2), False, (900, 7), (300 + hit, 5)),
        PairOfBursts((0, 0), False, (200 + hit, 200 + hit), (100, 101)),
    ]
    assert log_ratio(pairs) == pytest.approx(log(2))  # of the samples: 2, 3 and 1.4


def test_the_ratio_is_the_median_over_processes_and_the_interval_students() -> None:
    found = speed_up([[pair(2.0, 2.0, 90.0)], [pair(2.2), pair(2.2)], [pair(2.42)]])
    assert found.ratio == pytest.approx(2.2) and (found.pairs, found.processes) == (4, 3)
    assert found.interval is not None
    # t of 2 degrees of freedom is 4.303; the logarithms are log(1.1) apart
    half = 4.302653 * log(1.1) / 3**0.5
    assert np.log(found.interval) == pytest.approx([log(2.2) - half, log(2.2) + half], rel=1e-5)


def test_of_six_processes_the_interval_is_the_medians_own() -> None:
    ratios = (1.0, 1.01, 1.02, 1.04, 1.06, 9.0)
    found = speed_up([[pair(ratio)] for ratio in ratios])
    assert found.ratio == pytest.approx((1.02 * 1.04) ** 0.5) and found.interval == pytest.approx((1.0, 9.0))
    nine = speed_up([[pair(ratio)] for ratio in (0.1, *ratios, 1.03, 1.05)])
    assert nine.interval == pytest.approx((1.0, 1.06)) and nine.ratio == pytest.approx(1.03)


def test_one_pair_of_processes_tells_nothing_of_others() -> None:
    assert speed_up([[pair(2.0)] * 50]).interval is None


def drifting(rng: np.random.Generator) -> Callable[[], float]:
    """AR(1) from request to request, a throttling step somewhere, and now and then a request that was preempted."""
    state, count, step = 0.0, 0, int(rng.integers(0, 1500))

    def slowness() -> float:
        nonlocal state, count
        count += 1
        state = 0.995 * state + float(rng.normal(0, 0.01))
        preempted = 5.0 if rng.random() < 0.02 else 0.0
        return exp(state) * (1.6 if count > step else 1.0) * float(rng.lognormal(0, 0.05)) + preempted

    return slowness


@pytest.mark.slow
@pytest.mark.parametrize(("processes", "own"), [(3, 0.0), (4, 0.01), (6, 0.01)])
def test_the_interval_covers_on_machines_that_drift_and_throttle(processes: int, own: float) -> None:
    """``own``: how the logarithms of two fresh processes of one thing scatter."""
    rng, truth, tries = np.random.default_rng(processes), 1.3, 200
    covered, off = 0, []
    for number in range(tries):
        found = speed_up(
            [
                measured(
                    Machine(drifting(rng)),
                    1.3 * exp(float(rng.normal(0, own))),
                    1.0,
                    seconds=0.05,
                    seed=number * processes + process,
                )
                for process in range(processes)
            ]
        )
        assert found.interval is not None
        covered += found.interval[0] <= truth <= found.interval[1]
        off.append(abs(found.ratio / truth - 1))
    # 2.5 standard errors below 95 % of 200 tries, and above the 96.9 % of six processes
    assert 182 <= covered <= 199
    assert np.quantile(off, 0.95) < 0.03


def test_times_one_after_the_other_would_be_far_off() -> None:
    """What the pairs are for: medians of the same requests, first of the one and then of the other."""
    rng, off = np.random.default_rng(0), []
    for _ in range(40):
        machine = Machine(drifting(rng))
        slow, fast = (machine.burst(name, ms)(list(range(8)) * 90) for name, ms in (("one", 1.3), ("other", 1.0)))
        off.append(abs(float(np.median(slow) / np.median(fast)) / 1.3 - 1))
    assert np.median(off) > 0.05
