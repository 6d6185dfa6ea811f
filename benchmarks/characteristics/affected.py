"""Who is affected by a change of deployment: slices of the examples, and single ones to look at."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.characteristics.exemplars import Exemplars
from benchmarks.characteristics.slices import Slices


@dataclass(frozen=True)
class Affected:
    """`slices`: where more predictions change than elsewhere. `exemplars`: where the others agree with each other."""

    slices: Slices
    exemplars: Exemplars
