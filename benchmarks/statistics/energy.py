"""Energy of a deployment's logits, a score of how likely an example is in-distribution.

It takes one array an example, (distributions, outcomes): one row of class logits, or two rows for where an answer
starts and where it ends.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from benchmarks.statistics.bootstrap import Floats


def negative_energy(logits: Sequence[NDArray[np.floating]]) -> Floats:
    """(n,) log sum exp of the logits at temperature 1 (Liu et al. 2020); of several rows, the sum.

    It is minus the energy, so that a higher score means more in-distribution.
    """
    return np.array([logsumexp(rows, axis=1).sum() for rows in logits])
