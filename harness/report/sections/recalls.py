"""Recall by class: a score can stay while one class pays for another."""

from __future__ import annotations

from benchmarks.characteristics.prediction_errors import ClassRecall
from benchmarks.statistics.equivalence import ScoreChange
from harness.report.blocks import About, Block, Cell, Column
from harness.report.numbers import UNKNOWN, count, interval, percent, signed
from harness.report.sections.comparison import comparison
from harness.report.sections.rows import marked
from harness.report.values import words
from harness.report.view import DeploymentView, TaskView

CLASSES = 4
"""Shown at most: those that lose most."""
LABEL_WIDTH = 14


def recalls(task: TaskView) -> list[Block]:
    """A table of all deployments; none where the classes of the examples are not known."""
    shown = {label: task.recalls[label] for label in most_lost(task)}
    # The reference is the base of every change, and second runs are floors: neither is judged.
    judged = {d.name for d in task.candidates}

    def cells(d: DeploymentView) -> tuple[Cell, ...]:
        return tuple(cell for recall in shown.values() for cell in _cells(recall, d.name, d.name in judged))

    columns = tuple(column for label in shown for column in _columns(_short(label)))
    class_sizes = ", ".join(f"{count(recall.n)} are {_short(label)}" for label, recall in shown.items())
    known = len(task.recalls)
    rest = f" Of {count(known)} classes, the {CLASSES} in which a deployment loses most." if known > len(shown) else ""
    note = (
        f"Of the {task.recalled} {class_sizes}.{rest}",
        About(
            tuple(f"{_short(label)}\npoints" for label in shown),
            "points: less the reference's, ~ the same within the margin, ? too few to tell; corrected for the "
            "deployments, not for the classes.",
        ),
    )
    return comparison(task, f"Recall: how many {task.recalled} of a class are right", columns, cells, (note,))


def most_lost(task: TaskView) -> list[str]:
    """The classes with the largest losses, in the order of the labels."""
    names = [d.name for d in task.candidates]

    def least(recall: ClassRecall) -> float:
        return min((recall.changes[name].change.value or 0.0 for name in names if name in recall.changes), default=0.0)

    worst = sorted(task.recalls, key=lambda label: least(task.recalls[label]))[:CLASSES]
    return [label for label in task.recalls if label in worst]


def _columns(label: str) -> tuple[Column, ...]:
    return (
        Column(f"{label}\n%"),
        Column(f"{label}\n95 %", optional=True),
        Column(f"{label}\npoints"),
        Column(f"{label}\npoints 95 %", optional=True),
    )


def _cells(recall: ClassRecall, name: str, is_judged: bool) -> tuple[Cell, ...]:
    if name not in recall.rates:
        return (Cell(UNKNOWN),) * 4
    rate, change = recall.rates[name], recall.changes.get(name)
    return (
        Cell(percent(rate.value)),
        Cell(interval(rate, scale=100, decimals=1)),
        _change(change, is_judged),
        Cell(UNKNOWN if change is None else interval(change.change, scale=100, decimals=1)),
    )


def _change(change: ScoreChange | None, is_judged: bool) -> Cell:
    if change is None or change.change.value is None:
        return Cell(UNKNOWN)
    text = signed(100 * change.change.value)
    return marked(text, change.conclusion) if is_judged else Cell(text)


def _short(label: str) -> str:
    text = words(label)
    return text if len(text) <= LABEL_WIDTH else text[: LABEL_WIDTH - 1] + "\u2026"
