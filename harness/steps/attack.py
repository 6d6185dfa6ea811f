"""BERT-ATTACK on one live deployment, and the replay on it of what was crafted on the reference.

Every finished text is kept at once: a run that is stopped in the middle of a data set goes on there.
"""

from __future__ import annotations

import functools
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.characteristics.adversarial_attack import (
    AttackResult,
    AttackSettings,
    MaskedLanguageModel,
    TransferResult,
    attack,
    replay,
)
from harness.data.sampling import sample
from harness.execution.served import Predict, served_deployment
from harness.execution.worker import Context
from harness.store.atomic import write_json
from harness.store.examples import read_examples
from harness.tasks.examples import TextExample

FILE = "attack.json"
VERSION = 1


def run(context: Context) -> None:
    settings = AttackSettings(**context.options["settings"])
    with served_deployment(context.input("artifact"), context.options) as predict:
        crafted: list[AttackResult] | None = None
        if context.options["itself"]:
            crafted = _attack(context, predict, settings)
        reference = crafted if "crafted" not in context.step.needs else read_attacks(context.input("crafted"))[0]
        transfer = replay(predict, reference or [])
    write_json(
        context.destination / FILE,
        {
            "version": VERSION,
            "crafted": None if crafted is None else [asdict(result) for result in crafted],
            "transfer": [asdict(result) for result in transfer],
        },
    )


def read_attacks(folder: Path) -> tuple[list[AttackResult] | None, list[TransferResult]]:
    """What was crafted on the deployment itself (None: it was not attacked), and what transferred to it."""
    recorded = json.loads((folder / FILE).read_text(encoding="utf-8"))
    crafted = recorded["crafted"]
    return (
        None if crafted is None else [AttackResult(**result) for result in crafted],
        [TransferResult(**result) for result in recorded["transfer"]],
    )


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
