"""Swap words at random on one live deployment, each text with as many queries as its attack took."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from typing import Any

from benchmarks.attack.random_swaps import swap_at_random
from harness.inference.remote_deployment import Predict
from harness.steps import attack
from harness.steps.attack import Options, read_attack, similarity_of, write_attack
from harness.steps.candidates import StoredCandidates
from harness.steps.context import Context
from harness.steps.model_wrapper import attacked_deployment, attacked_examples, wrapped_examples
from harness.store.attack_journal import AttackJournal
from harness.store.step import StepRef

__all__ = ["LIBRARIES", "VERSION", "Inputs", "Options", "run"]

VERSION = 4
LIBRARIES = ("tokenizers", "numpy", "onnxruntime", "onnxruntime-gpu")


class Inputs(attack.Inputs):
    attack: StepRef


def run(context: Context[Options, Inputs]) -> None:
    with attacked_deployment(context) as predict:
        write_attack(context.destination, _swap(context, predict))


def _swap(context: Context[Options, Inputs], predict: Predict) -> Iterator[dict[str, Any]]:
    """Group by group, the groups that the journal holds left out; the results are then on disk."""
    options = context.options
    attacked = read_attack(context.folder(context.inputs.attack))
    journal = AttackJournal(context.work())
    report = context.text_progress(journal.settled, len(attacked))
    wrapper = wrapped_examples(predict, attacked_examples(context.folder(context.inputs.examples), options))
    results = swap_at_random(
        wrapper.predict,
        attacked[journal.settled :],
        candidates=StoredCandidates(context.folder(context.inputs.candidates)),
        similarity=similarity_of(context),
        settings=options.settings,
        seed=options.seed,
        batch_size=options.batch_size,
        recorder=journal,
        on_round=lambda done: report(journal.settled + done),
        about=wrapper.about,
    )
    while group := list(islice(results, options.batch_size)):
        journal.settle([asdict(result) for result in group])
    return journal.results()
