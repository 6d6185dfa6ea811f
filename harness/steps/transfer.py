"""The texts that fell on any deployment of a task, shown to one of them: a column of the transfer matrix."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from benchmarks.characteristics.adversarial_attack import TransferResult, replay
from harness.execution.served import served_deployment
from harness.execution.worker import Context
from harness.steps.asked import ask_of
from harness.steps.attack import read_attack
from harness.store.atomic import write_json
from harness.store.examples import read_examples
from harness.tasks.attacked import Attacked

FILE = "transfer.json"
VERSION = 1


def run(context: Context) -> None:
    shown: dict[str, list[TransferResult]] = {}
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
    write_json(
        context.destination / FILE,
        {
            "version": VERSION,
            "crafted_on": {role: [asdict(result) for result in results] for role, results in shown.items()},
        },
    )


def read_transfer(folder: Path) -> dict[str, list[TransferResult]]:
    """By the role of the attack that the texts were crafted in."""
    recorded = json.loads((folder / FILE).read_text(encoding="utf-8"))
    return {role: [TransferResult(**result) for result in results] for role, results in recorded["crafted_on"].items()}
