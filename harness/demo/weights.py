"""The family that ships with the package: float16 on disk, written out as float32 checkpoints.

``family/TASK/NAME`` holds config.json and model.safetensors of a member; the tokenizer is one for all.
Imports neither torch nor transformers.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from exporters.files import CONFIG, TOKENIZER, TOKENIZER_SETTINGS
from harness.errors import UserError

FAMILY = Path(__file__).parent / "family"
TOKENIZER_FILES = (TOKENIZER, TOKENIZER_SETTINGS)
WEIGHTS = "model.safetensors"

_THREE = ("reference", "reference-seed-1", "tiny")
MODELS = {
    "question-answering": ("reference", "reference-seed-1", "reference-seed-2", "small", "tiny"),
    "text-classification": (
        *("reference", "reference-seed-1", "reference-seed-2", "small", "tiny"),
        *("agreement", "agreement-seed-1", "agreement-tiny"),
        *("likeness", "likeness-seed-1", "likeness-tiny"),
        *("reranker", "reranker-seed-1", "reranker-tiny"),
    ),
    "multi-label-classification": _THREE,
    "token-classification": _THREE,
    "feature-extraction": _THREE,
    "masked-language-model": ("reviews",),
}
"""The members by the task of their head, from the reference to the smallest; ``-seed-1`` and ``-2`` are replicates.

Of one head of sequences there are four kinds: of reviews, and of pairs of texts that agree (``agreement``), are alike
(``likeness``), or are a question and its answer (``reranker``).
"""


OF_PAIRS = {"agreement": "text-pair-classification", "likeness": "text-pair-regression", "reranker": "reranking"}
"""Their tasks, by the first word of their names."""


def tasks_of(head: str, name: str) -> tuple[str, ...]:
    """The tasks that a member was trained for."""
    if head == "feature-extraction":
        return ("sentence-similarity", "retrieval")
    return (OF_PAIRS.get(name.partition("-")[0], head),)


def embedded_names(task: str) -> tuple[str, ...]:
    """The names of the members with the head of ``task``, which may also be ``masked-language-model``."""
    return MODELS.get(task, ())


def files(name: str, task: str) -> list[Path]:
    """The files that a member is made of: their content identifies it.

    Raises:
        UserError: there is no such member, or a file of it is missing.
    """
    if name not in embedded_names(task):
        known = ", ".join(embedded_names(task)) or "none for this task"
        raise UserError(f"no embedded checkpoint {name!r} for {task}; there are: {known}")
    folder = FAMILY / task / name
    paths = [folder / CONFIG, folder / WEIGHTS, *(FAMILY / file for file in TOKENIZER_FILES)]
    for file in paths:
        if not file.is_file():
            raise UserError(f"embedded checkpoint {name!r}: {file} is missing; install scalemodel again")
    return paths


def write_checkpoint(name: str, task: str, destination: Path) -> None:
    """Write a member to ``destination`` in the layout of ``save_pretrained``, float32.

    Raises:
        UserError: there is no such member, or a file of it is missing or damaged.
    """
    write_member(files(name, task), destination)


def write_member(member: Sequence[Path], destination: Path) -> None:
    """Write config, weights and tokenizer files of a member, as `write_checkpoint` does."""
    import numpy as np
    from safetensors import SafetensorError
    from safetensors.numpy import load_file, save_file

    config, weights, *tokenizer = member
    try:
        tensors = load_file(weights)
    except SafetensorError as error:
        raise UserError(f"embedded checkpoint: {weights} is damaged ({error})") from None
    destination.mkdir(parents=True, exist_ok=True)
    for file in (config, *tokenizer):
        shutil.copyfile(file, destination / file.name)
    upcast = {key: tensor.astype(np.float32) for key, tensor in tensors.items()}
    save_file(upcast, destination / WEIGHTS, metadata={"format": "pt"})
