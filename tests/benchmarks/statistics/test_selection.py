import numpy as np
import pytest

from benchmarks.statistics.bootstrap import UNDEFINED
from benchmarks.statistics.selection import interval_of_the_chosen, may_be_best
from benchmarks.statistics.shares import PairedChange, share_interval
from tests.benchmarks.figures import complete

STUDIES, N, TEN = 400, 600, 10


def ten(rng, shares):
    """(n, ten) whether each of ten deployments changes an example; what is hard is hard for all."""
    hard = rng.beta(0.3, 1.0, N)
    return rng.random((N, TEN)) < np.minimum(1, hard[:, None] * np.asarray(shares) / (0.3 / 1.3))


def p_worse(changed):
    return lambda one, other: PairedChange.of(changed[:, other], changed[:, one], 1.0).p_above(0.0)


def test_the_interval_of_the_chosen_of_ten_equals_holds_its_truth():
    held = alone = 0
    for seed in range(STUDIES):
        changed = ten(np.random.default_rng(seed), [0.05] * TEN)
        best = share_interval(float(changed.sum(axis=0).min()), N)
        low, _, high = complete(interval_of_the_chosen(best, N, TEN))
        held += low <= 0.05 <= high
        low, _, high = complete(best)
        alone += low <= 0.05 <= high
    assert held / STUDIES >= 0.93
    assert alone / STUDIES < 0.93  # the interval of one that was not chosen


def test_the_best_is_among_those_that_may_be():
    kept = size = 0
    for seed in range(STUDIES):
        changed = ten(np.random.default_rng(seed), [0.04, *[0.045] * 4, *[0.15] * 5])
        found = may_be_best(range(TEN), p_worse(changed))
        kept, size = kept + (0 in found), size + len(found)
    assert kept / STUDIES >= 0.94
    assert size / STUDIES < 6  # those that change nearly four times as many are told


@pytest.mark.parametrize("count", [1, 2])
def test_few_candidates(count):
    assert may_be_best(list(range(count)), lambda one, other: 1.0) == list(range(count))
    assert interval_of_the_chosen(UNDEFINED, 10, count) == UNDEFINED
    assert interval_of_the_chosen(share_interval(3, 10), 10, 1) == share_interval(3, 10)
