"""A model given as a finished file: found and looked at before a run. Loads no torch and no runtime."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from exporters.errors import ExportError
from exporters.own_engine import look_at_engine
from exporters.own_onnx import OwnModel, Told, look_at
from harness.checkpoints.locate import require_inside
from harness.checkpoints.tokenizer_files import count_tokens, own_tokenizer_files
from harness.config.models import OwnArtifact
from harness.errors import UserError
from harness.store.content import file_digest
from harness.tasks.fast_tokenizer import TOKENIZER


@dataclass(frozen=True)
class OwnContent:
    """What a step that uses the file depends on."""

    files: dict[str, str]
    """SHA-256 by name, see `exporters.own_onnx.OwnModel`."""
    tokenizer: dict[str, str]
    """SHA-256 by name."""


def own_file(artifact: OwnArtifact) -> Path:
    file = artifact.onnx or artifact.tensorrt
    assert file is not None  # one of them is: harness.config.references
    # Not resolved: weights lie beside the name, which in a hub cache is a link to elsewhere.
    return file.expanduser().absolute()


def tokenizer_folder(artifact: OwnArtifact) -> Path:
    if artifact.tokenizer is None:
        return own_file(artifact).parent
    return artifact.tokenizer.expanduser().absolute()


def told_of(artifact: OwnArtifact) -> Told:
    return Told(**artifact.model_dump(mode="json", exclude={"onnx", "tensorrt", "tokenizer"}))


def look_at_own(artifact: OwnArtifact, *, task: str, labels: Sequence[str], pooling: str) -> OwnContent:
    """Check what can be checked without running the file, and hash it.

    Raises `UserError`: the file cannot be read or is no model of the task, there is no tokenizer, one with
    more tokens than the model, or a link to outside of the folder.
    """
    tokenizer = tokenizer_folder(artifact)
    names = own_file(artifact).parent / "config.json"
    try:
        if artifact.tensorrt is not None:
            digests = look_at_engine(own_file(artifact))
            require_inside(*own_tokenizer_files(tokenizer))
            count_tokens(tokenizer)
            return OwnContent(digests, _tokenizer_digests(tokenizer))
        seen = look_at(own_file(artifact), task=task, labels=labels, pooling=pooling, told=told_of(artifact))
    except ExportError as error:
        raise UserError(str(error)) from None
    require_inside(*own_tokenizer_files(tokenizer), names)
    _require_room(count_tokens(tokenizer), seen)
    _same_labels(names, labels)
    digests = _tokenizer_digests(tokenizer)
    _same_tokenizer(tokenizer, digests, seen)
    return OwnContent(seen.digests, digests)


def _tokenizer_digests(folder: Path) -> dict[str, str]:
    return {path.name: file_digest(path) for path in own_tokenizer_files(folder)}


def _require_room(tokens: int, seen: OwnModel) -> None:
    rows = seen.facts.vocabulary
    if rows is not None and tokens > rows:
        raise UserError(
            f"the tokenizer of {seen.path} has {tokens} tokens, its model only {rows}: they do not belong together"
        )


def _same_tokenizer(folder: Path, digests: dict[str, str], seen: OwnModel) -> None:
    """A file that scalemodel exported names its tokenizer.json; a vocabulary alone cannot be held against that."""
    exported = seen.says.get("tokenizer_sha256")
    if exported is not None and TOKENIZER in digests and digests[TOKENIZER] != exported:
        raise UserError(
            f"{folder / TOKENIZER} is not the one that {seen.path} was exported with (other SHA-256): name the folder "
            "of that one, as tokenizer"
        )


def _same_labels(config: Path, labels: Sequence[str]) -> None:
    """Where a checkpoint's configuration lies beside the file, its classes must be in the study's order.

    Nothing in an ONNX file names its classes: two that are swapped would show as a bad model only. Names that
    were never given (``LABEL_0``, ...) and other names for the classes tell nothing.
    """
    try:
        names = json.loads(config.read_text(encoding="utf-8"))["id2label"]
        own = [str(names[key]).casefold() for key in sorted(names, key=int)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return
    wanted = [label.casefold() for label in labels]
    if own != wanted and sorted(own) == sorted(wanted):
        raise UserError(
            f"labels are {', '.join(labels)} in this order, but {config} says {', '.join(own)}; write them in the "
            "model's order"
        )
