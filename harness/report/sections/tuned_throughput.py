"""Table of the setting that the search found to be the fastest for offline, beside the study's own."""

from __future__ import annotations

from harness.report.blocks import Cell, Column, Table
from harness.report.numbers import count, fixed, ratio
from harness.report.sections.rows import KEY, filled, rows_by_model
from harness.report.values import words
from harness.report.view import DeploymentView, TaskView
from harness.results.timings import TunedThroughput


def tuned(task: TaskView) -> tuple[Table, ...]:
    """One table; none where nothing was tuned."""
    searched = [
        (d, d.timings.tuned)
        for d in task.deployments
        if d.timings and d.timings.tuned and d.replicate_kind != "execution"
    ]
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


def _cells(tuned: TunedThroughput) -> tuple[Cell, ...]:
    setting = tuned.setting
    return (
        Cell(ratio(tuned.ratio)),
        Cell(count(tuned.samples_per_second)),
        Cell(count(tuned.default_samples_per_second)),
        Cell(count(setting.sessions)),
        Cell(count(setting.threads)),
        Cell(count(setting.token_budget)),
    )


def _withdrawn(deployment: DeploymentView, tuned: TunedThroughput) -> str:
    """Why what the search chose is not what is told; empty where it is."""
    if reason := words(tuned.reason):
        return f"[{deployment.number}]: what the search chose could not be opened beside the study's own ({reason})."
    if tuned.measured_again is None or tuned.ratio != 1:
        return ""
    again = fixed(tuned.measured_again, 2)
    return f"[{deployment.number}]: what the search chose has {again}x the rate, measured again."
