"""Inference on the best of many, which was chosen because it looked best."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from benchmarks.statistics.bootstrap import Estimate
from benchmarks.statistics.equivalence import LEVEL
from benchmarks.statistics.shares import TAIL, share_interval

T = TypeVar("T")


def may_be_best(candidates: Sequence[T], p_worse: Callable[[T, T], float]) -> list[T]:
    """The candidates that may be the best: multiple comparisons with the best (Hsu 1984).

    One is left out where it is shown to be worse than any other, each at `LEVEL` over the number of others (Bonferroni;
    the comparisons are paired, and of unequal errors). So the truly best is among them in 95 % of the studies.

    Args:
        candidates: at least one.
        p_worse: the one-sided p of the first being no worse than the second.
    """
    level = LEVEL / max(1, len(candidates) - 1)
    return [
        one for one in candidates if not any(p_worse(one, other) < level for other in candidates if other is not one)
    ]


def interval_of_the_chosen(share: Estimate, n: float, of: int) -> Estimate:
    """The share of one that was chosen ``of`` many for it, with an interval that holds it in 95 % of the studies.

    Whichever is chosen: all intervals hold their truth together (Bonferroni). ``n``: the effective number of examples.
    """
    return share if share.value is None else share_interval(share.value * n, n, TAIL / max(1, of))
