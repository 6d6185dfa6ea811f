"""Inputs and checks of the verification of a deployment against its checkpoint."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, cycle, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from backends.backend import Backend
from backends.batching import pad
from exporters.parity import Parity, compare_outputs
from harness.data.sampling import sample
from harness.errors import REFUSED, StepFailed
from harness.examples.records import Example
from harness.tasks.fast_tokenizer import read_tokenizer
from harness.tasks.features import Features
from harness.tasks.task import Task
from harness.verification.result import QualityLoss

Batch = dict[str, NDArray[np.int64]]
Outputs = Mapping[str, NDArray[np.float32]]

BATCH = 8  # inputs of mixed lengths: what the shorter ones are padded with must not matter


@dataclass(frozen=True)
class VerificationInputs:
    """Real examples as padded batches; the longest and the shortest input stand in the first.

    The last batch holds no example: text of as many tokens as an input may have, and the shortest beside it.
    """

    task: Task
    examples: list[Example]
    features: Features
    order: NDArray[np.int64]
    """The features in the order of the batches' rows."""
    filled: Batch | None
    """The last batch; None for a finished file that does not tell how many positions it has."""
    pad_token: int

    @property
    def batches(self) -> list[Batch]:
        rows = [self.order[at : at + BATCH] for at in range(0, len(self.order), BATCH)]
        examples = [pad(self.features.inputs, indices, pad_token=self.pad_token) for indices in rows]
        return examples if self.filled is None else [*examples, self.filled]

    def compare(self, expected: Sequence[Outputs], actual: Sequence[Outputs]) -> Parity:
        """Two outputs over all batches, or over as many of the first ones."""
        return compare_outputs(expected, actual, self.batches[: len(expected)], task=self.task.head.task)


def verification_inputs(
    every: Sequence[Example],
    tokenizer_folder: Path,
    task: Task,
    *,
    count: int,
    seed: int,
    positions: int | None,
    pad_token: int,
) -> VerificationInputs:
    """``count`` of the examples, and the longest and the shortest of all.

    ``positions`` are the model's, where they are known; ``pad_token`` is its too.
    """
    examples = verification_examples(every, count, seed=seed)
    tokenizer = read_tokenizer(tokenizer_folder)
    features = task.encode(tokenizer, examples)
    require_positions(int(features.lengths.max()), positions, task)
    ends = [int(features.lengths.argmax()), int(features.lengths.argmin())]
    others = np.random.default_rng(seed).permutation(len(features))
    order = np.array(list(dict.fromkeys([*ends, *others.tolist()])), np.int64)
    filled = None
    if positions is not None:
        shortest = examples[int(features.example[ends[1]])]
        both = task.encode(tokenizer, [_endless(every, positions), shortest]).inputs
        cut = {name: [arrays[0][:positions], arrays[-1]] for name, arrays in both.items()}
        filled = pad(cut, [0, 1], pad_token=pad_token)
    return VerificationInputs(task, examples, features, order, filled, pad_token)


def verification_examples(every: Sequence[Example], count: int, *, seed: int) -> list[Example]:
    """``count`` of the evaluation's examples, and the longest and the shortest of all."""
    chosen = {example.id: example for example in sample(every, count, seed=seed)}
    chosen |= {example.id: example for example in (max(every, key=_characters), min(every, key=_characters))}
    return list(chosen.values())


def require_positions(longest: int, positions: int | None, task: Task) -> None:
    """Raise `StepFailed` where an input of ``longest`` tokens is more than the model takes, as far as that is known."""
    if positions is not None and longest > positions:
        raise StepFailed(
            REFUSED,
            f"an input has {longest} tokens, but the model has {positions} positions: set the task's "
            f"{task.length_setting} to {positions} or less",
        )


def _endless(examples: Sequence[Example], tokens: int) -> Example:
    """The examples' words, of more tokens than that: encoding cuts it where the task does."""
    texts = ([*example.parts.values()][-1] for example in examples)
    words = cycle(chain.from_iterable(text.split() for text in texts))
    return examples[0].of(" ".join(islice(words, 2 * tokens)))


def alone(backend: Backend, batch: Batch, *, padded: bool) -> dict[str, NDArray[np.float32]]:
    """Outputs of the batch's rows, each run by itself, as padded as it was or cut to its own length."""
    width = batch["attention_mask"].shape[1]
    return joined([backend.infer(row) for row in single_rows(batch, padded=padded)], width, backend.per_token)


def single_rows(batch: Batch, *, padded: bool) -> list[Batch]:
    """The batch's rows as batches of one."""
    width = batch["attention_mask"].shape[1]
    ends = [width if padded else int(length) for length in batch["attention_mask"].sum(axis=1)]
    return [{name: array[row : row + 1, :end] for name, array in batch.items()} for row, end in enumerate(ends)]


def joined(rows: Sequence[Outputs], width: int, per_token: Collection[str]) -> dict[str, NDArray[np.float32]]:
    """Outputs of single rows as those of their batch; those ``per_token`` are zero behind what was run."""

    def filled(name: str, values: NDArray[np.float32]) -> NDArray[np.float32]:
        missing = width - values.shape[1] if name in per_token else 0
        return np.pad(values, [(0, missing if axis == 1 else 0) for axis in range(values.ndim)])

    return {name: np.concatenate([filled(name, row[name]) for row in rows]) for name in rows[0]}


def quality(
    inputs: VerificationInputs, expected: Sequence[Outputs], actual: Sequence[Outputs], allowed: float | None
) -> QualityLoss | None:
    """The task's score, F1 or accuracy, of the checkpoint and of the deployment on the same examples.

    ``allowed`` is what it may lose, see `QualityLoss`. None where single examples have no score.
    """
    if inputs.task.verified_score is None:
        return None
    column, measure = inputs.task.verified_score
    wanted, deployment_scores = (_right(inputs, outputs, column) for outputs in (expected, actual))
    lost = wanted - deployment_scores
    return QualityLoss(
        measure=measure,
        examples=len(lost),
        checkpoint=float(wanted.mean()),
        deployment=float(deployment_scores.mean()),
        loss=float(lost.mean()),
        standard_error=float(lost.std(ddof=1) / np.sqrt(len(lost))) if len(lost) > 1 else 0.0,
        allowed=allowed,
    )


def _right(inputs: VerificationInputs, outputs: Sequence[Outputs], column: str) -> NDArray[np.float64]:
    """How right each example's answer is, from 0 to 1."""
    by_feature: dict[str, list[NDArray[np.float32]]] = {}
    for name in outputs[0]:
        rows = [row for batch in outputs for row in batch[name]][: len(inputs.order)]
        lengths = inputs.features.lengths
        placed = dict(zip(inputs.order.tolist(), rows, strict=True))
        cut = name in inputs.task.head.per_token
        by_feature[name] = [placed[index][: length if cut else None] for index, length in enumerate(lengths)]
    table = inputs.task.table(inputs.examples, inputs.features, by_feature)
    return np.asarray(table.column(column).to_pylist(), np.float64)


def _characters(example: Example) -> int:
    return sum(map(len, example.parts.values()))
