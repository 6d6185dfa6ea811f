"""Prediction errors: whether the same examples go wrong."""

from __future__ import annotations

from harness.report.blocks import Block, Cell, Column, Level
from harness.report.floors import (
    ADJUSTED_OVERLAP,
    ERROR_OVERLAP,
    error_metric,
)
from harness.report.numbers import count, fixed, interval, percent, probability
from harness.report.sections.comparison import comparison, overlap
from harness.report.sections.matrices import matrix, members
from harness.report.sections.rows import (
    adjusted_level,
    estimate_cell,
)
from harness.report.values import Estimate, Json, mapping, number
from harness.report.view import Deployment, TaskView


def prediction_errors(task: TaskView, all_pairs: bool) -> list[Block]:
    counted = mapping(task.strata.get("all", {}).get("errors"))
    by_kind = [name for name in ("answerable", "unanswerable") if name in task.strata]
    headings = {"answerable": "adj.\nansw.", "unanswerable": "adj.\nunansw."}
    kappa, divergence = error_metric("kappa"), error_metric("divergence")

    def errors_of(d: Deployment) -> Json:
        return mapping(counted.get(d.name))

    def cells(d: Deployment) -> tuple[Cell, ...]:
        pair = ERROR_OVERLAP.entry(task, d)
        adjusted = ADJUSTED_OVERLAP.of(task, d)
        strata = [error_metric("adjusted_jaccard", stratum=name).of(task, d) for name in by_kind]
        return (
            *overlap(task, ERROR_OVERLAP, d, number(pair.get("expected_jaccard"))),
            estimate_cell(adjusted, level=adjusted_level(adjusted.value)),
            *(estimate_cell(e, level=adjusted_level(e.value)) for e in strata),
            Cell(count(number(errors_of(d).get("count")))),
            Cell(interval(adjusted)),
            Cell(fixed(number(pair.get("largest_jaccard")), 2)),
            estimate_cell(kappa.of(task, d)),
            estimate_cell(divergence.of(task, d), 3),
            Cell(probability(number(pair.get("mcnemar_p")))),
        )

    columns = (
        Column("overlap"),
        Column("95 %"),
        Column("chance"),
        Column("adjusted"),
        *(Column(headings[name]) for name in by_kind),
        Column("errors", optional=True),
        Column("adjusted\n95 %", optional=True),
        Column("largest\npossible", optional=True),
        Column("kappa", optional=True),
        Column("diver\u00ad\ngence", optional=True),
        Column("McNemar\np", optional=True),
    )
    examples = number(task.strata.get("all", {}).get("n"))
    notes = (
        f"Errors are of {count(examples)} examples. adjusted: 0 is the overlap of unrelated models with as "
        "many errors, 1 the largest possible.",
    )
    blocks = comparison(task, "Against the reference: do the same examples go wrong?", columns, cells, notes)

    def level(pair: Json, _: float | None) -> Level | None:
        return adjusted_level(Estimate.of(pair.get("adjusted_jaccard")).value)

    pairs = task.error_pairs.get("all")
    drawn = pairs and matrix(
        task,
        "Pairs: overlap of errors (below the diagonal) and what chance gives (above)",
        members(task, all_pairs=all_pairs),
        pairs.get,
        lambda pair: Estimate.of(pair.get("jaccard")),
        lambda pair: number(pair.get("expected_jaccard")),
        lambda d: percent(Estimate.of(errors_of(d).get("rate")).value, 0) + "%",
        level,
        ("On the diagonal: the share of wrong examples.",),
    )
    return [*blocks, drawn] if drawn else blocks
