"""Compare deployments by how they stand attacks: their own, each other's, and random swaps of words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from benchmarks.attack.results import Answers, AttackResult, TransferResult
from harness.steps.attack import read_attack
from harness.steps.comparison import LIBRARIES, ComparisonOptions, write_comparison
from harness.steps.context import Context
from harness.steps.transfer import read_transfer
from harness.store.step import StepInputs, StepRef

__all__ = ["LIBRARIES", "VERSION", "Inputs", "Options", "run"]

VERSION = 10

ResultT = TypeVar("ResultT", AttackResult, TransferResult)


class Options(ComparisonOptions):
    overlap_margin: float
    method: str
    """What the attack is called."""


class Inputs(StepInputs):
    attacks: dict[str, tuple[StepRef, ...]]
    """By name of the attacked deployment, one a source of texts."""
    random_swaps: dict[str, tuple[StepRef, ...]]
    """Likewise."""
    transfers: dict[str, StepRef]
    """By name of the deployment that the adversarial texts were shown to."""


def run(context: Context[Options, Inputs]) -> None:
    from benchmarks.characteristics.adversarial_attack import summarise

    options = context.options
    transfers: dict[str, dict[str, list[TransferResult]]] = {}
    answers: dict[str, dict[str, Answers]] = {}
    for name, ref in context.inputs.transfers.items():
        for number, transferred in enumerate(read_transfer(context.folder(ref))):
            for source, results in transferred.results.items():
                transfers.setdefault(name, {}).setdefault(source, []).extend(_of_source(number, results))
            own = {f"{number}:{id_}": each for id_, each in transferred.answers.items()}
            answers.setdefault(name, {}).update(own)
    result = summarise(
        _results(context, {name: context.inputs.attacks[name] for name in options.deployments}),
        transfers,
        reference=options.reference,
        resamples=options.resamples,
        seed=options.seed,
        random_swaps=_results(context, context.inputs.random_swaps),
        answers=answers,
        overlap_margin=options.overlap_margin,
        method=options.method,
    )
    write_comparison(context, result)


def _results(
    context: Context[Options, Inputs], attacks: Mapping[str, Sequence[StepRef]]
) -> dict[str, list[AttackResult]]:
    return {
        name: [
            result for number, ref in enumerate(refs) for result in _of_source(number, read_attack(context.folder(ref)))
        ]
        for name, refs in attacks.items()
    }


def _of_source(number: int, results: Sequence[ResultT]) -> list[ResultT]:
    """Two sources may use the same ids."""
    return [replace(result, id=f"{number}:{result.id}") for result in results]
