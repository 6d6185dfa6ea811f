"""The representation of a text: its last hidden state, pooled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporters.errors import ExportError

if TYPE_CHECKING:
    import torch

POOLINGS = ("cls", "mean")


def check_pooling(pooling: str) -> None:
    """Raise `ExportError` unless ``pooling`` is a known word."""
    if pooling not in POOLINGS:
        raise ExportError(f"pooling {pooling!r} is not known: use one of {', '.join(POOLINGS)}")


def pool(hidden: torch.Tensor, attention_mask: torch.Tensor, pooling: str) -> torch.Tensor:
    """Pool (batch, sequence, hidden) float to (batch, hidden).

    ``cls`` takes the first token; ``mean`` averages the tokens whose attention mask (batch, sequence) is 1.
    """
    if pooling == "cls":
        return hidden[:, 0]
    mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * mask).sum(dim=1) / mask.sum(dim=1).clamp(min=1)
