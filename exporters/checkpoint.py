"""A checkpoint folder as `save_pretrained` writes it: read its configuration, load its model."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exporters.errors import ExportError, one_line
from exporters.files import CONFIG, TOKENIZER, require, sha256
from exporters.positions import pad_token, usable_positions
from exporters.tasks import TASKS, Activation, activation_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

WEIGHTS = "model.safetensors"
FILES = (CONFIG, WEIGHTS, TOKENIZER)
ORIGIN = "origin.json"
"""Beside them, where they are of a hub: ``{"hub": id, "revision": as asked for, "commit": str or null}``; and where
they came out of a pickle, its name as `CONVERTED_FROM`."""
CONVERTED_FROM = "converted_from"


@dataclass(frozen=True)
class CheckpointFacts:
    """What a manifest says about the checkpoint behind an artifact."""

    architecture: str
    layers: int
    hidden: int
    labels: list[str] | None
    activation: Activation | None
    """Of a head with one output."""
    max_positions: int
    pad_token: int
    parameters: int
    digest: str
    origin: dict[str, str]
    """``hub``, ``revision``, ``commit`` and ``converted_from``, as far as they are known."""


def check_task(task: str) -> None:
    """Raise `ExportError` unless ``task`` is a known word."""
    if task not in TASKS:
        raise ExportError(f"task {task!r} is not known: use one of {', '.join(TASKS)}")


def read_checkpoint(folder: Path, *, task: str) -> CheckpointFacts:
    """Describe a checkpoint from its files, without loading the model.

    Raises `ExportError` for a missing or unreadable file.
    """
    paths = [require(folder, name, "a checkpoint needs " + ", ".join(FILES)) for name in FILES]
    try:
        config = json.loads(paths[0].read_text(encoding="utf-8"))
        positions = usable_positions(config)
        if positions is None:
            raise KeyError("max_position_embeddings")
        architecture = str(config["model_type"])
        labels = None
        if TASKS[task].classifies:
            names = config.get("id2label") or {"0": "LABEL_0", "1": "LABEL_1"}
            labels = [str(names[key]) for key in sorted(names, key=int)]
        return CheckpointFacts(
            architecture=architecture,
            layers=int(_first(config, "num_hidden_layers", "n_layers")),
            hidden=int(_first(config, "hidden_size", "dim")),
            labels=labels,
            activation=activation_of(config) if labels is not None and len(labels) == 1 else None,
            max_positions=positions,
            pad_token=pad_token(config),
            parameters=_count_parameters(paths[1]),
            digest=hashlib.sha256("".join(sha256(path) for path in paths).encode()).hexdigest(),
            origin=_origin(folder / ORIGIN),
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ExportError(f"{paths[0]} describes no text encoder ({error!r}): save the model again") from None


def load_model(folder: Path, *, task: str, attention: str | None = None) -> PreTrainedModel:
    """Load the float32 model with the head of ``task`` for inference; ``attention`` names its implementation.

    Raises `ExportError` when the weights do not fit: a head that is missing would be random.
    """
    import transformers

    check_task(task)
    loader = getattr(transformers, TASKS[task].auto_class)
    return _load(folder, loader, task, "fine-tune it for this task first", attention)


def load_masked_language_model(folder: Path) -> PreTrainedModel:
    """As `load_model`, with a masked-LM head and eager attention."""
    from transformers import AutoModelForMaskedLM

    return _load(folder, AutoModelForMaskedLM, "masked language modelling", "give one with a masked-LM head", "eager")


def load_encoder(folder: Path) -> PreTrainedModel:
    """As `load_model`, without a head and with eager attention."""
    from transformers import AutoModel

    return _load(folder, AutoModel, "encoding sentences", "give an encoder", "eager")


def _load(folder: Path, loader: Any, purpose: str, remedy: str, attention: str | None) -> PreTrainedModel:
    from transformers.utils import logging

    options: dict[str, Any] = {} if attention is None else {"attn_implementation": attention}
    verbosity = logging.get_verbosity()
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # what it would warn of is an error here, see below
    try:
        model, loading = loader.from_pretrained(
            str(folder),
            local_files_only=True,
            use_safetensors=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they are listed instead, and refused below
            dtype="float32",
            **options,
        )
    except MemoryError:
        raise
    except Exception as error:  # of torch, safetensors, transformers: whatever does not fit
        raise ExportError(f"{folder} does not load as a model for {purpose}: {one_line(error)}") from error
    finally:
        logging.set_verbosity(verbosity)
    if names := ", ".join(sorted(not_filled(loading))[:3]):
        raise ExportError(f"{folder} has no weights for {purpose} ({names}): {remedy}")
    return model.eval()  # type: ignore[no-any-return]


def not_filled(loading: Mapping[str, Any]) -> set[str]:
    """Names of the weights that a checkpoint lacks or has in another shape, of what `from_pretrained` tells."""
    # since transformers 5 with both shapes
    other = (entry if isinstance(entry, str) else entry[0] for entry in loading["mismatched_keys"])
    return {*loading["missing_keys"], *other}


def _origin(path: Path) -> dict[str, str]:
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {key: str(known[key]) for key in ("hub", "revision", "commit", CONVERTED_FROM) if known.get(key) is not None}


def _first(config: dict[str, Any], *names: str) -> Any:
    for name in names:
        if name in config:
            return config[name]
    raise KeyError(names[0])


def _count_parameters(path: Path) -> int:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as weights:
            return sum(math.prod(weights.get_slice(name).get_shape()) for name in weights.keys())  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ExportError(f"{path} is no readable safetensors file ({one_line(error)}): save the model again") from None
