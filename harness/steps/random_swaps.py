"""Random swaps on one live deployment, each text with as many queries as its attack took."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from itertools import islice
from typing import Any

from benchmarks.attack.random_swaps import swap_at_random
from benchmarks.characteristics.adversarial_attack import AttackSettings
from harness.inference.remote_deployment import Predict, served_deployment
from harness.steps.attack import read_attack, write_attack
from harness.steps.candidates import StoredCandidates, attacked_examples
from harness.steps.context import Context
from harness.steps.model_wrapper import examples_of
from harness.steps.progress import teller
from harness.steps.similarity import similarity_of
from harness.store.attack_journal import AttackJournal


def run(context: Context) -> None:
    with served_deployment(context.input("artifact"), context.options) as predict:
        write_attack(context.destination, _swap(context, predict))


def _swap(context: Context, predict: Predict) -> Iterator[dict[str, Any]]:
    """Group by group, the groups that the journal holds left out; the results are then on disk."""
    settings = AttackSettings.from_json(context.options["settings"])
    attacked = read_attack(context.input("attacked"))
    at_once = context.options["batch_size"]
    journal = AttackJournal(context.store.work(context.step.key))
    tell = teller(context, journal.settled, len(attacked))
    asked = examples_of(predict, attacked_examples(context))
    found = swap_at_random(
        asked.predict,
        attacked[journal.settled :],
        candidates=StoredCandidates(context.input("candidates")),
        similarity=similarity_of(context),
        settings=settings,
        seed=context.options["seed"],
        at_once=at_once,
        recorder=journal,
        on_round=lambda done: tell(journal.settled + done),
        about=asked.about,
    )
    while group := list(islice(found, at_once)):
        journal.settle([asdict(result) for result in group])
    return journal.results()
