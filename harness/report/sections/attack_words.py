"""Which words break whom: those changed in most of the texts that fell."""

from __future__ import annotations

from harness.report.blocks import Block, Cell, Column
from harness.report.numbers import UNKNOWN, fixed, percent
from harness.report.sections.comparison import comparison
from harness.report.values import Estimate, Json, mapping, number, sequence, words
from harness.report.view import Deployment, TaskView

SHOWN = 5
AT_LEAST = 2
"""Texts that a word was changed in: once is no pattern."""

LONGEST = 12
"""Characters of a word in the table."""


def breaking_words(task: TaskView) -> list[Block]:
    entry = task.characteristic("adversarial_attack")
    found = {
        name: [one for one in map(mapping, sequence(own)) if (number(one.get("texts")) or 0) >= AT_LEAST]
        for name, own in mapping(entry.get("words")).items()
    }
    if not any(found.values()):
        return []

    def cells(d: Deployment) -> tuple[Cell, ...]:
        common = found.get(d.name, [])[:SHOWN]
        told = [_told(one, d.name == task.reference) for one in common]
        told += [UNKNOWN] * (SHOWN - len(told))
        same = Estimate.of(task.attack_pairs.get(task.reference, d.name).get("same_words"))
        return Cell(fixed(same.value, 2)), *map(Cell, told)

    columns = (
        Column("same\nplaces"),
        *(Column(f"word {place}", optional=place > 3) for place in range(1, SHOWN + 1)),
    )
    notes = (
        f"% of the texts that fell in which the word was changed, (the reference's); at least {AT_LEAST} texts. same "
        "places: Jaccard of the words changed here and on the reference, in texts that fell on both.",
    )
    return comparison(task, "Which words break whom", columns, cells, notes, lambda d: bool(found.get(d.name)))


def _told(one: Json, is_reference: bool) -> str:
    word = words(one.get("word"))
    shown = word if len(word) <= LONGEST else word[: LONGEST - 1] + "\u2026"
    here = percent(number(one.get("share")), 0)
    reference = number(one.get("reference"))
    return f"{shown} {here}" + ("" if is_reference or reference is None else f" ({percent(reference, 0)})")
