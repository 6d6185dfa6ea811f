"""Check that a checkpoint folder can be exported for a task, and say what it holds. Leaves nothing on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from exporters.positions import usable_positions
from harness.checkpoints.labels import model_labels
from harness.checkpoints.loading import classifies
from harness.checkpoints.materialize import from_folder


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


def validate_checkpoint(
    folder: Path, *, task: str, labels: tuple[str, ...] | None, allow_new_head: bool = False
) -> CheckpointInfo:
    """Load the folder as a run will, and say what it is.

    ``allow_new_head``: the model is about to be trained, so that a head may be missing. Raises `UserError`,
    in one line, when it has no fast tokenizer, another head, weights that are NaN, infinite, damaged or only
    a pickle, or not the study's labels.
    """
    with TemporaryDirectory() as tokenizer:
        model = from_folder(folder, Path(tokenizer), task, labels, allow_new_head)
    config = model.config
    return CheckpointInfo(
        architecture=config.model_type,
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        max_positions=usable_positions(config.to_dict()),
        vocabulary=config.vocab_size,
        labels=model_labels(config.id2label) if classifies(task) else None,
    )
