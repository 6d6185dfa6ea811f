"""Retrieval: whether a deployment finds the same documents, and whether the index may stay."""

from __future__ import annotations

from benchmarks.characteristics.retrieval import MixedIndex, Retrieval
from harness.report.blocks import About, Block, Cell, Column, Level
from harness.report.numbers import UNKNOWN, count, fixed, interval, signed
from harness.report.sections.comparison import comparison
from harness.report.sections.rows import estimate_cell, marked
from harness.report.view import DeploymentView, TaskView

LEVELS: dict[str, Level | None] = {"same index": "high", "re-index": "bad", "cannot tell": None}


def retrieval(task: TaskView, result: Retrieval, all_pairs: bool) -> list[Block]:
    def overlap_cells(d: DeploymentView) -> tuple[Cell, ...]:
        own = result.quality.get(d.name)
        if own is None:
            return (Cell(UNKNOWN),) * len(columns)
        change, verdict = result.changes.get(d.name), result.verdicts.get(d.name)
        return (
            Cell(fixed(own.ndcg.value, 4)),
            Cell(interval(own.ndcg, decimals=3)),
            Cell(signed(own.ndcg_change.value, 4) if change else UNKNOWN),
            Cell(interval(own.ndcg_change, decimals=4) if change else UNKNOWN),
            Cell(fixed(own.recall.value, 4)),
            Cell(fixed(own.reciprocal_rank.value, 4)),
            marked(fixed(change.overlap.value, 3), verdict.conclusion if verdict else None)
            if change
            else Cell(UNKNOWN),
            Cell(interval(change.overlap) if change else UNKNOWN),
            estimate_cell(change.rank_biased_overlap, 3) if change else Cell(UNKNOWN),
            estimate_cell(change.score, 4) if change else Cell(UNKNOWN),
        )

    columns = (
        Column("nDCG\n@10"),
        Column("95 %"),
        Column("change"),
        Column("change\n95 %"),
        Column("recall\n@100"),
        Column("MRR"),
        Column("first 10\nshared"),
        Column("95 %"),
        Column("RBO", optional=True),
        Column("score\nchange", optional=True),
    )
    note = (
        f"{count(result.queries)} queries on {count(result.documents)} documents, each deployment with an index of its "
        "own.",
        About(("change",), "change: less the reference's."),
        About(("first 10\nshared",), "first 10 shared: Jaccard with the reference's."),
        About(("RBO",), "RBO: rank-biased overlap of the first 100, p = .9."),
        About(("score\nchange",), "score change: mean absolute change of the first 10's scores."),
        "An error is a query without a relevant document among its first 10.",
    )

    def stays(d: DeploymentView) -> tuple[Cell, ...]:
        pairs = ((task.reference, d.name), (d.name, task.reference))
        return tuple(cell for pair in pairs for cell in _mixed(result.on_index(*pair)))

    halves = ("its queries,\nreference's index", "reference's queries,\nits index")
    heading = tuple(
        column
        for half in halves
        for column in (Column(half), Column("change"), Column("95 %"), Column("", right=False))
    )
    notes = (
        "nDCG@10 of queries embedded by one deployment on documents embedded by the other; change: less that of the "
        "queries' deployment with an index of its own. same index: the loss is shown to be less than "
        f"{fixed(result.margin, 3)}, by the 95 % interval; re-index: a loss is shown, or the embeddings do not fit.",
    )
    return [
        *comparison(task, "Does it find the same documents?", columns, overlap_cells, (note,)),
        *comparison(task, "May the index stay?", heading, stays, notes, lambda d: d.name != task.reference),
    ]


def _mixed(one: MixedIndex | None) -> tuple[Cell, ...]:
    if one is None:
        return (Cell(UNKNOWN),) * 4
    return (
        Cell(fixed(one.ndcg.value, 4)),
        Cell(signed(one.change.value, 4)),
        Cell(interval(one.change, decimals=4)),
        Cell(one.verdict, LEVELS[one.verdict]),
    )
