"""Breaking words: those that most successful attacks changed."""

from __future__ import annotations

from benchmarks.attack.changed_words import BreakingWord
from benchmarks.characteristics.adversarial_attack import AdversarialAttack
from benchmarks.statistics.bootstrap import UNDEFINED
from harness.report.blocks import About, Block, Cell, Column
from harness.report.numbers import UNKNOWN, fixed, percent
from harness.report.sections.comparison import comparison
from harness.report.values import words
from harness.report.view import DeploymentView, TaskView

SHOWN = 5
AT_LEAST = 2
"""Texts that a word was changed in: once is no pattern."""

LONGEST = 12
"""Characters of a word in the table."""


def breaking_words(task: TaskView, attack: AdversarialAttack) -> list[Block]:
    words_by_deployment = {name: [one for one in own if one.texts >= AT_LEAST] for name, own in attack.words.items()}
    if not any(words_by_deployment.values()):
        return []

    def cells(d: DeploymentView) -> tuple[Cell, ...]:
        common = words_by_deployment.get(d.name, [])[:SHOWN]
        cell_texts = [_in_words(one, d.name == task.reference) for one in common]
        cell_texts += [UNKNOWN] * (SHOWN - len(cell_texts))
        pair = task.attack_pairs.between(task.reference, d.name)
        same = pair.same_words if pair else UNDEFINED
        return Cell(fixed(same.value, 2)), *map(Cell, cell_texts)

    columns = (
        Column("same\nplaces"),
        *(Column(f"word {place}", optional=place > 3) for place in range(1, SHOWN + 1)),
    )
    note = (
        f"% of the successful attacks in which the word was changed, (the reference's); at least {AT_LEAST} attacks.",
        About(
            ("same\nplaces",),
            "same places: Jaccard of the words changed here and on the reference, where both attacks succeeded.",
        ),
    )
    return comparison(
        task, "Which words break whom", columns, cells, (note,), lambda d: bool(words_by_deployment.get(d.name))
    )


def _in_words(one: BreakingWord, is_reference: bool) -> str:
    word = words(one.word)
    shown = word if len(word) <= LONGEST else word[: LONGEST - 1] + "\u2026"
    here = percent(one.share, 0)
    return f"{shown} {here}" + ("" if is_reference or one.reference is None else f" ({percent(one.reference, 0)})")
