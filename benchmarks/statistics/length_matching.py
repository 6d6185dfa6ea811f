"""Length matching: how well a detector tells two data sets apart where length cannot."""

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
    """Points that share a bin of length with one of the other data set."""

    in_distribution: int
    """How many in-distribution points do."""
    out_of_distribution: int
    """How many out-of-distribution points do."""
    shortest: float | None
    """Of these points, in tokens; None: there are none."""
    longest: float | None
    """Of these points, in tokens; None: there are none."""


class LengthBins:
    """Points in bins of like length: `BINS` quantiles of the lengths of both data sets together."""

    def __init__(self, in_distribution: Floats, out_of_distribution: Floats) -> None:
        """`in_distribution`: (n,) and `out_of_distribution`: (o,) lengths in tokens."""
        together = np.concatenate([in_distribution, out_of_distribution])
        edges = np.unique(np.quantile(together, np.linspace(0, 1, BINS + 1)[1:-1]))
        self._in_distribution = np.searchsorted(edges, in_distribution, side="right")
        self._out_of_distribution = np.searchsorted(edges, out_of_distribution, side="right")
        self._shared = np.intersect1d(self._in_distribution, self._out_of_distribution)
        kept = [np.isin(bins, self._shared) for bins in (self._in_distribution, self._out_of_distribution)]
        lengths = np.concatenate([in_distribution[kept[0]], out_of_distribution[kept[1]]])
        self.match = LengthMatch(
            in_distribution=int(kept[0].sum()),
            out_of_distribution=int(kept[1].sum()),
            shortest=number(lengths.min()) if lengths.size else None,
            longest=number(lengths.max()) if lengths.size else None,
        )

    def auroc(
        self,
        in_distribution: NDArray[np.floating],
        out_of_distribution: NDArray[np.floating],
        in_bootstrap: GroupBootstrap,
        ood_bootstrap: GroupBootstrap,
    ) -> Floats | None:
        """(rows,) the chance that an in-distribution point scores higher than an out-of-distribution one of its bin.

        The mean over bins of their AUROC, weighted by their pairs (the stratified Mann-Whitney estimate); None where
        fewer than `FEWEST` points of either data set have a partner.

        `in_distribution`: (n,), `out_of_distribution`: (o,) scores.
        """
        if min(self.match.in_distribution, self.match.out_of_distribution) < FEWEST:
            return None
        wins, pairs = np.zeros(in_bootstrap.rows), np.zeros(in_bootstrap.rows)
        in_weights, ood_weights = in_bootstrap.of_examples(), ood_bootstrap.of_examples()
        for shared in self._shared:
            here, there = self._in_distribution == shared, self._out_of_distribution == shared
            curves = weighted_roc(
                in_distribution[here], out_of_distribution[there], in_weights[:, here], ood_weights[:, there]
            )
            weight = in_weights[:, here].sum(axis=1) * ood_weights[:, there].sum(axis=1)
            wins += np.nan_to_num(curves.auroc) * weight
            pairs += weight
        return divide(wins, pairs)
