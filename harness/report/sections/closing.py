"""The end of a report: what failed and how to see it again, and how to read the rest."""

from __future__ import annotations

from collections.abc import Iterable

from harness.report.content import Failure, Failures, Prose, Section
from harness.report.values import mapping, sequence, words
from harness.report.view import TaskView


def failures(tasks: Iterable[TaskView]) -> Section | None:
    items: list[Failure] = []
    seen: set[tuple[str, str]] = set()
    for task in tasks:
        listed = [mapping(entry) for entry in sequence(task.entry.get("failures"))]
        listed += [{"deployment": d.name, **d.entry} for d in task.deployments if not d.ok]
        for entry in listed:
            what = words(entry.get("deployment") or entry.get("model") or entry.get("step")) or "unknown"
            # a failed deployment stands in both lists; one entry is enough
            if (task.name, what) in seen:
                continue
            seen.add((task.name, what))
            step, status = words(entry.get("step")), words(entry.get("status"))
            where = ", ".join(part for part in (words(task.name), step, status) if part and part != what)
            items.append(
                Failure(
                    f"{what} ({where})",
                    words(entry.get("reason")) or "no reason was recorded",
                    words(entry.get("command")),
                )
            )
    return Section("Failures", (Failures(tuple(items)),)) if items else None


def how_to_read() -> Section:
    return Section(
        "How to read this",
        (
            Prose(
                (
                    "A deployment is model/format@backend, and [n] throughout its task. Formats are ONNX "
                    "unless they say torch; a backend that all share is left out. Ratios are against the "
                    "reference: 2.0x is twice as fast, 0.25x a quarter of the size.",
                    "Overlap is the Jaccard index of two sets: 1 is the same set, 0 nothing in common. "
                    "Hold it against chance, the overlap of unrelated models, and against the floors, the "
                    "overlap of the reference with itself: run again (execution) or trained again (seed). "
                    "~ marks what cannot be told from a floor, - what is unknown.",
                    "95 % intervals come from resampling whole groups (paragraphs, documents) and cover "
                    "the choice of examples, not the choice of training seed. Many pairs are compared: "
                    "expect one in twenty to stand out by luck.",
                )
            ),
        ),
    )
