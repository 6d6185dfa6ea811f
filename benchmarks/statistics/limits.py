"""Tests of figures against limits: of several figures that must all stay within theirs, the whole decides.

Two questions are asked of every figure, each at 2.5 %, so that the 95 % interval answers both:

- *inside*: is the figure within its limit? A whole passes where each of its figures is inside. For such a claim each is
  tested at the full level, whatever their number: an intersection-union test (Berger 1982).
- *outside*: is it beyond its limit? A whole fails where any one is outside, so Holm (1979) corrects these tests.

The interval is the inversion of the two: its end on the limit's far side is at the full level, the other at the
corrected one. Where neither holds the data cannot tell.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from math import ceil, exp, inf, isfinite, log, nan, sqrt
from statistics import median
from typing import Literal, Protocol, TypeVar

from benchmarks.statistics.bootstrap import Estimate, number
from benchmarks.statistics.equivalence import LEVEL, POWER, Family
from benchmarks.statistics.shares import TAIL, edge

Side = Literal["at most", "at least"]
Place = Literal["inside", "outside", "cannot tell"]
Name = TypeVar("Name", bound=Hashable)

MOST_TIMES = 10_000.0
"""As many examples again are no advice."""
MOST_PROCESSES = 100


class Tested(Protocol):
    """A figure with its tests, and their inversions."""

    def p_above(self, limit: float) -> float:
        """p of a true value of ``limit`` or less, against more; NaN: there is no test."""
        ...

    def p_below(self, limit: float) -> float:
        """p of a true value of ``limit`` or more, against less."""
        ...

    def low(self, tail: float) -> float:
        """The largest value that `p_above` refuses at ``tail``; NaN or infinite: there is none."""
        ...

    def high(self, tail: float) -> float: ...


@dataclass(frozen=True)
class Exact:
    """A figure without noise, such as the size of a file. On its limit is inside."""

    value: float

    def p_above(self, limit: float) -> float:
        return 0.0 if self.value > limit else 1.0

    def p_below(self, limit: float) -> float:
        return 0.0 if self.value < limit else 1.0

    def low(self, tail: float) -> float:
        return self.value

    def high(self, tail: float) -> float:
        return self.value


@dataclass(frozen=True)
class Share:
    """A share, by its score test (Wilson 1927) or the binomial's own mid-p, whichever is less sure.

    The score test alone knows nothing of the skewness of rare events, which shows at small levels: ten shares on a
    limit of 5 %, of 600 examples each, failed 6 % of the wholes instead of 2.5 %.
    """

    value: float
    n: float
    """The effective number of things that it is a share of."""

    @classmethod
    def of(cls, estimate: Estimate) -> Share | None:
        """The share whose score interval `shares.share_interval` gave: of as many things as its width tells."""
        value, low, high = estimate.value, estimate.low, estimate.high
        if value is None or low is None or high is None or low == high:
            return None
        end = high if high - value >= value - low else low
        apart = (end - value) ** 2
        n = 0.0 if not apart else _z(TAIL) ** 2 * end * (1 - end) / apart
        return cls(value, n) if n > 0 else None  # no score interval ends where it would not be

    def p_above(self, limit: float) -> float:
        return max(_tail(self.value - limit, self._error(limit)), self._mid_p(limit))

    def p_below(self, limit: float) -> float:
        return max(_tail(limit - self.value, self._error(limit)), 1 - self._mid_p(limit))

    def low(self, tail: float) -> float:
        return edge(lambda share: self.p_above(share) < tail, 0.0, self.value)

    def high(self, tail: float) -> float:
        return edge(lambda share: self.p_below(share) < tail, 1.0, self.value)

    def _error(self, share: float) -> float:
        inside = min(1.0, max(0.0, share))
        return sqrt(inside * (1 - inside) / self.n)

    def _mid_p(self, share: float) -> float:
        """P(X > x) + P(X = x) / 2 if ``share`` is the true one, continued to effective numbers by the beta function."""
        from scipy.special import betainc

        inside, x, rest = min(1.0, max(0.0, share)), self.value * self.n, (1 - self.value) * self.n
        at_least = betainc(x, rest + 1, inside) if x > 1e-9 else 1.0
        more = betainc(x + 1, rest, inside) if rest > 1e-9 else 0.0
        return float(at_least + more) / 2


@dataclass(frozen=True)
class Widened:
    """A figure of which only the 95 % interval is known: a normal error on either side, as wide as the interval's."""

    value: float
    below: float
    """Standard error towards smaller values."""
    above: float

    @classmethod
    def of(cls, estimate: Estimate) -> Widened | None:
        value, low, high = estimate.value, estimate.low, estimate.high
        if value is None or low is None or high is None:
            return None
        return cls(value, max(0.0, value - low) / _z(TAIL), max(0.0, high - value) / _z(TAIL))

    def less(self, other: Widened) -> Widened:
        """This one less an independent other: errors add as squares, side by side (Zou and Donner 2008)."""
        return Widened(
            self.value - other.value,
            sqrt(self.below**2 + other.above**2),
            sqrt(self.above**2 + other.below**2),
        )

    def p_above(self, limit: float) -> float:
        return _tail(self.value - limit, self.below)

    def p_below(self, limit: float) -> float:
        return _tail(limit - self.value, self.above)

    def low(self, tail: float) -> float:
        return self.value - _z(tail) * self.below

    def high(self, tail: float) -> float:
        return self.value + _z(tail) * self.above


@dataclass(frozen=True)
class Ratio:
    """A ratio, whose logarithm is tested."""

    logarithm: Widened

    @classmethod
    def of(cls, estimate: Estimate) -> Ratio | None:
        """None where an end is not above 0, or not known."""
        ends = estimate.value, estimate.low, estimate.high
        if any(end is None or end <= 0 for end in ends):
            return None
        logarithm = Widened.of(Estimate(*(None if end is None else log(end) for end in ends)))
        return None if logarithm is None else cls(logarithm)

    def over(self, other: Ratio) -> Ratio:
        """This one over an independent other."""
        return Ratio(self.logarithm.less(other.logarithm))

    @property
    def value(self) -> float:
        return exp(self.logarithm.value)

    def p_above(self, limit: float) -> float:
        return self.logarithm.p_above(_log(limit))

    def p_below(self, limit: float) -> float:
        return self.logarithm.p_below(_log(limit))

    def low(self, tail: float) -> float:
        return exp(self.logarithm.low(tail))

    def high(self, tail: float) -> float:
        return exp(self.logarithm.high(tail))


@dataclass(frozen=True)
class Median:
    """The median over fresh processes, by the sign test, which is free of any distribution."""

    values: tuple[float, ...]

    @property
    def value(self) -> float:
        return median(self.values)

    def p_above(self, limit: float) -> float:
        return _binomial(sum(value <= limit for value in self.values), len(self.values))

    def p_below(self, limit: float) -> float:
        return _binomial(sum(value >= limit for value in self.values), len(self.values))

    def low(self, tail: float) -> float:
        left_out = self._left_out(tail)
        return sorted(self.values)[left_out - 1] if left_out else -inf

    def high(self, tail: float) -> float:
        left_out = self._left_out(tail)
        return sorted(self.values)[-left_out] if left_out else inf

    def _left_out(self, tail: float) -> int:
        """How many of the sorted values lie outside either end, the end's own among them; 0: too few values."""
        n = len(self.values)
        return sum(_binomial(count, n) < tail for count in range((n + 1) // 2))


@dataclass(frozen=True)
class Limited:
    """A figure, and its limit in its own unit."""

    tested: Tested
    side: Side
    limit: float

    @property
    def p_inside(self) -> float:
        if isinstance(self.tested, Exact) and self.tested.value == self.limit:
            return 0.0
        return self.tested.p_below(self.limit) if self.side == "at most" else self.tested.p_above(self.limit)

    @property
    def p_outside(self) -> float:
        return self.tested.p_above(self.limit) if self.side == "at most" else self.tested.p_below(self.limit)


@dataclass(frozen=True)
class Judged:
    """Where a figure lies against its limit."""

    place: Place
    low: float | None
    """The interval's ends, in the figure's unit; None: too little data to say."""
    high: float | None
    level_outside: float
    """What the p of *outside* is compared with, 0 < level <= 0.025."""
    times_needed: float | None
    """How many times as many examples would tell, with a chance of 80 %, if the figure is what was seen; None where
    these do, or none could."""

    @property
    def corrected(self) -> bool:
        """Whether the interval is another than that of 95 %: its end that shows *outside* allows for the others."""
        return self.level_outside < LEVEL / 2


def judge(limited: Mapping[Name, Limited]) -> dict[Name, Judged]:
    """Judge the figures of one whole: see above."""
    outside = [one.p_outside for one in limited.values()]
    asked = [nan if isinstance(one.tested, Exact) else 2 * p for one, p in zip(limited.values(), outside, strict=True)]
    levels = Family.of(asked).levels / 2
    judgements = {}
    for (name, one), p_outside, level in zip(limited.items(), outside, levels, strict=True):
        p_inside = one.p_inside
        place: Place = "inside" if p_inside < TAIL else "outside" if p_outside < level else "cannot tell"
        at_most = one.side == "at most"
        judgements[name] = Judged(
            place=place,
            low=number(one.tested.low(level if at_most else TAIL)),
            high=number(one.tested.high(TAIL if at_most else level)),
            level_outside=float(level),
            times_needed=_times_needed(p_inside, p_outside, float(level)) if place == "cannot tell" else None,
        )
    return judgements


def _times_needed(p_inside: float, p_outside: float, level: float) -> float | None:
    """From the p of the likelier answer: the distance from the limit in standard errors grows with the root of n."""
    p, wanted = (p_inside, TAIL) if p_inside <= p_outside else (p_outside, level)
    if not isfinite(p) or not 0 < p < 0.5:
        return None
    times = ((_z(wanted) + _z(1 - POWER)) / _z(p)) ** 2
    return times if times <= MOST_TIMES else None


def examples_needed(times: float | None, examples: int) -> int | None:
    """``times`` as many as ``examples``, to two significant digits."""
    if times is None:
        return None
    needed = times * examples
    digits = 10 ** max(0, len(str(int(needed))) - 2)
    return int(ceil(needed / digits) * digits)


def processes_needed(level: float) -> int:
    """The fewest processes of which the sign test can reach ``level``: all on one side of the limit."""
    return next(count for count in range(1, MOST_PROCESSES) if 0.5**count < level)


def _binomial(at_most: int, n: int) -> float:
    """P(X <= at_most) of n tosses of a fair coin."""
    from scipy.special import bdtr

    return float(bdtr(at_most, n, 0.5)) if n else nan


def _tail(value: float, error: float) -> float:
    """P(Z > value / error); without an error the sign decides."""
    from scipy.special import ndtr

    if error <= 1e-12:
        return 0.0 if value > 0 else 1.0
    return float(ndtr(-value / error))


def _z(tail: float) -> float:
    from scipy.special import ndtri

    return float(-ndtri(tail))


def _log(limit: float) -> float:
    return log(limit) if limit > 0 else -inf
