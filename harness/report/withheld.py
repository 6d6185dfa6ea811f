"""A run's results without the texts of its data: for data that may not be shown."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.characteristics.affected import Affected
from benchmarks.characteristics.exemplars import Label
from harness.config.task_registry import TASKS, task_class
from harness.results.read import RunResults
from harness.results.schema import CharacteristicResults, TaskResults

WITHHELD = "(withheld)"


def without_texts(run: RunResults) -> RunResults:
    """The same without any example's text or answer: attacked texts and their words are left out, answers withheld.

    Class names, ids and file names stay.
    """
    tasks = {name: _without_texts(name, task) for name, task in run.results.tasks.items()}
    return replace(run, results=run.results.model_copy(update={"tasks": tasks}))


def _without_texts(name: str, task: TaskResults) -> TaskResults:
    characteristics: CharacteristicResults = task.characteristics
    attack, affected = characteristics.adversarial_attack, characteristics.affected
    predicts_texts = name in TASKS and task_class(name).predicts_texts
    kept = characteristics.model_copy(
        update={
            "adversarial_attack": attack and replace(attack, examples=[], alone=[], words={}),
            "affected": _without_answers(affected) if affected and predicts_texts else affected,
        }
    )
    return task.model_copy(update={"characteristics": kept})


def _without_answers(affected: Affected) -> Affected:
    def withheld(answer: Label) -> Label:
        return answer and WITHHELD

    exemplars = [
        replace(
            one,
            reference_prediction=withheld(one.reference_prediction),
            shared_prediction=withheld(one.shared_prediction),
        )
        for one in affected.exemplars.exemplars
    ]
    return replace(affected, exemplars=replace(affected.exemplars, exemplars=exemplars))
