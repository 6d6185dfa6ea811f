"""Quantization of embeddings: whether they may be kept in fewer bytes, and how fast they are searched then."""

from __future__ import annotations

from benchmarks.characteristics.embedding_quantization import EmbeddingQuantization, QuantizedIndex, StorageVerdict
from benchmarks.statistics.bootstrap import Estimate
from harness.report.blocks import Block, Cell, Column, Level, Note, Row, Table
from harness.report.numbers import UNKNOWN, count, fixed, interval, ratio, signed
from harness.report.sections.rows import KEY, compared, estimate_cell, filled, group_of, key, marked
from harness.report.view import DeploymentView, TaskView

LEVELS: dict[StorageVerdict, Level | None] = {"yes": "high", "no": "bad", "cannot tell": None}

COLUMNS = (
    KEY,
    Column("bytes"),
    Column("of\nfloat32"),
    Column("nDCG\n@10"),
    Column("change"),
    Column("95 %"),
    Column("may be\nstored", right=False),
    Column("first 10\nshared"),
    Column("95 %", optional=True),
    Column("with the\nreference's"),
    Column("search\nspeed-up"),
    Column("95 %", optional=True),
    Column("recall\n@100", optional=True),
    Column("MRR", optional=True),
)


def embedding_quantization(task: TaskView, result: EmbeddingQuantization, all_pairs: bool) -> list[Block]:
    rows = tuple(
        Row((key(task, d, f"{d.variant} in {kind}"), *_cells(d, kind, own)), group_of(task, d))
        for d in compared(task)
        for kind, own in result.indexes.get(d.name, {}).items()
    )
    if not rows:
        return []
    timed = next((d.timings.searches for d in task.deployments if d.timings and d.timings.searches), {})
    notes: list[Note] = [
        f"{count(result.queries)} queries on {count(result.documents)} documents. int8: 256 steps a dimension, queries "
        "in float32; binary: the signs of both; binary-rescored: of the signs' nearest four times as many, ordered "
        "by the float32 query. bytes: of a document's vector, and without quantization. change: nDCG@10 less that of "
        "the same embeddings in float32. may be stored: yes, the loss is shown to be less than "
        f"{fixed(result.margin, 3)}, by the 95 % interval; no, a loss is shown. first 10 shared: Jaccard with the same "
        "embeddings in float32; with the reference's: with its float32 index."
    ]
    if timed:
        float32 = max(one.float32_ms for one in timed.values())
        notes.append(
            "search speed-up: one query on one thread, in turns with the float32 index, where a search takes "
            f"{fixed(float32, 3)} ms; timed of the model's first deployment."
        )
    return [filled(Table("May the embeddings be stored in fewer bytes?", COLUMNS, rows, tuple(notes)))]


def _cells(d: DeploymentView, kind: str, own: QuantizedIndex) -> tuple[Cell, ...]:
    searched = d.timings.searches.get(kind) if d.timings else None
    ends = None if searched is None else searched.interval
    return (
        Cell(count(own.bytes_per_vector)),
        Cell(count(own.float32_bytes)),
        estimate_cell(own.ndcg, 4),
        Cell(signed(own.ndcg_change.value, 4)),
        Cell(interval(own.ndcg_change, decimals=4)),
        Cell(own.may_be_stored, LEVELS[own.may_be_stored]),
        marked(fixed(own.overlap.value, 3), own.verdict.conclusion if own.verdict else None),
        Cell(interval(own.overlap)),
        estimate_cell(own.reference_overlap, 3),
        Cell(ratio(searched.ratio) if searched else UNKNOWN),
        Cell(interval(Estimate(None, *ends)) if ends else UNKNOWN),
        estimate_cell(own.recall, 4),
        estimate_cell(own.reciprocal_rank, 4),
    )
