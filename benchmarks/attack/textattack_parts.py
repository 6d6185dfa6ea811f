"""A deployment as a TextAttack attack calls it. Importing this imports TextAttack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.attack.probabilities import Predict, checked_probabilities
from benchmarks.attack.textattack_offline import textattack


class ProbabilityWrapper(textattack.models.wrappers.ModelWrapper):  # type: ignore[misc]
    """A deployment as TextAttack calls it; rows are made to sum to 1 within its tolerance of 1e-6.

    Rows that do not are put through softmax by TextAttack, which distorts probabilities that were
    computed in lower precision.
    """

    def __init__(self, predict: Predict) -> None:
        self.model = predict

    def __call__(self, text_input_list: Sequence[str], **_: Any) -> NDArray[np.float64]:
        return checked_probabilities(self.model, text_input_list)
