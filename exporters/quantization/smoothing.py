"""SmoothQuant: outliers of activations are moved into the weights, where every output channel has its own scale.

Xiao et al. 2023, "SmoothQuant: Accurate and Efficient Post-Training Quantization for Large Language Models".
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from exporters.quantization.calibration import ChannelRanges

ALPHA = 0.5
"""How much of the outliers moves; the paper's default."""
LEAST = 1e-5  # of a channel that is never anything but 0


def divisors(ranges: ChannelRanges, weights: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """What each channel of an activation is divided by, and the weights (channels, outputs) are multiplied with.

    s_j = max|X_j|^alpha / max|W_j|^(1 - alpha), equation 4; float32 (channels,), its geometric mean brought to 1.

    Good for what comes from a LayerNorm, whose outliers stand in a few fixed channels. The paper folds the division
    into that LayerNorm. In BERT its result is the residual too, which must stay as it is, so the division stays a
    node of its own.
    """
    largest = np.maximum(np.abs(ranges.low), np.abs(ranges.high)).clip(LEAST)
    of_weights = np.maximum.reduce([np.abs(weight).max(axis=1) for weight in weights]).clip(LEAST)
    factors = largest**ALPHA / of_weights ** (1 - ALPHA)
    return np.asarray(factors / np.exp(np.log(factors).mean()), dtype=np.float32)
