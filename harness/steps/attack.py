"""BERT-ATTACK on one live deployment.

Every answer of the deployment is kept at once: a run that is stopped in the middle of a text goes on there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from benchmarks.characteristics.adversarial_attack import AttackResult, AttackSettings, attack
from harness.execution.served import Predict, served_deployment
from harness.execution.worker import Context
from harness.steps.asked import examples_of
from harness.steps.candidates import StoredCandidates, attacked_examples
from harness.steps.pace import teller
from harness.steps.similarity import similarity_of
from harness.store.atomic import write_json
from harness.store.attack_journal import AttackJournal

FILE = "attack.json"
VERSION = 2


def run(context: Context) -> None:
    settings = AttackSettings(**context.options["settings"])
    with served_deployment(context.input("artifact"), context.options) as predict:
        crafted = _attack(context, predict, settings)
    write_attack(context.destination, crafted)


def write_attack(folder: Path, crafted: Sequence[AttackResult]) -> None:
    write_json(folder / FILE, {"version": VERSION, "crafted": [asdict(result) for result in crafted]})


def read_attack(folder: Path) -> list[AttackResult]:
    """What was crafted on the deployment, one result a text."""
    recorded = json.loads((folder / FILE).read_text(encoding="utf-8"))
    return [AttackResult.from_json(result) for result in recorded["crafted"]]


def _attack(context: Context, predict: Predict, settings: AttackSettings) -> list[AttackResult]:
    """Group by group, the groups that the journal holds left out."""
    examples = attacked_examples(context)
    at_once = context.options["examples_at_once"]
    journal = AttackJournal(context.store.work(context.step.key))
    results = [AttackResult.from_json(result) for result in journal.results]
    first = len(results)
    tell = teller(context, first, len(examples))
    asked = examples_of(predict, examples)
    found = attack(
        asked.predict,
        [(example.id, example.text, example.label) for example in examples[first:]],
        candidates=StoredCandidates(context.input("candidates")),
        similarity=similarity_of(context),
        settings=settings,
        at_once=at_once,
        recorder=journal,
        on_round=lambda done: tell(len(results) + done),
        about=asked.about,
    )
    while group := list(islice(found, at_once)):
        journal.settle([asdict(result) for result in group])
        results += group
    return results
