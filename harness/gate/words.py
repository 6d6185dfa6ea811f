"""Figures, intervals and what would tell, as an outcome's line says them."""

from __future__ import annotations

from benchmarks.statistics.limits import Judged
from harness.config.figures import Figure
from harness.config.policy import Limit, with_unit
from harness.report.numbers import decimals_for, fixed

_DECIMALS = {"%": 1, "": 2, "bits": 3, "x": 2}


def shown(value: float | None, figure: Figure) -> str:
    """A value of the results in the figure's unit: "46.3 %"."""
    return with_unit(_number(value, figure, figure.scale), figure)


def with_interval(value: float | None, judged: Judged, limit: Limit, least: float) -> str:
    """What was held against the limit, with the interval that decided: "46.3 % (corrected: 42.1 to 50.5)".

    Elsewhere the same figure has an interval of 95 %, and so it has here where there was nothing to correct for.
    ``least``: what it can be. An excess over a floor of 5 % cannot be below -5 %, however few trainings there are.
    """
    figure = limit.figure
    low, high = judged.low, judged.high
    if low is not None and value is not None:
        low = min(max(low, least), value)
    if figure.unit in ("%", "") and low is not None and high is not None:
        low, high = max(-1.0, low), min(1.0, high)  # no share differs by more
    if limit.is_part:
        numbers = [fixed(None if end is None else 100 * end, 1) for end in (value, low, high)]
        value_text = f"{numbers[0]} %"
    else:
        numbers = [_number(end, figure, figure.scale) for end in (value, low, high)]
        value_text = (
            f"{numbers[0]} points" if figure.unit == "%" and _is_change(limit) else with_unit(numbers[0], figure)
        )
    if low is None or high is None or low == high:
        return value_text
    which = "corrected" if judged.corrected else "95 %"
    return f"{value_text} ({which}: {numbers[1]} to {numbers[2]})"


def _is_change(limit: Limit) -> bool:
    return limit.base is not None or limit.figure.name == "score-change"


def _number(value: float | None, figure: Figure, scale: float) -> str:
    scaled = None if value is None else value / scale
    return fixed(scaled, _DECIMALS.get(figure.unit, decimals_for([scaled])))
