"""Batches of a token budget over examples sorted by length, and the run of a backend over all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backends.backend import Backend
from backends.concurrent_sessions import Workers
from backends.errors import BackendError

Integers = NDArray[np.int64]


def plan_batches(lengths: Integers, *, token_budget: int, same_length: bool = False) -> list[Integers]:
    """Indices of each batch: examples sorted by length, so that padding is small.

    A batch's padded tokens (its size times its longest example) stay within ``token_budget``; an example
    longer than the budget goes alone. With ``same_length`` no batch has examples of different lengths, so that
    nothing is padded. The sort is stable, so the same lengths give the same batches.
    """
    if token_budget < 1:
        raise BackendError(f"token_budget is {token_budget}; give 1 or more")
    order = np.argsort(lengths, kind="stable")
    batches, start = [], 0
    for position, index in enumerate(order):
        full = (position - start + 1) * lengths[index] > token_budget
        if position > start and (full or (same_length and lengths[index] != lengths[order[start]])):
            batches.append(order[start:position])
            start = position
    if start < len(order):
        batches.append(order[start:])
    return batches


def shuffled_batches(lengths: Integers, *, token_budget: int, seed: int) -> list[Integers]:
    """As `plan_batches`, but every example meets other neighbours: for the execution floor.

    Shuffled, cut into pools of some sixteen batches (two pools at least), and sorted within a pool: the
    composition is random, the padding still small.
    """
    order = np.random.default_rng(seed).permutation(len(lengths)).astype(np.int64)
    pools = min(len(order), max(2, int(lengths.sum()) // (16 * max(1, token_budget))))
    return [
        pool[batch]
        for pool in np.array_split(order, pools or 1)
        for batch in plan_batches(lengths[pool], token_budget=token_budget)
    ]


def pad(
    inputs: Mapping[str, Sequence[Integers]],
    indices: Sequence[int] | Integers,
    *,
    length: int | None = None,
    pad_token: int = 0,
) -> dict[str, Integers]:
    """Stack ragged 1-d inputs into int64 (batch, ``length``) arrays, ``input_ids`` filled up with ``pad_token``.

    Without ``length`` the longest example sets it. Behind the others are zeros, which mask what is padded in
    ``attention_mask``. Models of RoBERTa's kind count positions by the padding token: with another they would count on.
    """
    picked = {name: [rows[index] for index in indices] for name, rows in inputs.items()}
    longest = max((len(row) for rows in picked.values() for row in rows), default=0)
    if length is not None and length < longest:
        raise BackendError(f"cannot pad to {length}: an example of the batch has {longest} tokens")
    padded = {}
    for name, rows in picked.items():
        filling = pad_token if name == "input_ids" else 0
        array = np.full((len(rows), length or longest), filling, dtype=np.int64)
        for target, row in zip(array, rows, strict=True):
            target[: len(row)] = row
        padded[name] = array
    return padded


@dataclass(frozen=True)
class Batches:
    """Ragged examples, planned into batches that are padded one at a time: memory stays that of one batch."""

    inputs: Mapping[str, Sequence[Integers]]
    lengths: Integers
    """Tokens of each example."""
    padded: Integers
    """The same, rounded up."""
    indices: list[Integers]
    """The examples of each batch."""
    pad_token: int

    def __len__(self) -> int:
        return len(self.indices)

    def feeds(self, number: int) -> dict[str, Integers]:
        """Batch ``number``, padded: see `pad`."""
        batch = self.indices[number]
        return pad(self.inputs, batch, length=int(self.padded[batch].max()), pad_token=self.pad_token)

    def give_back(
        self,
        number: int,
        outputs: Mapping[str, NDArray[np.float32]],
        results: Mapping[str, list[NDArray[np.float32]]],
        per_token: frozenset[str],
    ) -> None:
        """Put the outputs of batch ``number`` at the examples' own places, padding cut off."""
        for name, array in outputs.items():
            target = results[name]
            for row, index in zip(array, self.indices[number], strict=True):
                target[index] = row[: self.lengths[index]].copy() if name in per_token else row


def build_batches(
    backend: Backend,
    inputs: Mapping[str, Sequence[Integers]],
    *,
    token_budget: int,
    same_length: bool = False,
    pad_token: int = 0,
    pad_to_multiple: int = 1,
    longest: int | None = None,
    shuffle_seed: int | None = None,
) -> Batches:
    """Plan batches of what ``backend`` takes of ``inputs``; the arguments are those of `infer_all`."""
    if pad_to_multiple < 1:
        raise BackendError(f"pad_to_multiple is {pad_to_multiple}; give 1 or more")
    missing = [name for name in backend.inputs if name not in inputs]
    if missing:
        raise BackendError(f"{backend.name}: the model needs the input {missing[0]!r}; given: {', '.join(inputs)}")
    taken = {name: inputs[name] for name in backend.inputs}
    lengths = np.array([len(row) for row in taken["input_ids"]], dtype=np.int64)
    if lengths.size and lengths.min() < 1:
        raise BackendError(f"example {int(lengths.argmin())} has no tokens; give it one at least")
    padded = -(-lengths // pad_to_multiple) * pad_to_multiple
    if longest is not None:
        padded = np.maximum(lengths, np.minimum(padded, longest))
    if shuffle_seed is None:
        indices = plan_batches(padded, token_budget=token_budget, same_length=same_length)
    else:
        indices = shuffled_batches(padded, token_budget=token_budget, seed=shuffle_seed)
    return Batches(taken, lengths, padded, indices, pad_token)


def infer_all(
    backend: Backend,
    inputs: Mapping[str, Sequence[Integers]],
    *,
    token_budget: int,
    per_token: frozenset[str],
    same_length: bool = False,
    pad_token: int = 0,
    pad_to_multiple: int = 1,
    longest: int | None = None,
    shuffle_seed: int | None = None,
    workers: Workers | None = None,
    progress: Callable[[int], None] | None = None,
) -> dict[str, list[NDArray[np.float32]]]:
    """Run all examples, whatever their lengths, and give each output as one array an example, in their order.

    Outputs named in ``per_token`` have a token axis and are cut to the example's own length. ``workers``,
    of which ``backend`` is the first, work at the same time, each on batches of its own. ``same_length``
    is that of `plan_batches`, ``pad_token`` that of `pad`. The other arguments vary what must not matter:
    ``pad_to_multiple`` rounds padded lengths up, though not beyond ``longest``, the tokens that the model has
    positions for; ``shuffle_seed`` composes other batches, of mixed lengths. ``progress`` is called after each batch
    with how many examples it had.
    """
    batches = build_batches(
        backend,
        inputs,
        token_budget=token_budget,
        same_length=same_length,
        pad_token=pad_token,
        pad_to_multiple=pad_to_multiple,
        longest=longest,
        shuffle_seed=shuffle_seed,
    )
    results = no_outputs(backend, len(batches.lengths))

    def run(worker: Backend, number: int) -> None:
        batches.give_back(number, worker.infer(batches.feeds(number)), results, per_token)
        if progress is not None:
            progress(len(batches.indices[number]))

    (workers or Workers([backend])).deal(run, len(batches))
    return results


def no_outputs(backend: Backend, examples: int) -> dict[str, list[NDArray[np.float32]]]:
    """Room for the outputs of ``examples``, by name."""
    return {name: [np.empty(0, dtype=np.float32)] * examples for name in backend.outputs}
