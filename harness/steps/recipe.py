"""A recipe of TextAttack's on one live deployment, one text after the other.

Every finished text is kept at once: a run that is stopped in the middle of a data set goes on there.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from benchmarks.characteristics.adversarial_attack import AttackResult
from benchmarks.characteristics.attack.recipes import attack_by_recipe
from harness.execution.served import Predict, served_deployment
from harness.execution.worker import Context
from harness.steps.attack import write_attack
from harness.steps.candidates import attacked_examples


def run(context: Context) -> None:
    with served_deployment(context.input("artifact"), context.options) as predict:
        write_attack(context.destination, _attack(context, predict))


def _attack(context: Context, predict: Predict) -> list[AttackResult]:
    examples = attacked_examples(context)
    journal = context.store.work(context.step.key) / "attacked.jsonl"
    done = {result.id: result for result in _whole_lines(journal)}

    with journal.open("a", encoding="utf-8") as file:

        def keep(result: AttackResult) -> None:
            done[result.id] = result
            file.write(json.dumps(asdict(result)) + "\n")
            file.flush()
            context.progress(f"text {len(done)} of {len(examples)}", len(done) / len(examples))

        attack_by_recipe(
            context.options["recipe"],
            predict,
            [(example.id, example.text, example.label) for example in examples if example.id not in done],
            seed=context.options["seed"],
            on_result=keep,
        )
    return [done[example.id] for example in examples]


def _whole_lines(path: Path) -> list[AttackResult]:
    """A kill may have left half of the last line: it is cut off."""
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole, encoding="utf-8")
    return [AttackResult.from_json(json.loads(line)) for line in whole.splitlines()]
