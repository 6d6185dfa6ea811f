"""Any source of a checkpoint, written as the folder that training and the exporters read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from transformers import PreTrainedModel

from benchmarks.attack.vocabulary import Vocabulary
from benchmarks.errors import BenchmarkError
from exporters.checkpoint import CONVERTED_FROM, ORIGIN
from exporters.embedding import Embedding, write_embedding
from exporters.tasks import EMBEDDING, QUESTION_ANSWERING, TASKS
from harness.checkpoints.architectures import random_config, write_synthetic_tokenizer
from harness.checkpoints.cutting import cut_layers
from harness.checkpoints.folder_check import read_config, require_weights
from harness.checkpoints.heads import require_head
from harness.checkpoints.labels import matching_labels, model_labels, written_labels
from harness.checkpoints.loading import (
    HEADS,
    another_head,
    classifies,
    load,
    load_config,
    load_model,
    require_room,
    require_token_types,
)
from harness.checkpoints.locate import hub_commit, source_folder
from harness.checkpoints.pruning import prune_heads, prune_weights
from harness.checkpoints.sentence_modules import read_modules
from harness.checkpoints.tokenizer_files import copy_tokenizer, write_tokenizer
from harness.checkpoints.weight_files import pickled
from harness.config.checkpoints import (
    CheckpointSource,
    CutCheckpoint,
    EmbeddedCheckpoint,
    HubCheckpoint,
    PrunedCheckpoint,
    RandomCheckpoint,
)
from harness.demo.weights import write_checkpoint
from harness.errors import UserError


def materialize(
    source: CheckpointSource,
    destination: Path,
    *,
    task: str,
    labels: tuple[str, ...] | None,
    seed: int,
    resolve: Callable[[str], Path],
    allow_new_head: bool = False,
) -> None:
    """Write config.json, model.safetensors (float32) and a fast tokenizer to ``destination``.

    ``task`` is that of the head, ``masked-language-model`` or ``sentence-encoder``. A head that the source lacks is
    drawn from ``seed`` where ``allow_new_head`` says that the model is about to be trained, and is a `UserError`
    otherwise; random architectures get all their weights from ``seed``. ``resolve`` gives the
    materialised folder of the model that a student is cut from or that is pruned; both keep its head.
    A hub checkpoint's id and commit are written beside it, for its artifacts to tell, and that the weights came out of
    a pickle. No folder's name is: the same weights under another name are the same checkpoint.
    Raises `UserError` for everything that is wrong with the source.
    """
    destination.mkdir(parents=True, exist_ok=True)
    folder: Path | None = None
    origin: dict[str, str | None] = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        match source:
            case RandomCheckpoint(random=architecture):
                config = random_config(architecture, **_new_labels(task, labels))
                model = HEADS[task].from_config(config)
                write_synthetic_tokenizer(destination)
                if task == EMBEDDING.task:
                    write_embedding(destination, Embedding())
            case CutCheckpoint(cut=name, layers=layers):
                parent = resolve(name)
                model = cut_layers(load_model(parent, task=task), layers, name)
                copy_tokenizer(parent, destination)
            case PrunedCheckpoint(pruned=name, heads=share):
                parent = resolve(name)
                whole = load_model(parent, task=task)
                model = prune_weights(whole, name) if share is None else prune_heads(whole, share, name)
                copy_tokenizer(parent, destination)
            case EmbeddedCheckpoint(embedded=name):
                with TemporaryDirectory() as unpacked:
                    write_checkpoint(name, task, Path(unpacked))
                    model = from_folder(Path(unpacked), destination, task, labels, allow_new_head)
            case HubCheckpoint(hub=name, revision=revision):
                folder = source_folder(source)
                model = from_folder(folder, destination, task, labels, allow_new_head)
                origin = {"hub": name, "revision": revision, "commit": hub_commit(folder)}
            case _:
                folder = source_folder(source)
                model = from_folder(folder, destination, task, labels, allow_new_head)
    if folder is not None and pickled(first := require_weights(folder)):
        origin[CONVERTED_FROM] = first
    if origin:
        (destination / ORIGIN).write_text(json.dumps(origin) + "\n", encoding="utf-8")
    model.save_pretrained(destination, safe_serialization=True, max_shard_size="100GB")


def from_folder(
    folder: Path, destination: Path, task: str, labels: tuple[str, ...] | None, allow_new_head: bool
) -> PreTrainedModel:
    """The model under the task's head; its tokenizer, and how it embeds texts, go to ``destination``."""
    tokenizer = write_tokenizer(folder, destination)
    if task == "masked-language-model":
        _require_words(folder, tokenizer)
    overrides = _new_labels(task, labels) if allow_new_head else {}
    if classifies(task) and not allow_new_head:
        require_head(folder / "config.json", read_config(folder), None if labels is None else len(labels), task=task)
        config = load_config(folder)
        # A head of one output keeps what its configuration says of its activation.
        if config.num_labels != 1:
            names = matching_labels(f"the model in {folder}", model_labels(config.id2label), labels)
            overrides = written_labels(names, multi_label=TASKS[task].multi_label)
    loaded = load(folder, task, **overrides)
    if task == EMBEDDING.task:  # which has no head: what may be new is a pooler, that nothing reads
        write_embedding(destination, read_modules(folder))
    elif loaded.new and not allow_new_head:
        raise UserError(another_head(folder, task, loaded))
    require_room(folder, len(tokenizer), loaded.model)
    if task == QUESTION_ANSWERING.task:  # it reads pairs
        require_token_types(folder, tokenizer, loaded.model)
    return loaded.model


def _require_words(folder: Path, tokenizer: Any) -> None:
    """An attack puts pieces together to words."""
    try:
        Vocabulary(tokenizer.backend_tokenizer)
    except BenchmarkError as error:
        raise UserError(f"checkpoint {folder} cannot be an attack's masked_language_model: {error}") from None


def _new_labels(task: str, labels: tuple[str, ...] | None) -> dict[str, Any]:
    if not classifies(task):
        return {}
    if not labels:
        raise UserError(f"a new {task} head needs its classes: set labels to two names or more")
    return written_labels(labels, multi_label=TASKS[task].multi_label)
