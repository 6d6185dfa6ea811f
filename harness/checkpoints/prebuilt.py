"""A model given as a finished file: found and looked at before a run. Loads no torch and no runtime."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from exporters.errors import ExportError
from exporters.files import CONFIG, TOKENIZER, sha256
from exporters.positions import first_position, pad_token, usable_positions
from exporters.prebuilt.engine import look_at_engine
from exporters.prebuilt.onnx import DeclaredMetadata, PrebuiltModel, look_at
from exporters.tasks import TASKS
from harness.checkpoints.heads import read_activation, require_head
from harness.checkpoints.locate import require_inside
from harness.checkpoints.tokenizer_files import prebuilt_tokenizer_files, read_prebuilt_vocabulary
from harness.config.models import PrebuiltArtifact
from harness.errors import UserError

PAD_TOKENS = ("[PAD]", "<pad>")


@dataclass(frozen=True)
class PrebuiltContent:
    """What a step that uses the file depends on."""

    declared: DeclaredMetadata
    files: dict[str, str]
    """SHA-256 by name, see `exporters.prebuilt.onnx.PrebuiltModel`."""
    tokenizer: dict[str, str]
    """SHA-256 by name."""


def prebuilt_file(artifact: PrebuiltArtifact) -> Path:
    file = artifact.onnx or artifact.tensorrt
    assert file is not None  # one of them is: harness.config.references
    # Not resolved: weights lie beside the name, which in a hub cache is a link to elsewhere.
    return file.expanduser().absolute()


def tokenizer_folder(artifact: PrebuiltArtifact) -> Path:
    if artifact.tokenizer is None:
        return prebuilt_file(artifact).parent
    return artifact.tokenizer.expanduser().absolute()


def inspect_prebuilt(artifact: PrebuiltArtifact, *, task: str, labels: Sequence[str], pooling: str) -> PrebuiltContent:
    """Check what can be checked without running the file, and hash it.

    Raises `UserError`: the file cannot be read or is no model of the task, there is no tokenizer, one with
    more tokens than the model, or a link to outside of the folder.
    """
    folder, file = tokenizer_folder(artifact), prebuilt_file(artifact)
    described, config = config_of(artifact)
    declared = DeclaredMetadata(
        **artifact.model_dump(mode="json", exclude={"onnx", "tensorrt", "tokenizer", "first_position"}),
        first_position=_first_position(artifact, config),
        max_positions=usable_positions(config),
        activation=(read_activation(described, config) if config else "identity") if len(labels) == 1 else None,
    )
    seen = None
    try:
        if artifact.tensorrt is None:
            seen = look_at(file, task=task, labels=labels, pooling=pooling, declared=declared)
        files = look_at_engine(file) if seen is None else seen.digests
    except ExportError as error:
        raise UserError(str(error)) from None
    require_inside(*prebuilt_tokenizer_files(folder), described)
    if TASKS[task].classifies:
        require_head(described, config, len(labels), task=task)
        _same_labels(described, config, labels)
    tokenizer = read_prebuilt_vocabulary(folder)
    digests = {path.name: sha256(path) for path in prebuilt_tokenizer_files(folder)}
    if seen is not None:
        _require_room(tokenizer.get_vocab_size(), seen)
        _same_tokenizer(folder, digests, seen)
    padding = pad_token(config) if "pad_token_id" in config else _pad_token(tokenizer)
    positions = declared.max_positions
    if positions is None and seen is not None and seen.facts.positions is not None:
        positions = seen.facts.positions - (padding + 1 if seen.facts.counted else declared.first_position or 0)
    return PrebuiltContent(replace(declared, pad_token=padding, max_positions=positions), files, digests)


def config_of(artifact: PrebuiltArtifact) -> tuple[Path, dict[str, Any]]:
    """The ``config.json`` beside the file, or else beside its tokenizer; empty where none can be read."""
    places = [folder / CONFIG for folder in (prebuilt_file(artifact).parent, tokenizer_folder(artifact))]
    place = next((path for path in places if path.is_file()), places[0])
    try:
        content = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return place, {}
    return place, content if isinstance(content, dict) else {}


def _first_position(artifact: PrebuiltArtifact, config: Mapping[str, Any]) -> int | None:
    if artifact.first_position is not None:
        return artifact.first_position
    return first_position(config) if isinstance(config.get("model_type"), str) else None


def _pad_token(tokenizer: Any) -> int:
    """The id of the token that is commonly called so; 0 where there is none."""
    return next((id for name in PAD_TOKENS if (id := tokenizer.token_to_id(name)) is not None), 0)


def _require_room(tokens: int, seen: PrebuiltModel) -> None:
    rows = seen.facts.vocabulary
    if rows is not None and tokens > rows:
        raise UserError(
            f"the tokenizer of {seen.path} has {tokens} tokens, its model only {rows}: they do not belong together"
        )


def _same_tokenizer(folder: Path, digests: dict[str, str], seen: PrebuiltModel) -> None:
    """A file that scalemodel exported names its tokenizer.json; a vocabulary alone cannot be held against that."""
    exported = seen.metadata.get("tokenizer_sha256")
    if exported is not None and TOKENIZER in digests and digests[TOKENIZER] != exported:
        raise UserError(
            f"{folder / TOKENIZER} is not the one that {seen.path} was exported with (other SHA-256): name the folder "
            "of that one, as tokenizer"
        )


def _same_labels(file: Path, config: Mapping[str, Any], labels: Sequence[str]) -> None:
    """Where a checkpoint's configuration lies beside the file, its classes must be in the study's order.

    Nothing in an ONNX file names its classes: two that are swapped would show as a bad model only. Names that
    were never given (``LABEL_0``, ...) and other names for the classes tell nothing.
    """
    try:
        names = config["id2label"]
        own = [str(names[key]).casefold() for key in sorted(names, key=int)]
    except (ValueError, KeyError, TypeError, AttributeError):
        return
    wanted = [label.casefold() for label in labels]
    if own != wanted and sorted(own) == sorted(wanted):
        raise UserError(
            f"labels are {', '.join(labels)} in this order, but {file} says {', '.join(own)}; write them in the "
            "model's order"
        )
