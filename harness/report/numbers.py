"""Figures as text: few decimals, the same number of them down a column, "-" for what is unknown."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.statistics.bootstrap import Estimate

UNKNOWN = "-"
EN_DASH = "\u2013"
INFINITE = "\u221e"
TOO_LONG = 1e15
"""From here on a figure is written with an exponent: it is damaged, or says no more than that it is large."""


def decimals_for(values: Iterable[float | None]) -> int:
    """Decimals that show about three digits of the smallest value, without false precision in the largest."""
    known = [abs(value) for value in values if value is not None and value != 0]
    if not known:
        return 1
    wanted = next((d for d, bound in ((0, 100.0), (1, 10.0), (2, 1.0)) if min(known) >= bound), 3)
    most = 1 if max(known) >= 100 else 2 if max(known) >= 10 else 3
    return min(wanted, most)


def fixed(value: float | None, decimals: int) -> str:
    if value is None:
        return UNKNOWN
    if abs(value) >= TOO_LONG:
        return f"{value:.2e}"
    written = f"{value:,.{decimals}f}"
    # a small negative value must not be printed as "-0.00"
    return written[1:] if written.startswith("-") and not written.strip("-0.,") else written


def percent(share: float | None, decimals: int = 1) -> str:
    """Without the sign: tables have it in the heading."""
    return UNKNOWN if share is None else fixed(100 * share, decimals)


def ratio(value: float | None) -> str:
    """A multiple such as 3.4x; of 10 and more without decimals."""
    if value is None:
        return UNKNOWN
    if 0 < value < 0.005:
        return "<0.01x"
    return f"{fixed(value, 0 if value >= 9.95 else 1 if value >= 0.95 else 2)}x"


def signed(value: float | None, decimals: int = 1) -> str:
    if value is None:
        return UNKNOWN
    written = fixed(value, decimals)
    return f"+{written}" if value > 0 and written.strip("0.,") else written


def interval(estimate: Estimate, *, scale: float = 1.0, decimals: int = 2) -> str:
    """The 95 % interval alone, such as 0.68 to 0.74."""
    if estimate.low is None or estimate.high is None:
        return UNKNOWN
    joint = " to " if estimate.low < 0 else EN_DASH
    return f"{fixed(scale * estimate.low, decimals)}{joint}{fixed(scale * estimate.high, decimals)}"


def with_interval(estimate: Estimate, *, scale: float = 1.0, decimals: int = 2, unit: str = "") -> str:
    """For sentences: "4.2 % (95 %: 3.1 to 5.4)"; a gate's interval of the same figure is another."""
    if estimate.value is None:
        return "an unknown share" if unit else "unknown"
    written = f"{fixed(scale * estimate.value, decimals)}{unit}"
    return f"{written} (95 %: {interval(estimate, scale=scale, decimals=decimals)})" if estimate.width else written


def percent_with_interval(estimate: Estimate) -> str:
    return with_interval(estimate, scale=100, decimals=1, unit=" %")


def mebibytes(value: float | None) -> float | None:
    return None if value is None else value / 2**20


def count(value: float | None) -> str:
    return fixed(value, 0)


def probability(value: float | None) -> str:
    """A p-value."""
    if value is None:
        return UNKNOWN
    return "<0.001" if value < 0.001 else fixed(value, 3)


def small(value: float | None, unknown: str = UNKNOWN) -> str:
    """A figure that may be as small as rounding, such as a divergence."""
    if value is None:
        return unknown
    return "<0.0001" if 0 < value < 0.0001 else fixed(value, 4)


def ends(estimate: Estimate) -> str:
    """The interval of such a figure, which may have no upper end."""
    if estimate.low is None:
        return UNKNOWN
    if estimate.high is None:
        return f"from {small(estimate.low)}"
    return f"{small(estimate.low)}{EN_DASH}{small(estimate.high)}"


def duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"
