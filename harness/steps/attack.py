"""BERT-ATTACK on one live deployment.

Every finished text is kept at once: a run that is stopped in the middle of a data set goes on there.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.characteristics.adversarial_attack import (
    AttackResult,
    AttackSettings,
    MaskedLanguageModel,
    attack,
)
from harness.data.sampling import sample
from harness.execution.served import Predict, served_deployment
from harness.execution.worker import Context
from harness.store.atomic import write_json
from harness.store.examples import read_examples
from harness.tasks.examples import TextExample

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
    return [AttackResult(**result) for result in recorded["crafted"]]


def _attack(context: Context, predict: Predict, settings: AttackSettings) -> list[AttackResult]:
    examples = [
        example
        for example in sample(
            read_examples(context.input("examples")), context.options["sample"], seed=context.options["seed"]
        )
        if isinstance(example, TextExample)
    ]
    journal = context.store.work(context.step.key) / "attacked.jsonl"
    done = {result.id: result for result in _read_journal(journal)}
    model = _masked_language_model(context.input("masked_language_model"), settings)

    with journal.open("a", encoding="utf-8") as file:

        def keep(result: AttackResult) -> None:
            done[result.id] = result
            file.write(json.dumps(asdict(result)) + "\n")
            file.flush()
            context.progress(f"text {len(done)} of {len(examples)}", len(done) / len(examples))

        attack(
            predict,
            [(example.id, example.text, example.label) for example in examples if example.id not in done],
            candidates=model.candidates,
            similarity=model.similarity,
            settings=settings,
            on_result=keep,
        )
    return [done[example.id] for example in examples]


def _read_journal(path: Path) -> list[AttackResult]:
    """The results of whole lines: a kill may have left half of the last one."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole, encoding="utf-8")
    results: list[dict[str, Any]] = [json.loads(line) for line in whole.splitlines()]
    return [AttackResult(**result) for result in results]


@functools.lru_cache(maxsize=1)
def _masked_language_model(folder: Path, settings: AttackSettings) -> MaskedLanguageModel:
    """One for all the deployments that this process attacks: its candidates are cached by text."""
    return MaskedLanguageModel(folder, settings)
