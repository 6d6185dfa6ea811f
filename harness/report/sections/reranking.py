"""Reranking: whether a deployment puts candidates in as good an order, and in the reference's."""

from __future__ import annotations

from benchmarks.characteristics.reranking import Reranking
from harness.report.blocks import About, Block, Cell, Column
from harness.report.numbers import UNKNOWN, count, fixed, interval, percent, signed
from harness.report.sections.comparison import comparison
from harness.report.sections.rows import estimate_cell, marked
from harness.report.view import DeploymentView, TaskView


def reranking(task: TaskView, result: Reranking, all_pairs: bool) -> list[Block]:
    def cells(d: DeploymentView) -> tuple[Cell, ...]:
        own = result.quality.get(d.name)
        if own is None:
            return (Cell(UNKNOWN),) * len(columns)
        quality = (
            Cell(fixed(own.ndcg.value, 4)),
            Cell(interval(own.ndcg, decimals=3)),
            Cell(fixed(own.reciprocal_rank.value, 4)),
        )
        change, verdict = result.changes.get(d.name), result.verdicts.get(d.name)
        if change is None:
            return (*quality, *(Cell(UNKNOWN),) * (len(columns) - len(quality)))
        return (
            *quality,
            Cell(signed(own.ndcg_change.value, 4)),
            Cell(interval(own.ndcg_change, decimals=4)),
            marked(fixed(change.kendall.value, 3), verdict.conclusion if verdict else None),
            Cell(interval(change.kendall)),
            Cell(percent(change.first.value)),
            Cell(percent(change.first_ten.value)),
            estimate_cell(change.score, 4),
        )

    columns = (
        Column("nDCG\n@10"),
        Column("95 %"),
        Column("MRR\n@10"),
        Column("change"),
        Column("change\n95 %"),
        Column("Kendall"),
        Column("95 %"),
        Column("other\nfirst %"),
        Column("other\nten %"),
        Column("score\nchange"),
    )
    note = (
        f"{count(result.queries)} queries with {count(result.candidates)} candidates.",
        About(("change",), "change: nDCG@10 less the reference's."),
        About(
            ("Kendall",),
            "Kendall: tau-b of the scores of a query's candidates with the reference's, mean over queries, ~ the same "
            "as the floor within the margin, ? too few to tell.",
        ),
        About(
            ("other\nfirst %",),
            "other first, other ten: queries with another candidate in front, or others among the first ten.",
        ),
        About(("score\nchange",), "score change: mean absolute change of a candidate's score."),
        "An error is a query with no relevant document in front (hit@1).",
    )
    return comparison(task, "Does it put the candidates in the same order?", columns, cells, (note,))
