"""A model made of another by leaving out weights or attention heads, by their magnitude: no data is needed.

The magnitude of a weight is how much it can matter, not how much it does: importance by gradients (Michel et al.
2019) needs examples. Pruned models are mostly fine-tuned afterwards, which mends what was cut too much.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import Linear, Module
from torch.nn.utils import prune
from transformers import PreTrainedModel, TrainerCallback, __version__

from harness.checkpoints.cutting import layer_stack
from harness.checkpoints.removed import heads_removed
from harness.errors import UserError

GROUP, KEPT = 4, 2

SPARSITY = "sparsity"
"""The field of config.json that says that weights which are 0 have to stay it."""


def prune_weights(model: PreTrainedModel, name: str) -> PreTrainedModel:
    """Set the two smaller of every four weights along a row to 0, in every linear layer of the encoder's stack.

    This is the pattern "2:4" that NVIDIA's sparse tensor cores skip (Mishra et al. 2021, "Accelerating Sparse Deep
    Neural Networks"); elsewhere the model is as large and as fast as before. Embeddings, pooler and head stay.
    ``name`` is the model's in the study. Raises `UserError` for rows that are no multiple of four.
    """
    for linear in _linears(model, name):
        if linear.in_features % GROUP:
            raise UserError(f"cannot prune {name!r} to 2:4: a layer reads {linear.in_features} numbers, not 4 n")
        prune.custom_from_mask(linear, "weight", two_of_four(linear.weight))  # type: ignore[no-untyped-call]
        prune.remove(linear, "weight")  # type: ignore[no-untyped-call]
    setattr(model.config, SPARSITY, f"{KEPT}:{GROUP}")
    return model


def two_of_four(weight: torch.Tensor) -> torch.Tensor:
    """A mask of 1 for the two largest of every four neighbours in a row of ``weight`` (rows, columns), 0 elsewhere."""
    groups = weight.detach().abs().reshape(-1, GROUP)
    best = groups.argsort(dim=1, descending=True, stable=True)[:, :KEPT]  # stable: ties fall the same way everywhere
    return torch.zeros_like(groups).scatter_(1, best, 1.0).reshape(weight.shape)


def prune_heads(model: PreTrainedModel, share: float, name: str) -> PreTrainedModel:
    """Remove ``share`` of the attention heads of every layer (rounded down; one stays), those of least magnitude.

    A head's magnitude is the sum of the absolute values of its rows of the queries', keys' and values' weights and of
    its columns of the output's (structured pruning as by Li et al. 2017, "Pruning Filters for Efficient ConvNets").
    The matrices shrink, so that the model is smaller and faster in every format. ``name`` is the model's in the study.
    Raises `UserError` when no head goes, and for an architecture whose heads `transformers` does not prune.
    """
    heads = model.config.num_attention_heads
    removed = heads_removed(share, heads, name)
    size = model.config.hidden_size // heads
    _, _, stack = layer_stack(model, name)
    least = {
        index: sorted(_magnitudes(layer, heads, size, name).argsort(stable=True)[:removed].tolist())
        for index, layer in enumerate(stack)
    }
    try:
        model.prune_heads(least)
    except (NotImplementedError, AttributeError):
        raise UserError(
            f"cannot prune heads of {name!r}: transformers {__version__} does not for {model.config.model_type}; 4.57 "
            "does for BERT and its like"
        ) from None
    return model


class KeepZeros(TrainerCallback):
    """Sets the weights that were 0 before a training to 0 again after each of its steps."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.kept = [(linear, linear.weight.detach() != 0) for linear in _linears(model, "the model")]

    @torch.no_grad()
    def on_step_end(self, *arguments: Any, **_: Any) -> None:
        for linear, kept in self.kept:
            linear.weight.mul_(kept.to(linear.weight.device))


def is_sparse(model: PreTrainedModel) -> bool:
    """Whether `prune_weights` made it."""
    return getattr(model.config, SPARSITY, None) is not None


def _linears(model: PreTrainedModel, name: str) -> list[Linear]:
    _, _, stack = layer_stack(model, name)
    return [module for module in stack.modules() if isinstance(module, Linear)]


def _magnitudes(layer: Module, heads: int, size: int, name: str) -> torch.Tensor:
    """One number a head, in float64."""
    width = heads * size
    square = [
        module for module in layer.modules() if isinstance(module, Linear) and module.weight.shape == (width, width)
    ]
    if len(square) != 4:
        raise UserError(f"cannot prune heads of {name!r}: its layers have no four weights of attention")
    queries, keys, values, output = (linear.weight.detach().double().abs() for linear in square)
    rows = (queries + keys + values).sum(dim=1).reshape(heads, size).sum(dim=1)
    return rows + output.sum(dim=0).reshape(heads, size).sum(dim=1)
