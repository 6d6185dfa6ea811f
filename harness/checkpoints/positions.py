"""Longest inputs of a study's models, as far as their configuration tells. Loads no torch."""

from __future__ import annotations

from exporters.positions import usable_positions
from harness.checkpoints.folder_check import read_config
from harness.checkpoints.locate import source_folder
from harness.config.checkpoints import (
    CutCheckpoint,
    EmbeddedCheckpoint,
    FolderCheckpoint,
    PackageCheckpoint,
    PrunedCheckpoint,
    RandomCheckpoint,
)
from harness.config.names import TaskName
from harness.config.tasks import TaskSettings
from harness.task_registry import task_class


def positions(task_name: TaskName, task: TaskSettings, model: str) -> int | None:
    """Tokens; None where only loading, or fetching, the model would tell, and for a finished file."""
    match task.models[model].checkpoint:
        case CutCheckpoint(cut=other) | PrunedCheckpoint(pruned=other):
            return positions(task_name, task, other)
        case FolderCheckpoint() | PackageCheckpoint() as source:
            folder = source_folder(source)
        case EmbeddedCheckpoint(embedded=name):
            from harness.demo import files

            folder = files(name, task_class(task_name).head.task)[0].parent
        case RandomCheckpoint(random=architecture):
            from harness.checkpoints.architectures import random_config

            return int(random_config(architecture).max_position_embeddings)
        case _:
            return None
    return usable_positions(read_config(folder))
