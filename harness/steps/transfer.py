"""The texts that fell on any deployment of a task, shown to one of them: a column of the transfer matrix."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.characteristics.adversarial_attack import TransferResult, replay
from harness.execution.served import served_deployment
from harness.execution.worker import Context
from harness.steps.attack import read_attack
from harness.store.atomic import write_json

FILE = "transfer.json"
VERSION = 1


def run(context: Context) -> None:
    crafted = {role: read_attack(context.input(role)) for role in context.step.needs if role != "artifact"}
    with served_deployment(context.input("artifact"), context.options) as predict:

        def ask(texts: Sequence[tuple[str, str]]) -> NDArray[np.float64]:
            return predict([text for _, text in texts])

        shown = replay(ask, crafted)
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
