"""Adversarial attack: whether it succeeds on the same texts, and at what cost."""

from __future__ import annotations

from dataclasses import fields

from benchmarks.characteristics.adversarial_attack import AdversarialAttack, Vulnerability
from benchmarks.statistics.bootstrap import UNDEFINED, Estimate
from harness.report.blocks import About, Block, Cell, Column, Note
from harness.report.findings.phrases import several
from harness.report.floors import (
    ATTACK_OVERLAP,
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
from harness.report.values import words
from harness.report.view import DeploymentView, TaskView

NOT_ATTACKED = Vulnerability(**{field.name: UNDEFINED for field in fields(Vulnerability)})


def adversarial_attack(task: TaskView, attack: AdversarialAttack, all_pairs: bool) -> list[Block]:
    transfer = task.transfers.get(task.reference)
    rates = transfer.rates if transfer else {}
    stopped = any(own.out_of_budget.value for own in attack.deployments.values())

    def share(estimate: Estimate) -> Cell:
        return Cell(percent(estimate.value, 0))

    def ends(estimate: Estimate, *, scale: float = 100, decimals: int = 0) -> Cell:
        return Cell(interval(estimate, scale=scale, decimals=decimals))

    def cells(d: DeploymentView) -> tuple[Cell, ...]:
        own = attack.deployments.get(d.name, NOT_ATTACKED)
        pair = ATTACK_OVERLAP.pair(task, d)
        return (
            share(own.accuracy_before),
            share(own.accuracy_after),
            share(own.success_rate),
            ends(own.success_rate),
            share(own.out_of_budget) if stopped else Cell(UNKNOWN),
            share(own.words_changed),
            share(rates.get(d.name, UNDEFINED)),
            *overlap(task, ATTACK_OVERLAP, d, pair.expected_jaccard if pair else None)[::2],
            Cell(interval(ATTACK_OVERLAP.of(task, d))),
            Cell(count(own.queries.value)),
            estimate_cell(own.similarity),
            estimate_cell(pair.kappa if pair else UNDEFINED),
            *(ends(estimate) for estimate in (own.accuracy_before, own.accuracy_after, own.words_changed)),
            ends(own.queries, scale=1),
            ends(own.similarity, scale=1, decimals=2),
        )

    columns = (
        Column("before\n%"),
        Column("after\n%"),
        Column("success\n%"),
        Column("95 %"),
        Column("budget\n%", optional=True),
        Column("words\n%"),
        Column("trans\u00ad\nfer %"),
        Column("same\nsuccess"),
        Column("chance"),
        Column("same success\n95 %", optional=True),
        Column("queries", optional=True),
        Column("simi\u00ad\nlarity", optional=True),
        Column("kappa", optional=True),
        Column("before\n95 %", optional=True),
        Column("after\n95 %", optional=True),
        Column("words\n95 %", optional=True),
        Column("queries\n95 %", optional=True),
        Column("similarity\n95 %", optional=True),
    )
    what = several(task.unit)
    notes: list[Note] = [
        (
            f"{words(attack.method)} on {count(attack.n)} {what}. before, after: {task.score_name}. success: of the "
            f"{what} that were right before. words: share changed.",
            About(("same\nsuccess",), "same success: overlap of the successful attacks with the reference's."),
        )
    ]
    if stopped:
        ended = f"budget: of the {what} that were right before, those whose search ran out of queries or seconds."
        notes.append((About(("budget\n%",), ended),))
    if transfer:
        crafted = task.by_name.get(task.reference)
        on = crafted.label if crafted else words(task.reference)
        notes.append(f"transfer: share of the {count(transfer.n)} texts crafted on {on} that fool this one.")
    chosen = {d.name for d in compared(task) if d.name in attack.deployments or d.name in rates}
    blocks = comparison(
        task, "Each deployment attacked itself", columns, cells, tuple(notes), lambda d: d.name in chosen
    )
    drawn = matrix(
        task,
        "Pairs: overlap of attack success (below the diagonal) and what chance gives (above)",
        members(task, all_pairs=all_pairs, chosen=lambda d: d.name in attack.deployments),
        task.attack_pairs.between,
        ATTACK_OVERLAP.estimate,
        lambda pair: pair.expected_jaccard,
        lambda d: percent(attack.deployments[d.name].success_rate.value, 0) + "%",
        lambda pair, value: agreement_level(value, pair.expected_jaccard),
        ("On the diagonal: the share of attacks that succeed.",),
    )
    if drawn:
        blocks.append(drawn)
    return [
        *blocks,
        *transfer_matrix(task, all_pairs),
        *robustness(task),
        *breaking_words(task, attack),
        *attack_examples(task, attack),
    ]
