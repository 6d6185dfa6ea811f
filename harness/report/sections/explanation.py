"""Explanations: whether deployments decide for the same words."""

from __future__ import annotations

from benchmarks.characteristics.explanation import ExplanationAgreement
from harness.report.blocks import About, Block, Cell, Column
from harness.report.numbers import UNKNOWN, count, fixed, interval, percent
from harness.report.sections.comparison import comparison
from harness.report.sections.rows import agreement_level, estimate_cell
from harness.report.values import Pairs
from harness.report.view import DeploymentView, TaskView


def explanation(task: TaskView, result: ExplanationAgreement, all_pairs: bool) -> list[Block]:
    pairs = Pairs(result.pairs)
    counts = sorted({k for pair in pairs for k in pair.jaccard}, key=int)
    if not counts:
        return []
    shown = counts[len(counts) // 2]

    def cells(d: DeploymentView) -> tuple[Cell, ...]:
        base = d.replicate_of if d.replicate_kind == "execution" and d.replicate_of else task.reference
        pair = pairs.between(base, d.name)
        if pair is None:
            return (Cell(UNKNOWN),) * len(columns)
        main, chance = pair.jaccard[shown], pair.chance_jaccard[shown]
        return (
            estimate_cell(main, level=agreement_level(main.value, chance)),
            Cell(interval(main)),
            Cell(fixed(chance, 2)),
            *(estimate_cell(pair.jaccard[k]) for k in counts if k != shown),
            estimate_cell(pair.rank_correlation),
            Cell(percent(pair.same_label.value, 0)),
        )

    columns = (
        Column(f"top {shown}\nsame"),
        Column("95 %"),
        Column("chance"),
        *(Column(f"top {k}\nsame") for k in counts if k != shown),
        Column("rank\ncorr."),
        Column("label\nsame %"),
    )
    note = (
        f"Over {count(result.texts)} texts: Jaccard of the words that weigh most for a deployment's own label.",
        About(("rank\ncorr.",), "rank corr.: of the weights of all words, where the labels are the same."),
        "The reference's second row, explained from other variants of the texts, is how far the method agrees with "
        "itself.",
    )
    return comparison(task, "Against the reference: do they decide for the same words?", columns, cells, (note,))
