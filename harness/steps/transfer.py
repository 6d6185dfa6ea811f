"""Show one deployment the texts that turned any deployment of a task: a column of the transfer matrix."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.attack.results import Answers, AttackResult, TransferResult
from benchmarks.attack.transfer import replay
from harness.config.characteristics import Target
from harness.examples.records import QuestionExample
from harness.inference.remote_deployment import RemoteDeployment
from harness.steps.attack import read_attack
from harness.steps.context import Context
from harness.steps.deployed import DeployedOptions
from harness.steps.model_wrapper import AttackedInputs, attacked_deployment, wrapped
from harness.store.atomic import write_json
from harness.store.examples import read_examples
from harness.store.step import StepRef
from harness.tasks.attacked import Attacked

VERSION = 5
LIBRARIES = ("tokenizers",)

FILE = "transfer.json"
FILE_VERSION = 3


class Options(DeployedOptions):
    name: str
    """Of the deployment."""
    target: Target


class Inputs(AttackedInputs):
    examples: tuple[StepRef, ...]
    """The sources of attacked texts."""
    attacks: dict[str, tuple[StepRef, ...]]
    """By name of the attacked deployment, one for each of the ``examples``."""


@dataclass(frozen=True)
class Transferred:
    """What the deployment made of the adversarial texts of one source."""

    results: dict[str, list[TransferResult]]
    """By name of the deployment that the texts were crafted on."""
    answers: dict[str, Answers]
    """By id of a question whose answer the attack on this very deployment turned."""


def run(context: Context[Options, Inputs]) -> None:
    options, inputs = context.options, context.inputs
    transferred: list[Transferred] = []
    with attacked_deployment(context) as predict:
        for number, examples in enumerate(inputs.examples):
            adversarial = {
                name: [result for result in read_attack(context.folder(refs[number])) if result.status == "succeeded"]
                for name, refs in inputs.attacks.items()
            }
            attacked = [Attacked(example, options.target) for example in read_examples(context.folder(examples))]
            transferred.append(
                Transferred(
                    replay(wrapped(predict, attacked), adversarial),
                    _answers(predict, attacked, adversarial.get(options.name, [])),
                )
            )
    write_json(context.destination / FILE, {"version": FILE_VERSION, "sources": list(map(asdict, transferred))})


def _answers(
    predict: RemoteDeployment, attacked: Sequence[Attacked], adversarial: Sequence[AttackResult]
) -> dict[str, Answers]:
    """Of each question that the attack on this deployment turned: what is right, and what it answers."""
    examples = {one.id: one for one in attacked}
    questions = [
        question
        for result in adversarial
        for text in (result.original, result.adversarial)
        if isinstance(question := examples[result.id].with_text(text), QuestionExample)
    ]
    if not questions:
        return {}
    answers = predict.predictions(questions)
    return {
        result.id: Answers(list(question.answers), before, after)
        for result, question, before, after in zip(
            adversarial, questions[::2], answers[::2], answers[1::2], strict=True
        )
    }


def read_transfer(folder: Path) -> list[Transferred]:
    """In the order of the sources of attacked texts."""
    recorded = json.loads((folder / FILE).read_text(encoding="utf-8"))["sources"]
    return [
        Transferred(
            {name: [TransferResult(**result) for result in results] for name, results in one["results"].items()},
            {id_: Answers(**answers) for id_, answers in one["answers"].items()},
        )
        for one in recorded
    ]
