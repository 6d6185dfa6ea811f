"""What an attack measures the similarity of texts with: the study's sentence encoder, or what proposes its words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.attack.sentence_encoder import SentenceEncoder
from benchmarks.characteristics.adversarial_attack import MaskedLanguageModel
from harness.steps.context import Context

Similarity = Callable[[str, Sequence[str]], NDArray[np.float64]]


def similarity_of(context: Context) -> Similarity:
    threads = context.options["threads"]
    if "sentence_encoder" in context.step.needs:
        return SentenceEncoder.open(context.input("sentence_encoder"), threads=threads).similarity
    return MaskedLanguageModel(context.input("masked_language_model"), threads=threads).similarity
