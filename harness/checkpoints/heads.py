"""Heads that a task would score as something else than they are, told by their configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exporters.activation import Activation, activation_of
from exporters.errors import ExportError
from harness.errors import UserError


def read_activation(file: Path, config: Mapping[str, Any]) -> Activation:
    """What ``config``, the content of ``file``, says of a head with one output. Raises `UserError` for another."""
    try:
        return activation_of(config)
    except ExportError as error:
        raise UserError(f"{file}: {error}") from None


def require_head(file: Path, config: Mapping[str, Any], outputs: int | None) -> None:
    """Raise `UserError` unless the head chooses one class of several, or has one output where ``outputs`` is 1, and
    an activation that is known.

    ``config`` is what ``file`` holds; what it does not say is taken to be right. ``outputs`` are the study's, None
    where it does not say.
    """
    if not config:
        return
    names = config.get("id2label")
    there = len(names) if isinstance(names, Mapping) and names else config.get("num_labels", 2)
    if config.get("problem_type") == "multi_label_classification":
        found = "a multi-label head (problem_type multi_label_classification), a sigmoid for each label"
    elif outputs == 1:
        if there == 1:
            read_activation(file, config)
            return
        raise UserError(
            f"{file} says that the model has {there} outputs: a regression has one; give a model with such a head"
        )
    elif config.get("problem_type") == "regression":
        found = "a regression (problem_type regression)"
    elif there == 1:
        found = "a head of one output, a regression or one sigmoid"
    else:
        return
    raise UserError(
        f"{file} says that the model has {found}: a task of classes scores the softmax over two classes or more, of "
        "which one is right; give a model with such a head (text-pair-regression takes one output)"
    )
