"""Calibration: whether a deployment is as often right as it says."""

from __future__ import annotations

from harness.report.blocks import Block, Cell, Column
from harness.report.numbers import count, fixed, interval, percent, signed
from harness.report.sections.comparison import comparison
from harness.report.sections.rows import estimate_cell
from harness.report.values import Estimate, mapping, number, sequence
from harness.report.view import Deployment, TaskView


def calibration(task: TaskView, all_pairs: bool) -> list[Block]:
    entry = task.characteristic("calibration")
    deployments = mapping(entry.get("deployments"))
    against = {str(mapping(pair).get("b")): mapping(pair) for pair in sequence(entry.get("pairs"))}

    def cells(d: Deployment) -> tuple[Cell, ...]:
        own = mapping(deployments.get(d.name))
        error, change = Estimate.of(own.get("ece")), Estimate.of(against.get(d.name, {}).get("ece"))
        over = Estimate.of(own.get("overconfidence")).value
        return (
            Cell(percent(Estimate.of(own.get("confidence")).value)),
            Cell(percent(Estimate.of(own.get("accuracy")).value)),
            Cell(signed(None if over is None else 100 * over)),
            Cell(percent(error.value)),
            Cell(interval(error, scale=100, decimals=1)),
            Cell(percent(number(own.get("expected_ece")))),
            Cell(signed(None if change.value is None else 100 * change.value)),
            Cell(interval(change, scale=100, decimals=1)),
            estimate_cell(Estimate.of(own.get("brier")), 3),
            Cell(percent(Estimate.of(own.get("mce")).value)),
        )

    columns = (
        Column("sure\n%"),
        Column("right\n%"),
        Column("over\npoints"),
        Column("ECE\n%"),
        Column("95 %"),
        Column("chance\n%"),
        Column("change\npoints"),
        Column("change\n95 %", optional=True),
        Column("Brier", optional=True),
        Column("MCE\n%", optional=True),
    )
    meaning = (
        "sure: mean probability of its own answer, the likeliest start times the likeliest end."
        if task.is_question_answering
        else "sure: mean probability of its own label."
    )
    notes = (
        f"{meaning} over: sure less right. ECE: how far the two are apart, over bins of confidence; chance: the ECE of "
        "a perfectly calibrated deployment with these confidences. change: of the ECE against the reference's. Over "
        f"{count(number(entry.get('n')))} examples.",
    )
    if all(fixed(Estimate.of(mapping(own).get("ece")).value, 3) == "-" for own in deployments.values()):
        return []
    return comparison(task, "Is it as often right as it says?", columns, cells, notes)
