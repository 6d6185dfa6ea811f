"""A recipe of TextAttack's on one live deployment, one text after the other.

Every finished text is kept at once: a run that is stopped in the middle of a data set goes on there.
"""

from __future__ import annotations

from dataclasses import asdict

from benchmarks.attack.recipes import attack_by_recipe
from benchmarks.characteristics.adversarial_attack import AttackResult
from harness.inference.remote_deployment import Predict, served_deployment
from harness.steps.attack import write_attack
from harness.steps.candidates import attacked_examples
from harness.steps.context import Context
from harness.steps.progress import teller
from harness.store.json_lines import append_line, read_lines


def run(context: Context) -> None:
    with served_deployment(context.input("artifact"), context.options) as predict:
        crafted = _attack(context, predict)
    write_attack(context.destination, map(asdict, crafted))


def _attack(context: Context, predict: Predict) -> list[AttackResult]:
    examples = attacked_examples(context)
    journal = context.store.work(context.step.key) / "attacked.jsonl"
    done = {result.id: result for result in map(AttackResult.from_json, read_lines(journal))}
    tell = teller(context, len(done), len(examples))

    def keep(result: AttackResult) -> None:
        done[result.id] = result
        append_line(journal, asdict(result))
        tell(len(done))

    attack_by_recipe(
        context.options["recipe"],
        predict,
        [(example.id, example.text, example.label) for example in examples if example.id not in done],
        seed=context.options["seed"],
        on_result=keep,
    )
    return [done[example.id] for example in examples]
