"""Parity: how far an artifact's outputs are from its checkpoint's, on the same padded batches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exporters.checkpoint import load_model
from exporters.errors import ExportError
from exporters.onnx.graph import REPRESENTATION
from exporters.pooling import check_pooling, keep_last_hidden_state, pool
from exporters.tasks import TASKS

Arrays = Mapping[str, NDArray[Any]]


LEAST_SPREAD = 0.01
"""Of the largest value: outputs that hardly differ among themselves would ask for less than rounding."""


@dataclass(frozen=True)
class Difference:
    """Of one output, absolute and in its own unit, padding left out; None when it is not finite."""

    largest: float | None
    """The largest difference of a number."""
    mean: float | None
    """Mean absolute difference."""
    root_mean_square: float | None
    """Root mean square difference."""
    spread: float
    """Standard deviation of the expected values, at least `LEAST_SPREAD` of the largest of them."""

    @property
    def share(self) -> float | None:
        """The root mean square difference as a share of the spread: two unrelated outputs are 1.4 apart."""
        return None if self.root_mean_square is None else self.root_mean_square / self.spread


@dataclass(frozen=True)
class Parity:
    """Differences are absolute and in the logits' own unit; None when an output is not finite, or not there."""

    examples: int
    """Inputs that were compared."""
    largest_logit_difference: float | None
    """Of all logits, where there are any."""
    mean_logit_difference: float | None
    """Mean absolute difference of the logits."""
    largest_representation_difference: float | None
    """Of all numbers of the representation, in its own unit."""
    decision_agreement: float | None
    """Share of examples with the same class, with the same labels (of a probability above .5), or with the same best
    start and the same best end; where every token has a class, of an example the share of its tokens. None: there is no
    choice."""
    finite: bool
    """Whether no output holds NaN or infinity."""
    outputs: dict[str, Difference]
    """Each output by itself."""


def checkpoint_outputs(
    checkpoint: Path, task: str, pooling: str, batches: Sequence[Arrays]
) -> list[dict[str, NDArray[np.float32]]]:
    """Run the checkpoint itself, in PyTorch and float32, on padded batches of int64 (batch, sequence) arrays.

    Returns for each batch the logits of ``task`` and ``representation`` (batch, hidden), as an artifact does.
    """
    import inspect

    import torch

    check_pooling(pooling)
    model = load_model(checkpoint, task=task)
    last_hidden_state = keep_last_hidden_state(model)
    accepted = inspect.signature(model.forward).parameters
    results = []
    with torch.inference_mode():
        for batch in batches:
            feeds = {
                name: torch.from_numpy(np.array(array, dtype=np.int64))
                for name, array in batch.items()
                if name in accepted
            }
            outputs = model(**feeds)
            result = {name: outputs[name].numpy() for name in TASKS[task].outputs}
            result[REPRESENTATION] = pool(last_hidden_state(), feeds["attention_mask"], pooling).numpy()
            results.append(result)
    return results


def compare_outputs(
    expected: Sequence[Arrays], actual: Sequence[Arrays], batches: Sequence[Arrays], *, task: str
) -> Parity:
    """Compare two lists of outputs over the same ``batches``, whose ``attention_mask`` tells padding.

    ``task`` is that of the head: it tells which outputs have a token axis.

    Raises `ExportError` when the outputs do not have the same names and shapes.
    """
    if not len(expected) == len(actual) == len(batches) or not batches:
        counts = f"{len(expected)} and {len(actual)} for {len(batches)}"
        raise ExportError(f"parity needs two outputs for every batch, there are {counts}: run them all")
    pairs: dict[str, list[NDArray[np.float64]]] = {}
    agreement: list[NDArray[np.float64]] = []
    decided = False
    for index, (wanted, given, batch) in enumerate(zip(expected, actual, batches, strict=True)):
        mask = np.asarray(batch["attention_mask"], dtype=bool)
        same = np.ones(len(mask))
        for name in sorted(set(wanted) | set(given)):
            a, b = _pair(wanted, given, name, index)
            # What stands at padding means nothing.
            tokens = mask.reshape(mask.shape + (1,) * (a.ndim - 2))
            kept = np.broadcast_to(tokens if name in TASKS[task].per_token else True, a.shape)
            pairs.setdefault(name, []).append(np.stack([a[kept], b[kept]]))
            if name == REPRESENTATION:
                continue
            if a.shape[-1] == 1 and name not in TASKS[task].per_token:
                continue  # a score decides nothing
            decided = True
            if TASKS[task].multi_label:
                agreed = ((a > 0) == (b > 0)).all(axis=-1)
            else:
                best = [np.where(kept, values, -np.inf).argmax(axis=-1) for values in (a, b)]
                agreed = best[0] == best[1]
            agreed &= np.where(kept, np.isfinite(b), True).all(axis=-1)
            same *= np.average(agreed, axis=1, weights=mask) if a.ndim == 3 else agreed
        agreement.append(same)
    same = np.concatenate(agreement)
    values = {name: np.concatenate(parts, axis=1) for name, parts in pairs.items()}
    outputs = {name: _difference(wanted, given) for name, (wanted, given) in values.items()}
    finite = all(output.largest is not None for output in outputs.values())
    logits = (
        [abs(wanted - given) for name, (wanted, given) in values.items() if name != REPRESENTATION] if finite else []
    )
    return Parity(
        examples=len(same),
        largest_logit_difference=float(np.concatenate(logits).max()) if logits else None,
        mean_logit_difference=float(np.concatenate(logits).mean()) if logits else None,
        largest_representation_difference=outputs[REPRESENTATION].largest
        if finite and REPRESENTATION in outputs
        else None,
        decision_agreement=float(same.mean()) if decided else None,
        finite=finite,
        outputs=outputs,
    )


def _difference(wanted: NDArray[np.float64], given: NDArray[np.float64]) -> Difference:
    spread = max(float(wanted.std()), LEAST_SPREAD * float(np.abs(wanted).max()), float(np.finfo(np.float32).tiny))
    away = np.abs(wanted - given)
    if not np.isfinite(away).all():
        return Difference(None, None, None, spread)
    return Difference(float(away.max()), float(away.mean()), float(np.sqrt((away**2).mean())), spread)


def _pair(wanted: Arrays, given: Arrays, name: str, index: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if name not in wanted or name not in given or np.shape(wanted[name]) != np.shape(given[name]):
        shapes = [np.shape(side[name]) if name in side else "nothing" for side in (wanted, given)]
        raise ExportError(f"output {name!r} of batch {index} is {shapes[1]}, should be {shapes[0]}: export again")
    return np.asarray(wanted[name], dtype=np.float64), np.asarray(given[name], dtype=np.float64)
