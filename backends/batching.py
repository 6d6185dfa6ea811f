"""Batches of a token budget over examples sorted by length, and the run of a backend over all of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from backends.backend import Backend
from backends.errors import BackendError

Integers = NDArray[np.int64]


def plan_batches(lengths: Integers, *, token_budget: int) -> list[Integers]:
    """Indices of each batch: examples sorted by length, so that padding is small.

    A batch's padded tokens (its size times its longest example) stay within ``token_budget``; an example
    longer than the budget goes alone. The sort is stable, so the same lengths give the same batches.
    """
    if token_budget < 1:
        raise BackendError(f"token_budget is {token_budget}; give 1 or more")
    order = np.argsort(lengths, kind="stable")
    batches, start = [], 0
    for position, index in enumerate(order):
        if position > start and (position - start + 1) * lengths[index] > token_budget:
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
    inputs: Mapping[str, Sequence[Integers]], indices: Sequence[int] | Integers, *, length: int | None = None
) -> dict[str, Integers]:
    """Stack ragged 1-d inputs into int64 (batch, ``length``) arrays, zeros behind.

    Without ``length`` the longest example sets it. Zero masks what is padded in ``attention_mask``; the
    values of the other inputs do not matter there.
    """
    picked = {name: [rows[index] for index in indices] for name, rows in inputs.items()}
    longest = max((len(row) for rows in picked.values() for row in rows), default=0)
    if length is not None and length < longest:
        raise BackendError(f"cannot pad to {length}: an example of the batch has {longest} tokens")
    padded = {}
    for name, rows in picked.items():
        array = np.zeros((len(rows), length or longest), dtype=np.int64)
        for target, row in zip(array, rows, strict=True):
            target[: len(row)] = row
        padded[name] = array
    return padded


def infer_all(
    backend: Backend,
    inputs: Mapping[str, Sequence[Integers]],
    *,
    token_budget: int,
    per_token: frozenset[str],
    pad_to_multiple: int = 1,
    shuffle_seed: int | None = None,
    progress: Callable[[int], None] | None = None,
) -> dict[str, list[NDArray[np.float32]]]:
    """Run all examples, whatever their lengths, and give each output as one array an example, in their order.

    Outputs named in ``per_token`` have a token axis and are cut to the example's own length. The other
    arguments vary what must not matter: ``pad_to_multiple`` rounds padded lengths up, ``shuffle_seed``
    composes other batches. ``progress`` is called after each batch with how many examples it had.
    """
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
    if shuffle_seed is None:
        batches = plan_batches(padded, token_budget=token_budget)
    else:
        batches = shuffled_batches(padded, token_budget=token_budget, seed=shuffle_seed)

    results: dict[str, list[NDArray[np.float32]]] = {
        name: [np.empty(0, dtype=np.float32)] * len(lengths) for name in backend.outputs
    }
    for batch in batches:
        outputs = backend.infer(pad(taken, batch, length=int(padded[batch].max())))
        for name, array in outputs.items():
            target = results[name]
            for row, index in zip(array, batch, strict=True):
                target[index] = row[: lengths[index]].copy() if name in per_token else row
        if progress is not None:
            progress(len(batch))
    return results
