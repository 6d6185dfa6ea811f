"""Kind, size and longest inputs of a study's models, as their configuration tells before they are loaded.

Loads no torch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from exporters.positions import usable_positions
from harness.checkpoints.folder_check import DEPTHS, HEADS, read_config
from harness.checkpoints.locate import source_folder
from harness.config.checkpoints import (
    CheckpointSource,
    CutCheckpoint,
    EmbeddedCheckpoint,
    FolderCheckpoint,
    PackageCheckpoint,
    PrunedCheckpoint,
    RandomCheckpoint,
)
from harness.config.names import TaskName
from harness.config.task_registry import task_class
from harness.config.tasks import TaskSettings


def positions(task_name: TaskName, task: TaskSettings, model: str) -> int | None:
    """Tokens; None where only loading, or fetching, the model would tell, and for a finished file."""
    origin = _origin(task, model)
    if isinstance(origin, RandomCheckpoint):
        from harness.checkpoints.architectures import random_config

        return int(random_config(origin.random).max_position_embeddings)
    config = _configuration(task_name, origin)
    return None if config is None else usable_positions(config)


def architecture(task_name: TaskName, task: TaskSettings, model: str) -> str | None:
    """The ``model_type`` of `transformers`; None where only fetching the model would tell, and for a finished file.

    None too for a named architecture with random weights: every one of them is BERT or DistilBERT.
    """
    config = _configuration(task_name, _origin(task, model))
    return None if config is None else str(config["model_type"])


def layers(task_name: TaskName, task: TaskSettings, model: str) -> int | None:
    """How many the checkpoint has that a model is, or is cut from; None where only loading, or fetching, would tell."""
    return _count_in_config(task_name, task, model, DEPTHS)


def heads(task_name: TaskName, task: TaskSettings, model: str) -> int | None:
    """Likewise the attention heads of a layer."""
    return _count_in_config(task_name, task, model, HEADS)


def _count_in_config(task_name: TaskName, task: TaskSettings, model: str, fields: Sequence[str]) -> int | None:
    origin = _origin(task, model)
    if isinstance(origin, RandomCheckpoint):
        from harness.checkpoints.architectures import random_config

        config: Mapping[str, Any] = random_config(origin.random).to_dict()
    else:
        config = _configuration(task_name, origin) or {}
    return next((count for field in fields if isinstance(count := config.get(field), int)), None)


def _origin(task: TaskSettings, model: str) -> CheckpointSource | None:
    """The checkpoint that a model is, or is cut from."""
    match task.models[model].checkpoint:
        case CutCheckpoint(cut=other) | PrunedCheckpoint(pruned=other):
            return _origin(task, other)
        case source:
            return source


def _configuration(task_name: TaskName, origin: CheckpointSource | None) -> Mapping[str, Any] | None:
    """Its ``config.json``, where it lies in a folder on this machine."""
    match origin:
        case FolderCheckpoint() | PackageCheckpoint():
            return read_config(source_folder(origin))
        case EmbeddedCheckpoint(embedded=name):
            from harness.demo import files

            return read_config(files(name, task_class(task_name).head.task)[0].parent)
        case _:
            return None
