"""The class names of a checkpoint against those of a study."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from harness.checkpoints.heads import MULTI_LABEL
from harness.errors import UserError


def written_labels(labels: Sequence[str], *, multi_label: bool = False) -> dict[str, Any]:
    """The fields of a configuration that name the classes, and say whether one of them is right or any number."""
    several = MULTI_LABEL if multi_label else "single_label_classification"
    return {
        "id2label": dict(enumerate(labels)),
        "label2id": {label: index for index, label in enumerate(labels)},
        "problem_type": several if len(labels) > 1 else "regression",
    }


def model_labels(id2label: Mapping[Any, str] | None) -> tuple[str, ...]:
    """The class names of a configuration's field, by class index: a number, or its text as in config.json."""
    names = {int(index): name for index, name in (id2label or {}).items()}
    return tuple(str(names[index]) for index in sorted(names))


def matching_labels(model: str, own: Sequence[str], labels: Sequence[str] | None) -> tuple[str, ...]:
    """The study's names for the classes of a trained head; its ``own`` where the study names none.

    ``model`` is what the message calls it.

    Case does not matter, and ``LABEL_0``, ``LABEL_1``, ... (names never given) match by index. Raises
    `UserError` when a label is missing, when the model has more, or when they stand in another order.
    """
    if labels is None:
        return tuple(own)
    wanted = tuple(labels)
    unnamed = all(re.fullmatch(r"LABEL_\d+", label) for label in own)
    if len(own) == len(wanted) and unnamed:
        return wanted
    folded = [label.casefold() for label in own]
    missing = [label for label in wanted if label.casefold() not in folded]
    has = f"{model} has {len(own)}: {', '.join(own)}"
    if missing or (unnamed and len(own) != len(wanted)):
        lacking = missing[0] if missing else wanted[-1]
        way_out = "name a checkpoint that was fine-tuned for the task" if unnamed else "write these labels"
        raise UserError(
            f"label {lacking!r} is none of the model's classes; {has}; {way_out}, or give the model a training"
        )
    if len(own) > len(wanted):
        raise UserError(f"labels names {len(wanted)} classes, but {has}; name all of them")
    if folded != [label.casefold() for label in wanted]:
        raise UserError(f"labels are {', '.join(wanted)} in this order, but {has}; write them in the model's order")
    return wanted
