"""Inputs that a model takes and allows while it trains."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from exporters.positions import usable_positions
from harness.checkpoints.loading import load_config
from harness.errors import UserError

_ATTENTION_DROPOUT = ("attention_probs_dropout_prob", "attention_dropout")


def accepted_inputs(model: PreTrainedModel, inputs: Mapping[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
    """The inputs that the model's forward takes: DistilBERT knows no ``token_type_ids``."""
    accepted = inspect.signature(model.forward).parameters
    return {name: column for name, column in inputs.items() if name in accepted}


def without_attention_dropout(folder: Path) -> dict[str, float]:
    """The field of the configuration that drops attention weights, set to 0.

    Fused attention kernels do not know that dropout: on a CPU a step without it takes a third of the
    time. The dropout of the hidden states regularises on.
    """
    config = load_config(folder)
    return {name: 0.0 for name in _ATTENTION_DROPOUT if hasattr(config, name)}


def require_positions(model: PreTrainedModel, max_length: int) -> None:
    """Raises `UserError` when ``max_length`` tokens are more than the model has positions for."""
    positions = usable_positions(model.config.to_dict())
    if positions is not None and max_length > positions:
        raise UserError(
            f"recipe.max_length is {max_length}, but this {model.config.model_type} has "
            f"{positions} positions: make it at most {positions}"
        )


def save(model: PreTrainedModel, destination: Path) -> None:
    """Write config.json and one model.safetensors, in float32."""
    destination.mkdir(parents=True, exist_ok=True)
    torch.nn.Module.to(model, "cpu")
    model.save_pretrained(destination, safe_serialization=True, max_shard_size="100GB")
