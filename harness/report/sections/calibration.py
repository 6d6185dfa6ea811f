"""Calibration: whether a deployment is as often right as it says."""

from __future__ import annotations

from benchmarks.characteristics.calibration import ConfidenceCalibration
from benchmarks.statistics.bootstrap import UNDEFINED
from harness.report.blocks import About, Block, Cell, Column
from harness.report.numbers import count, interval, percent, signed
from harness.report.sections.comparison import comparison
from harness.report.sections.rows import estimate_cell
from harness.report.view import DeploymentView, TaskView


def calibration(task: TaskView, result: ConfidenceCalibration, all_pairs: bool) -> list[Block]:
    changes = {pair.b: pair.ece for pair in result.pairs}

    def cells(d: DeploymentView) -> tuple[Cell, ...]:
        own, change = result.deployments[d.name], changes.get(d.name, UNDEFINED)
        over = own.overconfidence.value
        return (
            Cell(percent(own.confidence.value)),
            Cell(percent(own.accuracy.value)),
            Cell(signed(None if over is None else 100 * over)),
            Cell(percent(own.debiased_error.value)),
            Cell(interval(own.debiased_error, scale=100, decimals=1)),
            Cell(percent(own.ece.value)),
            Cell(percent(own.expected_ece)),
            Cell(signed(None if change.value is None else 100 * change.value)),
            Cell(interval(change, scale=100, decimals=1)),
            Cell(interval(own.ece, scale=100, decimals=1)),
            estimate_cell(own.brier, 3),
            Cell(percent(own.mce.value)),
            Cell(count(own.mce_bins)),
        )

    columns = (
        Column("sure\n%"),
        Column("right\n%"),
        Column("over\npoints"),
        Column("error\n%"),
        Column("95 %"),
        Column("ECE\n%", optional=True),
        Column("chance\n%", optional=True),
        Column("change\npoints"),
        Column("change\n95 %", optional=True),
        Column("ECE\n95 %", optional=True),
        Column("Brier", optional=True),
        Column("MCE\n%", optional=True),
        Column("bins\nof MCE", optional=True),
    )
    note = (
        f"sure: {task.kind.confidence_meaning}. over: sure less right.",
        About(
            ("error\n%",),
            "error: how far the two are apart over bins of confidence (root mean square, debiased: 0 for a calibrated "
            "deployment).",
        ),
        About(("ECE\n%",), "ECE: the usual figure."),
        About(("chance\n%",), "chance: the ECE of a calibrated deployment with these confidences."),
        About(("change\npoints",), "change: of the ECE against the reference's."),
        About(("MCE\n%",), "MCE: the largest gap of a bin of 20 examples."),
        f"Over {count(result.n)} examples.",
    )
    if all(own.ece.value is None for own in result.deployments.values()):
        return []
    known = result.deployments
    return comparison(task, "Is it as often right as it says?", columns, cells, (note,), lambda d: d.name in known)
