"""BERT-ATTACK on one live deployment.

Every answer of the deployment is kept at once: a run that is stopped in the middle of a text goes on there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.characteristics.adversarial_attack import AttackResult, AttackSettings, attack
from harness.inference.remote_deployment import Predict, served_deployment
from harness.steps.candidates import StoredCandidates, attacked_examples
from harness.steps.context import Context
from harness.steps.model_wrapper import examples_of
from harness.steps.progress import teller
from harness.steps.similarity import similarity_of
from harness.store.attack_journal import AttackJournal
from harness.store.json_lines import read_lines, write_lines

FILE = "attack.jsonl"


def run(context: Context) -> None:
    settings = AttackSettings.from_json(context.options["settings"])
    with served_deployment(context.input("artifact"), context.options) as predict:
        write_attack(context.destination, _attack(context, predict, settings))


def write_attack(folder: Path, crafted: Iterable[Mapping[str, Any]]) -> None:
    """``crafted``: an `AttackResult` a text, as a dictionary."""
    write_lines(folder / FILE, crafted)


def read_attack(folder: Path) -> list[AttackResult]:
    """What was crafted on the deployment, one result a text."""
    return [AttackResult.from_json(result) for result in read_lines(folder / FILE)]


def _attack(context: Context, predict: Predict, settings: AttackSettings) -> Iterator[dict[str, Any]]:
    """Group by group, the groups that the journal holds left out; the results are then on disk."""
    examples = attacked_examples(context)
    at_once = context.options["batch_size"]
    journal = AttackJournal(context.store.work(context.step.key))
    tell = teller(context, journal.settled, len(examples))
    asked = examples_of(predict, examples)
    found = attack(
        asked.predict,
        [(example.id, example.text, example.label) for example in examples[journal.settled :]],
        candidates=StoredCandidates(context.input("candidates")),
        similarity=similarity_of(context),
        settings=settings,
        at_once=at_once,
        recorder=journal,
        on_round=lambda done: tell(journal.settled + done),
        about=asked.about,
    )
    while group := list(islice(found, at_once)):
        journal.settle([asdict(result) for result in group])
    return journal.results()
