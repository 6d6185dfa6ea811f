"""Heads that `text-classification` would score as something else than they are, told by their configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import UserError


def require_classes(file: Path, config: Mapping[str, Any]) -> None:
    """Raise `UserError` unless the head chooses one class of several: the task takes the softmax of its outputs.

    ``config`` is what ``file`` holds; what it does not say is taken to be right.
    """
    names = config.get("id2label")
    outputs = len(names) if isinstance(names, Mapping) and names else config.get("num_labels", 2)
    if config.get("problem_type") == "multi_label_classification":
        found = "a multi-label head (problem_type multi_label_classification), a sigmoid for each label"
    elif config.get("problem_type") == "regression":
        found = "a regression (problem_type regression)"
    elif outputs == 1:
        found = "a head of one output, a regression or one sigmoid"
    else:
        return
    raise UserError(
        f"{file} says that the model has {found}: text-classification scores the softmax over two classes or more, of "
        "which one is right; give a model with such a head"
    )
