"""Transfer of adversarial texts: those crafted on one deployment, replayed on the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.attack.probabilities import checked_probabilities
from benchmarks.attack.results import AttackResult, TransferResult
from benchmarks.errors import BenchmarkError
from benchmarks.statistics.bootstrap import Estimate, GroupBootstrap
from benchmarks.statistics.shares import share

Bools = NDArray[np.bool_]
Ask = Callable[[Sequence[tuple[str, str]]], NDArray[np.float64]]
"""(id of the example, text) to class probabilities, (texts, labels)."""

TEXTS_A_CALL = 1024


@dataclass(frozen=True)
class Transfer:
    """A row of the transfer matrix: the texts crafted on one deployment, replayed on each."""

    source: str
    """Name of the deployment that the texts were crafted on."""
    n: int
    """Texts with which the attack succeeded there."""
    rates: dict[str, Estimate]
    """By target deployment: of the texts whose original it has right, the share that it gets wrong, 0 to 1."""


@dataclass(frozen=True)
class Replayed:
    """What a deployment made of the texts crafted on another one: (texts,) in the order of all attacked texts."""

    crafted: Bools
    """The attack had succeeded there."""
    right: Bools
    """It has the original right."""
    turned: Bools
    """It has the original right and the adversarial text wrong."""


def replayed(name: str, ids: Sequence[str], results: Sequence[TransferResult]) -> Replayed:
    """Raises `BenchmarkError` where a text was replayed on ``name`` that is none of ``ids``."""
    place = {id_: index for index, id_ in enumerate(ids)}
    outcomes = Replayed(*(np.zeros(len(ids), dtype=np.bool_) for _ in range(3)))
    for one in results:
        if one.id not in place:
            raise BenchmarkError(f"{name}: text {one.id} was replayed but not attacked; replay the attack's results")
        index = place[one.id]
        outcomes.crafted[index] = True
        outcomes.right[index] = one.prediction_before == one.label
        outcomes.turned[index] = outcomes.right[index] and one.prediction_after != one.label
    return outcomes


def transfer_rows(bootstrap: GroupBootstrap, matrix: Mapping[str, Mapping[str, Replayed]]) -> list[Transfer]:
    """``matrix``: by the deployment that the texts were crafted on, then by the one they were replayed on."""
    rows = []
    for source, row in matrix.items():
        if not row:
            continue
        rates = {name: share(bootstrap, one.turned, one.right) for name, one in row.items()}
        rows.append(Transfer(source, int(next(iter(row.values())).crafted.sum()), rates))
    return rows


def replay(ask: Ask, crafted: Mapping[str, Sequence[AttackResult]]) -> dict[str, list[TransferResult]]:
    """Ask a deployment about the texts that succeeded on others, beside their originals, each different text once.

    ``crafted``: attack results by the deployment that they were crafted on; so is what is returned.
    """
    succeeded = {
        name: [result for result in results if result.status == "succeeded"] for name, results in crafted.items()
    }
    texts = [
        (result.id, text)
        for results in succeeded.values()
        for result in results
        for text in (result.original, result.adversarial)
    ]
    different = list(dict.fromkeys(texts))
    said: dict[tuple[str, str], int] = {}
    for begin in range(0, len(different), TEXTS_A_CALL):
        call = different[begin : begin + TEXTS_A_CALL]
        probabilities = _probabilities(ask, call)
        said.update(zip(call, probabilities.argmax(axis=1).tolist(), strict=True))
    return {
        name: [
            TransferResult(
                result.id, result.label, said[result.id, result.original], said[result.id, result.adversarial]
            )
            for result in results
        ]
        for name, results in succeeded.items()
    }


def _probabilities(ask: Ask, call: Sequence[tuple[str, str]]) -> NDArray[np.float64]:
    return checked_probabilities(lambda _: ask(call), [text for _, text in call])
