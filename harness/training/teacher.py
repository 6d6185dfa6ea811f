"""The teacher of a distillation: what it says of features, once and kept, or as its student is trained."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from exporters.pooling import Pooling, pool
from exporters.tasks import Head
from harness.checkpoints.loading import load_model
from harness.errors import UserError
from harness.tasks.fast_tokenizer import FastTokenizer, read_tokenizer
from harness.training.batches import Collator

PREFIX = "teacher_"
REPRESENTATION = "representation"
_TOKENS_A_BATCH = 8192


@dataclass(frozen=True)
class TaughtOutputs:
    """What is taught of a model's outputs: the logits of its ``head``, or where that has none the embedding."""

    head: Head
    pooling: Pooling | None
    """Of the embedding; None where there are logits."""

    def __call__(self, outputs: Mapping[str, torch.Tensor], attention_mask: torch.Tensor) -> dict[str, torch.Tensor]:
        """By name; per-token logits are (batch, tokens, ...), others (batch, ...)."""
        if self.head.outputs:
            return {name: outputs[name] for name in self.head.outputs}
        assert self.pooling is not None
        return {REPRESENTATION: pool(outputs["last_hidden_state"].float(), attention_mask, self.pooling)}


@dataclass(frozen=True)
class Teacher:
    """Asked with the student's batches, it says what `soft_labels` keeps, and holds the hidden states for it.

    These are too many to keep: a layer's are a thousand times the logits of a text.
    """

    model: PreTrainedModel
    taught_outputs: TaughtOutputs
    reads: Collection[str]
    """Its inputs."""
    layers: Sequence[int]
    """The one that each layer of the student stands for."""

    def __call__(self, inputs: Mapping[str, torch.Tensor]) -> tuple[dict[str, torch.Tensor], list[torch.Tensor]]:
        with torch.no_grad():
            outputs = self.model(**{name: inputs[name] for name in self.reads}, output_hidden_states=True)
        states = [outputs.hidden_states[1 + layer] for layer in self.layers]  # the first are the embeddings of tokens
        return self.taught_outputs(outputs, inputs["attention_mask"]), states


def load_teacher(folder: Path, student: PreTrainedModel, tokenizer: FastTokenizer, head: Head) -> PreTrainedModel:
    """The checkpoint, without dropout; `UserError` where it and its student do not read or say the same."""
    vocabulary = read_tokenizer(folder).backend.get_vocab()
    if vocabulary != tokenizer.backend.get_vocab():
        raise UserError(
            f"the teacher in {folder} has another vocabulary than its student ({len(vocabulary)} against "
            f"{tokenizer.backend.get_vocab_size()} tokens): distil between models that share a tokenizer"
        )
    teacher = load_model(folder, task=head.task)
    theirs, own = teacher.config, student.config
    if head.classifies and theirs.num_labels != own.num_labels:
        raise UserError(
            f"the teacher in {folder} has {theirs.num_labels} classes, its student {own.num_labels}: distil between "
            "models of the same labels"
        )
    if not head.outputs and theirs.hidden_size != own.hidden_size:
        raise UserError(
            f"the teacher in {folder} embeds in {theirs.hidden_size} numbers, its student in {own.hidden_size}: distil "
            "between models of the same width"
        )
    torch.nn.Module.to(teacher, "cuda" if torch.cuda.is_available() else "cpu")
    torch.nn.Module.eval(teacher)
    return teacher


def ends_of_blocks(layers: Sequence[int] | None, depth: int) -> list[int]:
    """The layer of a teacher of that ``depth`` that each layer of its student stands for.

    A student of the ``layers`` 0, 2 and 4 of six has one in place of each block of two, and is held against the ends
    of the blocks, 1, 3 and 5: its last layer, which its head reads, against the last (the mapping of TinyBERT, Jiao et
    al. 2020, section 4.1). None are all layers, each in its own place.
    """
    return list(range(depth)) if layers is None else [*(layer - 1 for layer in layers[1:]), depth - 1]


def soft_labels(
    teacher: torch.nn.Module,
    inputs: Mapping[str, Sequence[NDArray[np.int64]]],
    *,
    taught_outputs: TaughtOutputs,
    pad_token_id: int,
    progress: Callable[[str, float], None],
) -> dict[str, list[NDArray[np.float32]]]:
    """What the teacher says of every feature, float32, by name: an embedding, or logits, trimmed to the tokens.

    The teacher does not change and has no dropout here, so one pass serves all epochs.
    """
    lengths = np.array([len(ids) for ids in inputs["input_ids"]])
    order = np.argsort(lengths, kind="stable")
    collate = Collator(pad_token_id)
    labels: dict[str, list[Any]] = {
        PREFIX + name: [None] * len(lengths) for name in taught_outputs.head.outputs or [REPRESENTATION]
    }
    teacher.eval()
    device = next(teacher.parameters()).device
    done = 0
    while done < len(order):
        size = max(1, _TOKENS_A_BATCH // int(lengths[order[min(done + 32, len(order)) - 1]]))
        chosen = order[done : done + min(size, 32)]
        batch = collate([{name: column[index] for name, column in inputs.items()} for index in chosen])
        batch = {name: tensor.to(device) for name, tensor in batch.items()}
        with torch.inference_mode():
            answers = taught_outputs(teacher(**batch), batch["attention_mask"])
        for name, answer in answers.items():
            for row, index in zip(answer.float().cpu().numpy(), chosen, strict=True):
                per_token = name in taught_outputs.head.per_token
                labels[PREFIX + name][index] = row[: lengths[index]].copy() if per_token else row
        done += len(chosen)
        progress(f"soft labels of the teacher: {done} of {len(order)}", done / len(order))
    return labels
