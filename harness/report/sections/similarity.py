"""Similarity of pairs: whether a deployment orders them as people do, and as the reference does."""

from __future__ import annotations

from benchmarks.characteristics.similarity import Similarity
from harness.report.blocks import Block, Cell, Column
from harness.report.numbers import UNKNOWN, count, fixed, interval, signed
from harness.report.sections.comparison import comparison
from harness.report.sections.rows import estimate_cell
from harness.report.view import DeploymentView, TaskView


def similarity(task: TaskView, result: Similarity, all_pairs: bool) -> list[Block]:
    def cells(d: DeploymentView) -> tuple[Cell, ...]:
        own = result.deployments.get(d.name)
        if own is None:
            return (Cell(UNKNOWN),) * len(columns)
        return (
            Cell(fixed(own.spearman.value, 4)),
            Cell(interval(own.spearman, decimals=3)),
            Cell(signed(own.spearman_change.value, 4)),
            Cell(interval(own.spearman_change, decimals=4)),
            Cell(fixed(own.with_reference.value, 4)),
            estimate_cell(own.score_change, 4),
        )

    columns = (
        Column("Spear-\nman"),
        Column("95 %"),
        Column("change"),
        Column("change\n95 %"),
        Column("with the\nreference"),
        Column("score\nchange"),
    )
    notes = (
        "Spearman's rank correlation with the scores of the data; change: less the reference's. with the reference: "
        "the correlation of the two's similarities. score change: mean absolute change of a pair's similarity. An "
        "error is a pair on the other side than the data has it, alike or not, where each deployment finds as many "
        f"alike as are. Over {count(result.pairs)} pairs.",
    )
    return comparison(task, "Does it find the same pairs alike?", columns, cells, notes)
