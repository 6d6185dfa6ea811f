"""The texts that fell on any deployment of a task, shown to one of them: a column of the transfer matrix."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.characteristics.adversarial_attack import Answers, AttackResult, TransferResult, replay
from harness.examples import QuestionExample
from harness.inference.remote_deployment import Served, served_deployment
from harness.steps.attack import read_attack
from harness.steps.context import Context
from harness.steps.model_wrapper import ask_of
from harness.store.atomic import write_json
from harness.store.examples import read_examples
from harness.tasks.attacked import Attacked

FILE = "transfer.json"
VERSION = 2


def run(context: Context) -> None:
    shown: dict[str, list[TransferResult]] = {}
    answers: dict[str, dict[str, Any]] = {}
    with served_deployment(context.input("artifact"), context.options) as predict:
        sources = [role for role in context.step.needs if role.startswith("examples ")]
        for source in sources:
            number = source.partition(" ")[2]
            crafted = {
                role: [result for result in read_attack(context.input(role)) if result.status == "succeeded"]
                for role in context.step.needs
                if role not in ("artifact", *sources) and role.rpartition(" ")[2] == number
            }
            examples = read_examples(context.input(source))
            attacked = [Attacked(example, context.options["target"]) for example in examples]
            shown |= replay(ask_of(predict, attacked), crafted)
            own = f"{context.step.subject['deployment']} {number}"
            answers[own] = _answers(predict, attacked, crafted.get(own, []))
    write_json(
        context.destination / FILE,
        {
            "version": VERSION,
            "answers": answers,
            "crafted_on": {role: [asdict(result) for result in results] for role, results in shown.items()},
        },
    )


def _answers(predict: Served, attacked: Sequence[Attacked], crafted: Sequence[AttackResult]) -> dict[str, Any]:
    """By id of a question whose answer the attack on this deployment turned: what is right, and what it says."""
    examples = {one.id: one for one in attacked}
    fallen = [(examples[result.id], result) for result in crafted if result.status == "succeeded"]
    asked = [
        question
        for one, result in fallen
        for text in (result.original, result.adversarial)
        if isinstance(question := one.with_text(text), QuestionExample)
    ]
    if not asked:
        return {}
    told = predict.answers(asked)
    return {
        result.id: asdict(Answers(list(question.answers), before, after))
        for (_, result), question, before, after in zip(fallen, asked[::2], told[::2], told[1::2], strict=True)
    }


def read_answers(folder: Path) -> dict[str, dict[str, Answers]]:
    """By the role of the attack on this deployment, then by the id of the question."""
    recorded = json.loads((folder / FILE).read_text(encoding="utf-8"))
    return {role: {id_: Answers(**said) for id_, said in by_id.items()} for role, by_id in recorded["answers"].items()}


def read_transfer(folder: Path) -> dict[str, list[TransferResult]]:
    """By the role of the attack that the texts were crafted in."""
    recorded = json.loads((folder / FILE).read_text(encoding="utf-8"))
    return {role: [TransferResult(**result) for result in results] for role, results in recorded["crafted_on"].items()}
