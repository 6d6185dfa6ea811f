"""Warnings on a measurement: what may be wrong with its figures, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Disturbance = Literal[
    "other processes", "other machines", "quota", "heat", "clock", "GPU heat", "GPU power", "GPU clock", "GPU processes"
]
"""Of the machine, by what else it did."""
Unsteadiness = Literal["drift", "trend", "scatter", "drift of passes", "one pass"]
"""Of the timings themselves."""
Kind = (
    Disturbance
    | Unsteadiness
    | Literal["drift of the tail", "few latencies", "warm-up", "no rate", "every rate", "lower rate", "late requests"]
)


@dataclass(frozen=True)
class TimingWarning:
    """Those of one kind differ in their figures alone."""

    kind: Kind
    """What it is of."""
    text: str
    """What was seen, with its figures; without a stop."""
    next_step: str
    """What to do about it, in lower case."""

    @property
    def is_disturbance(self) -> bool:
        return self.kind in get_args(Disturbance)

    @property
    def is_unsteadiness(self) -> bool:
        return self.kind in get_args(Unsteadiness)
