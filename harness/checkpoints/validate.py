"""Whether a checkpoint folder can be exported for a task, and what it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from harness.checkpoints.labels import matching_labels, model_labels
from harness.checkpoints.loading import load_model, require_room
from harness.errors import UserError


@dataclass(frozen=True)
class CheckpointInfo:
    """``architecture`` is the model_type of `transformers`; ``max_positions`` the longest input in tokens."""

    architecture: str
    layers: int
    hidden: int
    parameters: int
    max_positions: int | None
    vocabulary: int
    labels: tuple[str, ...] | None


def validate_checkpoint(folder: Path, *, task: str, labels: Sequence[str] | None) -> CheckpointInfo:
    """Load the folder as the exporters will, and say what it is.

    Raises `UserError`, in one line, when it has no fast tokenizer, another head, weights that are NaN,
    infinite, damaged or only a pickle, or not the study's labels.
    """
    tokenizer = _tokenizer(folder)
    model = load_model(folder, task=task)
    config = model.config
    require_room(folder, tokenizer.get_vocab_size(), model)
    classifies = task == "text-classification"
    if classifies:
        matching_labels(folder, config, labels)
    return CheckpointInfo(
        architecture=config.model_type,
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        max_positions=getattr(config, "max_position_embeddings", None),
        vocabulary=config.vocab_size,
        labels=model_labels(config) if classifies else None,
    )


def _tokenizer(folder: Path) -> Tokenizer:
    file = folder / "tokenizer.json"
    if not file.is_file():
        raise UserError(f"checkpoint {folder} has no tokenizer.json: save its fast tokenizer beside the weights")
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # tokenizers raises bare Exception
        raise UserError(f"cannot read {file}: {' '.join(str(error).split())[:200]}") from None
