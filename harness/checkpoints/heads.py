"""Heads that a task would score as something else than they are, told by their configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exporters.errors import ExportError
from exporters.tasks import TASKS, Activation, activation_of
from harness.errors import UserError


def read_activation(file: Path, config: Mapping[str, Any]) -> Activation:
    """What ``config``, the content of ``file``, says of a head with one output. Raises `UserError` for another."""
    try:
        return activation_of(config)
    except ExportError as error:
        raise UserError(f"{file}: {error}") from None


MULTI_LABEL = "multi_label_classification"


def require_head(file: Path, config: Mapping[str, Any], outputs: int | None, *, task: str) -> None:
    """Raise `UserError` unless the head is one of ``task``: it chooses one class of several, or decides about each
    label, or has one output where ``outputs`` is 1, and an activation that is known.

    ``config`` is what ``file`` holds; where it is empty all is taken to be right. ``outputs`` are the study's, None
    where it does not say.
    """
    if not config:
        return
    names = config.get("id2label")
    there = len(names) if isinstance(names, Mapping) and names else config.get("num_labels", 2)
    if TASKS[task].multi_label:
        problem_type = config.get("problem_type")
        if problem_type == MULTI_LABEL and there != 1:
            return
        head = "1 output" if there == 1 else f"the problem_type {problem_type}"
        raise UserError(
            f"{file} says that the model has {head}: {task} takes a sigmoid for each of several labels, "
            f"{MULTI_LABEL}; write that there if it was trained so, or use text-classification"
        )
    if config.get("problem_type") == MULTI_LABEL:
        head = f"a multi-label head (problem_type {MULTI_LABEL}), a sigmoid for each label"
    elif outputs == 1:
        if there == 1:
            read_activation(file, config)
            return
        raise UserError(
            f"{file} says that the model has {there} outputs: a regression has one; give a model with such a head"
        )
    elif config.get("problem_type") == "regression":
        head = "a regression (problem_type regression)"
    elif there == 1:
        head = "a head of one output, a regression or one sigmoid"
    else:
        return
    raise UserError(
        f"{file} says that the model has {head}: a task of classes scores the softmax over two classes or more, of "
        "which one is right; give a model with such a head (text-pair-regression takes one output, "
        "multi-label-classification a multi-label head)"
    )
