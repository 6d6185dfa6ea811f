"""The end of a report: what failed and how to see it again, and how to read the rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from harness.config.deployments import EXECUTION_REPLICATE
from harness.errors import SKIPPED
from harness.report.blocks import FailureItem, Failures, Prose, Section
from harness.report.values import words
from harness.report.view import DeploymentView, TaskView
from harness.results.schema import FailedStep


@dataclass(frozen=True)
class _Entry:
    """A step or a deployment that failed, and what it is about."""

    subject: str
    step: str
    status: str
    reason: str
    command: str

    @classmethod
    def of_step(cls, failed: FailedStep) -> _Entry:
        about = words(failed.deployment or failed.model or failed.role or failed.characteristic) or "a step"
        if not failed.deployment and failed.model and failed.format:
            about = f"{about}/{words(failed.format)}"
        return cls(about, words(failed.step), words(failed.status), words(failed.reason), words(failed.command))

    @classmethod
    def of_deployment(cls, d: DeploymentView) -> _Entry:
        deployment_result = d.result
        return cls(
            words(d.name),
            words(deployment_result.step),
            deployment_result.status,
            words(deployment_result.reason),
            words(deployment_result.command),
        )


def failures(tasks: Iterable[TaskView]) -> Section | None:
    items = [failure for task in tasks for failure in _failures(task)]
    return Section("Failures", (Failures(tuple(items)),)) if items else None


def _failures(task: TaskView) -> list[FailureItem]:
    """One item for each reason, with the steps that failed for it and what could not be done because of them.

    Steps that were skipped carry the command of the step that failed, as deployments do.
    """
    entries = [_Entry.of_step(failed) for failed in task.result.failures]
    entries += [_Entry.of_deployment(d) for d in task.deployments if not d.ok]
    by_command: dict[str, list[_Entry]] = {}
    for entry in entries:
        by_command.setdefault(entry.command or entry.reason, []).append(entry)
    by_reason: dict[str, list[list[_Entry]]] = {}
    for group in by_command.values():
        group.sort(key=lambda entry: entry.status == SKIPPED)  # the step that failed comes first
        by_reason.setdefault(group[0].reason, []).append(group)
    return [_failure(task, reason, groups) for reason, groups in by_reason.items()]


def _failure(task: TaskView, reason: str, groups: list[list[_Entry]]) -> FailureItem:
    failed = [group[0].subject for group in groups]
    others = dict.fromkeys(entry.subject for group in groups for entry in group)
    return FailureItem(
        _what(task, groups[0][0]),
        reason or "no reason was recorded",
        groups[0][0].command,
        alike=tuple(_what(task, group[0]) for group in groups[1:]),
        in_consequence=tuple(other for other in others if other not in failed),
    )


def _what(task: TaskView, entry: _Entry) -> str:
    # the step's title mostly names its subject and its task
    named = [entry.subject] if entry.subject.removesuffix(EXECUTION_REPLICATE) not in entry.step else []
    named += [entry.step] if entry.step else []
    named += [words(task.name)] if task.name not in entry.step else []
    return f"{', '.join(named)} ({entry.status})"


def how_to_read(tasks: Iterable[TaskView]) -> Section:
    named = "[n] is a deployment throughout its task."
    if not all(task.external for task in tasks):
        named = (
            "A deployment is model/format@backend, and [n] throughout its task. Formats are ONNX "
            "unless they say torch or tensorrt; a backend that all share is left out. Ratios are against the "
            "reference: 2.0x is twice as fast, 0.25x a quarter of the size."
        )
    return Section(
        "How to read this",
        (
            Prose(
                (
                    named,
                    "Overlap is the Jaccard index of two sets: 1 is the same set, 0 nothing in common. "
                    "Hold it against chance, the overlap of unrelated models, and against the floors, the "
                    "overlap of the reference with itself: run again (execution) or trained again (seed). "
                    "~ marks what is the same as its floor within the margin, ? what these examples cannot "
                    "tell from it, - what is unknown.",
                    "95 % intervals know of groups (paragraphs, documents) and cover the choice of examples, not "
                    "that of the training seed: against a seed floor the trainings are the sample. What is called "
                    "the same or different is corrected for the number of deployments (Holm); the intervals in "
                    "tables are not: of many pairs, expect one in twenty to stand out by luck.",
                )
            ),
        ),
    )
