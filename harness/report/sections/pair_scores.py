"""Scores of pairs: whether a deployment orders them as the data do, and as the reference does."""

from __future__ import annotations

from benchmarks.characteristics.pair_scores import PairScores
from harness.report.blocks import About, Block, Cell, Column
from harness.report.numbers import UNKNOWN, count, fixed, interval, signed
from harness.report.sections.comparison import comparison
from harness.report.sections.rows import estimate_cell
from harness.report.view import DeploymentView, TaskView


def pair_scores(task: TaskView, result: PairScores, all_pairs: bool) -> list[Block]:
    def cells(d: DeploymentView) -> tuple[Cell, ...]:
        own = result.deployments.get(d.name)
        if own is None:
            return (Cell(UNKNOWN),) * len(columns)
        return (
            Cell(fixed(own.spearman.value, 4)),
            Cell(interval(own.spearman, decimals=3)),
            Cell(signed(own.spearman_change.value, 4)),
            Cell(interval(own.spearman_change, decimals=4)),
            estimate_cell(own.pearson, 4),
            Cell(fixed(own.with_reference.value, 4)),
            estimate_cell(own.kendall_with_reference, 4),
            estimate_cell(own.score_change, 4),
        )

    columns = (
        Column("Spear\u00ad\nman"),
        Column("95 %"),
        Column("change"),
        Column("change\n95 %"),
        Column("Pearson"),
        Column("with the\nreference"),
        Column("Kendall"),
        Column("score\nchange"),
    )
    note = (
        "Spearman's rank correlation with the scores of the data; Pearson: the linear one.",
        About(("change",), "change: less the reference's."),
        About(
            ("with the\nreference",),
            "with the reference, and Kendall: the rank correlations (Spearman's, tau-b) with the scores that the "
            "reference gives.",
        ),
        About(("score\nchange",), "score change: mean absolute change of a pair's score."),
        "An error is a pair on the other side of the threshold than the data has it. "
        f"Over {count(result.pairs)} pairs.",
    )
    return comparison(task, "Does it order the pairs as the data do?", columns, cells, (note,))
