"""Explanations: whether deployments decide for the same words."""

from __future__ import annotations

from harness.report.blocks import Block, Cell, Column
from harness.report.numbers import count, fixed, interval, percent
from harness.report.sections.comparison import comparison
from harness.report.sections.rows import agreement_level, estimate_cell
from harness.report.values import Estimate, Pairs, mapping, number
from harness.report.view import Deployment, TaskView


def explanation(task: TaskView, all_pairs: bool) -> list[Block]:
    entry = task.characteristic("explanation")
    pairs = Pairs(entry.get("pairs"))
    counts = sorted({k for pair in pairs for k in mapping(pair.get("jaccard")) if str(k).isdigit()}, key=int)
    if not counts:
        return []
    shown = counts[len(counts) // 2]

    def cells(d: Deployment) -> tuple[Cell, ...]:
        base = d.replicate_of if d.replicate_kind == "execution" and d.replicate_of else task.reference
        pair = pairs.get(base, d.name)
        kept, chance = mapping(pair.get("jaccard")), number(mapping(pair.get("chance_jaccard")).get(shown))
        main = Estimate.of(kept.get(shown))
        return (
            estimate_cell(main, level=agreement_level(main.value, chance)),
            Cell(interval(main)),
            Cell(fixed(chance, 2)),
            *(estimate_cell(Estimate.of(kept.get(k))) for k in counts if k != shown),
            estimate_cell(Estimate.of(pair.get("rank_correlation"))),
            Cell(percent(Estimate.of(pair.get("same_label")).value, 0)),
        )

    columns = (
        Column(f"top {shown}\nsame"),
        Column("95 %"),
        Column("chance"),
        *(Column(f"top {k}\nsame") for k in counts if k != shown),
        Column("rank\ncorr."),
        Column("label\nsame %"),
    )
    notes = (
        f"Over {count(number(entry.get('texts')))} texts: Jaccard of the words that weigh most for a deployment's own "
        "label. rank corr.: of the weights of all words, where the labels are the same. The reference's second row, "
        "explained from other variants of the texts, is how far the method agrees with itself.",
    )
    return comparison(task, "Against the reference: do they decide for the same words?", columns, cells, notes)
