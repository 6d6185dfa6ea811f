"""Adversarial attack: whether the same texts fall, and at what cost."""

from __future__ import annotations

from harness.report.blocks import Block, Cell, Column
from harness.report.floors import (
    FALLEN_OVERLAP,
)
from harness.report.numbers import UNKNOWN, count, interval, percent
from harness.report.sections.attack_examples import attack_examples
from harness.report.sections.attack_robustness import robustness
from harness.report.sections.attack_transfer import transfer_matrix
from harness.report.sections.attack_words import breaking_words
from harness.report.sections.comparison import comparison, overlap
from harness.report.sections.matrices import matrix, members
from harness.report.sections.rows import (
    agreement_level,
    compared,
    estimate_cell,
)
from harness.report.values import Estimate, Json, mapping, number, words
from harness.report.view import Deployment, TaskView


def adversarial_attack(task: TaskView, all_pairs: bool) -> list[Block]:
    entry = task.characteristic("adversarial_attack")
    transfer = task.transfers.get(task.reference, {})
    rates = mapping(transfer.get("rates"))

    def own(d: Deployment) -> Json:
        return mapping(task.attacked.get(d.name))

    stopped = any(Estimate.of(own(d).get("out_of_budget")).value for d in task.measured)

    def share(d: Deployment, name: str, decimals: int = 0) -> Cell:
        return Cell(percent(Estimate.of(own(d).get(name)).value, decimals))

    def ends(d: Deployment, name: str, *, scale: float = 100, decimals: int = 0) -> Cell:
        return Cell(interval(Estimate.of(own(d).get(name)), scale=scale, decimals=decimals))

    def cells(d: Deployment) -> tuple[Cell, ...]:
        pair = FALLEN_OVERLAP.entry(task, d)
        success = Estimate.of(own(d).get("success_rate"))
        return (
            share(d, "accuracy_before"),
            share(d, "accuracy_after"),
            share(d, "success_rate"),
            Cell(interval(success, scale=100, decimals=0)),
            share(d, "out_of_budget") if stopped else Cell(UNKNOWN),
            share(d, "words_changed"),
            Cell(percent(Estimate.of(rates.get(d.name)).value, 0)),
            *overlap(task, FALLEN_OVERLAP, d, number(pair.get("expected_jaccard")))[::2],
            Cell(interval(FALLEN_OVERLAP.of(task, d))),
            Cell(count(Estimate.of(own(d).get("queries")).value)),
            estimate_cell(Estimate.of(own(d).get("similarity"))),
            estimate_cell(Estimate.of(pair.get("kappa"))),
            *(ends(d, name) for name in ("accuracy_before", "accuracy_after", "words_changed")),
            ends(d, "queries", scale=1),
            ends(d, "similarity", scale=1, decimals=2),
        )

    columns = (
        Column("before\n%"),
        Column("after\n%"),
        Column("success\n%"),
        Column("95 %"),
        Column("budget\n%", optional=True),
        Column("words\n%"),
        Column("trans\u00ad\nfer %"),
        Column("fell\nsame"),
        Column("chance"),
        Column("fell same\n95 %", optional=True),
        Column("queries", optional=True),
        Column("simi\u00ad\nlarity", optional=True),
        Column("kappa", optional=True),
        Column("before\n95 %", optional=True),
        Column("after\n95 %", optional=True),
        Column("words\n95 %", optional=True),
        Column("queries\n95 %", optional=True),
        Column("similarity\n95 %", optional=True),
    )
    what = "questions" if task.is_question_answering else "texts"
    notes = [
        f"{words(entry.get('method')) or 'An attack'} on {count(number(entry.get('n')))} {what}. before, after: "
        f"accuracy. success: of the {what} that were right before. words: share changed. fell same: overlap of the "
        f"{what} that fell with the reference's."
    ]
    if stopped:
        notes.append(f"budget: of the {what} that were right before, those whose search ran out of queries or seconds.")
    if transfer:
        crafted = task.by_name.get(task.reference)
        on = crafted.label if crafted else words(task.reference)
        notes.append(
            f"transfer: share of the {count(number(transfer.get('n')))} texts crafted on {on} that fool this one."
        )
    chosen = {d.name for d in compared(task) if own(d) or d.name in rates}
    blocks = comparison(
        task, "Each deployment attacked itself", columns, cells, tuple(notes), lambda d: d.name in chosen
    )
    drawn = matrix(
        task,
        "Pairs: overlap of texts that fell (below the diagonal) and what chance gives (above)",
        members(task, all_pairs=all_pairs, chosen=lambda d: bool(own(d))),
        task.attack_pairs.get,
        FALLEN_OVERLAP.estimate,
        lambda pair: number(pair.get("expected_jaccard")),
        lambda d: percent(Estimate.of(own(d).get("success_rate")).value, 0) + "%",
        lambda pair, value: agreement_level(value, number(pair.get("expected_jaccard"))),
        ("On the diagonal: the share of attacks that succeed.",),
    )
    if drawn:
        blocks.append(drawn)
    return [
        *blocks,
        *transfer_matrix(task, all_pairs),
        *robustness(task),
        *breaking_words(task),
        *attack_examples(task),
    ]
