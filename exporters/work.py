"""Work of an inference: floating-point operations of a text of so many tokens, and the weights that they read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from exporters.checkpoint import load_model

if TYPE_CHECKING:
    from transformers import PreTrainedModel

LENGTHS = (8, 16, 24)
"""Tokens of the texts that are counted: three, as a text's operations are a polynomial of second degree."""


@dataclass(frozen=True)
class Work:
    """Operations of matrix products, of which a multiplication and an addition are two; the others are few."""

    per_text: float
    per_token: float
    per_squared_token: float
    """Of attention, where every token is held against every other."""
    weights: int
    """Numbers that an inference reads whatever its tokens are: all but the tables of embeddings."""

    def operations(self, texts: float, tokens: float, squared_tokens: float) -> float:
        """Of so many texts, with the sum of their lengths and of its squares; padding is not counted."""
        return self.per_text * texts + self.per_token * tokens + self.per_squared_token * squared_tokens


def count_work(checkpoint: Path, *, task: str) -> Work:
    """Count by PyTorch's `FlopCounterMode` what the checkpoint itself does, whatever format it is exported to.

    Attention is the eager one: PyTorch's counter does not know the fused one of CPUs.
    """
    import torch

    model = load_model(checkpoint, task=task, attention="eager")
    counted = [operations(model, length) for length in LENGTHS]
    embeddings = [module for module in model.modules() if isinstance(module, torch.nn.Embedding)]
    tables = {weight.data_ptr() for module in embeddings for weight in module.parameters()}
    weights = sum(weight.numel() for weight in model.parameters() if weight.data_ptr() not in tables)
    return Work(*_polynomial(counted), weights=weights)


def operations(model: PreTrainedModel, length: int) -> int:
    """Of one text of ``length`` tokens; takes the model's gradients."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    ids = torch.ones(1, length, dtype=torch.int64)
    model.requires_grad_(False)  # the counter hooks itself to gradients, which inference has not
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        model(input_ids=ids, attention_mask=torch.ones_like(ids))
    return int(counter.get_total_flops())


def _polynomial(counted: Sequence[int]) -> tuple[float, float, float]:
    """The coefficients of 1, n and n² that give these counts of operations at `LENGTHS`: whole numbers."""
    constant, linear, squared = np.linalg.solve(np.vander(LENGTHS, increasing=True), np.array(counted, float)).round()
    return float(constant), float(linear), float(squared)
