"""Energy of a deployment's logits, a score of how likely an example is in-distribution.

It takes one array an example, (distributions, outcomes): one row of class logits, or two rows for where an answer
starts and where it ends.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from benchmarks.statistics.bootstrap import Floats


def negative_energy(logits: Sequence[NDArray[np.floating]]) -> Floats:
    """(n,) log sum exp of the logits at temperature 1 (Liu et al. 2020); of several rows, the sum.

    It is minus the energy, so that a higher score means more in-distribution.
    """
    alike: defaultdict[tuple[int, ...], list[int]] = defaultdict(list)  # SciPy's call takes longer than a row's work
    for place, rows in enumerate(logits):
        alike[rows.shape].append(place)
    energies = np.empty(len(logits))
    for places in alike.values():
        energies[places] = logsumexp(np.stack([logits[place] for place in places]), axis=2).sum(axis=1)
    return energies
