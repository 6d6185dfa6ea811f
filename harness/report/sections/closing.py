"""The end of a report: what failed and how to see it again, and how to read the rest."""

from __future__ import annotations

from collections.abc import Iterable

from harness.report.blocks import Failure, Failures, Prose, Section
from harness.report.values import Json, mapping, sequence, words
from harness.report.view import AGAIN, TaskView

SKIPPED = "skipped"
"""The status of a step that was not tried, because one that it needs had failed."""


def failures(tasks: Iterable[TaskView]) -> Section | None:
    items = [failure for task in tasks for failure in _failures(task)]
    return Section("Failures", (Failures(tuple(items)),)) if items else None


def _failures(task: TaskView) -> list[Failure]:
    """One item for each reason, with the steps that failed for it and what could not be done because of them.

    Steps that were skipped carry the command of the step that failed, as deployments do.
    """
    entries = [mapping(entry) for entry in sequence(task.entry.get("failures"))]
    entries += [{**d.entry, "deployment": d.name} for d in task.deployments if not d.ok]
    by_command: dict[str, list[Json]] = {}
    for entry in entries:
        by_command.setdefault(words(entry.get("command")) or words(entry.get("reason")), []).append(entry)
    by_reason: dict[str, list[list[Json]]] = {}
    for group in by_command.values():
        group.sort(key=lambda entry: entry.get("status") == SKIPPED)  # the step that failed comes first
        by_reason.setdefault(words(group[0].get("reason")), []).append(group)
    return [_failure(task, reason, groups) for reason, groups in by_reason.items()]


def _failure(task: TaskView, reason: str, groups: list[list[Json]]) -> Failure:
    failed = [_subject(group[0]) for group in groups]
    others = dict.fromkeys(_subject(entry) for group in groups for entry in group)
    return Failure(
        _what(task, groups[0][0]),
        reason or "no reason was recorded",
        words(groups[0][0].get("command")),
        alike=tuple(_what(task, group[0]) for group in groups[1:]),
        in_consequence=tuple(other for other in others if other not in failed),
    )


def _subject(entry: Json) -> str:
    """What an entry is about: a deployment, an artifact, a model, or data."""
    if entry.get("deployment"):
        return words(entry["deployment"])
    model = words(entry.get("model"))
    if model and entry.get("format"):
        return f"{model}/{words(entry['format'])}"
    return model or words(entry.get("role")) or words(entry.get("characteristic")) or "a step"


def _what(task: TaskView, entry: Json) -> str:
    step, status, subject = words(entry.get("step")), words(entry.get("status")), _subject(entry)
    # the step's title mostly names its subject and its task
    named = [subject] if subject.removesuffix(AGAIN) not in step else []
    named += [step] if step else []
    named += [words(task.name)] if task.name not in step else []
    return ", ".join(named) + (f" ({status})" if status else "")


def how_to_read() -> Section:
    return Section(
        "How to read this",
        (
            Prose(
                (
                    "A deployment is model/format@backend, and [n] throughout its task. Formats are ONNX "
                    "unless they say torch or tensorrt; a backend that all share is left out. Ratios are against the "
                    "reference: 2.0x is twice as fast, 0.25x a quarter of the size.",
                    "Overlap is the Jaccard index of two sets: 1 is the same set, 0 nothing in common. "
                    "Hold it against chance, the overlap of unrelated models, and against the floors, the "
                    "overlap of the reference with itself: run again (execution) or trained again (seed). "
                    "~ marks what is the same as its floor within the margin, ? what these examples cannot "
                    "tell from it, - what is unknown.",
                    "95 % intervals come from resampling whole groups (paragraphs, documents) and cover "
                    "the choice of examples, not the choice of training seed. What is called different is "
                    "corrected for the number of deployments (Holm); the intervals are not: of many pairs, "
                    "expect one in twenty to stand out by luck.",
                )
            ),
        ),
    )
