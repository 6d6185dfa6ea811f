"""The setting that the search found to be the fastest for offline, beside the study's own."""

from __future__ import annotations

from harness.report.blocks import Cell, Column, Table
from harness.report.numbers import count, fixed, ratio
from harness.report.sections.rows import KEY, filled, rows_by_model
from harness.report.values import Json, mapping, number, words
from harness.report.view import Deployment, TaskView


def tuned(task: TaskView) -> tuple[Table, ...]:
    """One table; none where nothing was tuned."""
    found = [(d, mapping(d.performance.get("tuned"))) for d in task.deployments]
    searched = [(d, entry) for d, entry in found if entry and d.replicate_kind != "execution"]
    if not searched:
        return ()
    columns = (
        KEY,
        Column("times as\nfast"),
        Column("samples\nper s"),
        Column("own,\nper s"),
        Column("ses\u00ad\nsions"),
        Column("threads\nin each"),
        Column("tokens\na batch"),
    )
    notes = [
        "Offline, in the study's own setting (own) and in the one that the search chose, in turns over the search's "
        "sample: the ratio holds, the rates are of other texts than those above. 1.0x: nothing is faster.",
        *(note for d, entry in searched if (note := _withdrawn(d, entry))),
    ]
    rows = rows_by_model(task, [(d, _cells(entry)) for d, entry in searched])
    return (filled(Table("The fastest setting for offline", columns, rows, tuple(notes))),)


def _cells(entry: Json) -> tuple[Cell, ...]:
    setting = mapping(entry.get("setting"))
    return (
        Cell(ratio(number(entry.get("ratio")))),
        Cell(count(number(entry.get("samples_per_second")))),
        Cell(count(number(entry.get("default_samples_per_second")))),
        *(Cell(count(number(setting.get(name)))) for name in ("sessions", "threads", "token_budget")),
    )


def _withdrawn(deployment: Deployment, entry: Json) -> str:
    """Why what the search chose is not what is told; empty where it is."""
    if reason := words(entry.get("reason")):
        return f"[{deployment.number}]: what the search chose could not be opened beside the study's own ({reason})."
    again = number(entry.get("measured_again"))
    if again is None or number(entry.get("ratio")) != 1:
        return ""
    return f"[{deployment.number}]: what the search chose has {fixed(again, 2)}x the rate, measured again."
