"""Does a detector still tell two data sets apart where length cannot?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.statistics.bootstrap import Floats, GroupBootstrap, divide, number
from benchmarks.statistics.ranking import weighted_roc

BINS = 20
FEWEST = 20
"""Points on either side below which a matched figure is not given."""


@dataclass(frozen=True)
class LengthMatch:
    """How many points share a bin of length with one of the other data set, and the bins' bounds in tokens."""

    inside: int
    outside: int
    shortest: float | None
    longest: float | None


class LengthBins:
    """Points in bins of like length: `BINS` quantiles of the lengths of both data sets together."""

    def __init__(self, inside: Floats, outside: Floats) -> None:
        """`inside`: (n,) and `outside`: (o,) lengths in tokens."""
        together = np.concatenate([inside, outside])
        edges = np.unique(np.quantile(together, np.linspace(0, 1, BINS + 1)[1:-1]))
        self._inside = np.searchsorted(edges, inside, side="right")
        self._outside = np.searchsorted(edges, outside, side="right")
        self._shared = np.intersect1d(self._inside, self._outside)
        kept = [np.isin(bins, self._shared) for bins in (self._inside, self._outside)]
        lengths = np.concatenate([inside[kept[0]], outside[kept[1]]])
        self.match = LengthMatch(
            inside=int(kept[0].sum()),
            outside=int(kept[1].sum()),
            shortest=number(lengths.min()) if lengths.size else None,
            longest=number(lengths.max()) if lengths.size else None,
        )

    def auroc(
        self, inside: NDArray[np.floating], outside: NDArray[np.floating], home: GroupBootstrap, abroad: GroupBootstrap
    ) -> Floats | None:
        """(rows,) the chance that an inside point scores higher than an outside one of its own bin.

        The mean over bins of their AUROC, weighted by their pairs (the stratified Mann-Whitney estimate); None where
        fewer than `FEWEST` points of either data set have a partner.

        `inside`: (n,), `outside`: (o,) scores.
        """
        if min(self.match.inside, self.match.outside) < FEWEST:
            return None
        wins, pairs = np.zeros(home.rows), np.zeros(home.rows)
        at_home, away = home.of_examples(), abroad.of_examples()
        for shared in self._shared:
            here, there = self._inside == shared, self._outside == shared
            curves = weighted_roc(inside[here], outside[there], at_home[:, here], away[:, there])
            weight = at_home[:, here].sum(axis=1) * away[:, there].sum(axis=1)
            wins += np.nan_to_num(curves.auroc) * weight
            pairs += weight
        return divide(wins, pairs)
