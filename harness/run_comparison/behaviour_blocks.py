"""Behaviour of deployments in both runs, as the content that the report's renderers take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.statistics.bootstrap import Estimate
from harness.report.blocks import Cell, Column, Level, Row, Section, Table
from harness.report.numbers import count, fixed, interval, percent, signed
from harness.report.values import words
from harness.run_comparison.behaviour import Behaviour

LEVELS: dict[str, Level] = {"same": "floor", "different": "bad", "cannot tell": "chance"}


def behaviour_sections(behaviours: Sequence[Behaviour]) -> list[Section]:
    """For each task the answers, and the characteristics of each run; nothing where nobody answered."""
    return [
        Section(f"{words(task)}: behaviour", tuple(_tables([one for one in behaviours if one.task == task])))
        for task in dict.fromkeys(one.task for one in behaviours)
    ]


def _tables(behaviours: Sequence[Behaviour]) -> Iterator[Table]:
    asked = [one for one in behaviours if one.answers is not None]
    reasons = dict.fromkeys(one.reason for one in behaviours if one.reason)
    notes = tuple(f"Answers are not compared where {reason}." for reason in reasons)
    if asked:
        yield Table("Answers of B against those of A", _ANSWERS, tuple(map(_answers, asked)), (*_ANSWER_NOTES, *notes))
        notes = ()
    yield Table(
        "Characteristics in A and in B", _CHARACTERISTICS, tuple(map(_characteristics, behaviours)), (_OWN, *notes)
    )


_ANSWERS = (
    Column("deployment", right=False),
    Column("changed\n%"),
    Column("95 %"),
    Column("newly\nwrong"),
    Column("newly\nright"),
    Column("score\npoints"),
    Column("95 %", optional=True),
    Column("score", right=False),
    Column("errors"),
    Column("neigh-\nbours"),
)
_ANSWER_NOTES = (
    "changed: answers that differ. score: the change of the share of right answers, same within 1 point either way, "
    "corrected for the number of deployments (Holm). errors, neighbours: overlap (Jaccard) of what B gets wrong, and "
    "sees as near, with A.",
)
_OWN = (
    "score: share of right answers. errors, neighbours: overlap with the reference of the same run. AUROC: of "
    "out-of-distribution examples. attack: success. Each as A → B."
)


def _answers(one: Behaviour) -> Row:
    answers = one.answers
    assert answers is not None  # the others are not in the table
    changes, score = answers.changes, answers.score
    changed = changes.disagreement or Estimate(None, None, None)
    cells = (
        words(one.answered.before.short),
        percent(changed.value),
        interval(changed, scale=100, decimals=1),
        count(changes.newly_wrong),
        count(changes.newly_right),
        signed(None if score.change.value is None else 100 * score.change.value),
        interval(score.change, scale=100, decimals=1),
    )
    overlaps = (fixed(changes.jaccard.value, 2), fixed(answers.neighbours.value, 2))
    return Row(
        (*map(Cell, cells), Cell(score.conclusion, LEVELS[score.conclusion]), *map(Cell, overlaps)),
    )


_CHARACTERISTICS = (
    Column("deployment", right=False),
    Column("score\n%"),
    Column("errors"),
    Column("neighbours"),
    Column("AUROC"),
    Column("attack\n%"),
)


def _characteristics(one: Behaviour) -> Row:
    a, b = one.before, one.after
    cells = (
        words(one.answered.before.short),
        _both(a.score, b.score, 100, 1),
        _both(a.errors, b.errors, 1, 2),
        _both(a.neighbours, b.neighbours, 1, 2),
        _both(a.ood_auroc, b.ood_auroc, 1, 2),
        _both(a.attack_success, b.attack_success, 100, 0),
    )
    return Row(tuple(map(Cell, cells)))


def _both(a: Estimate, b: Estimate, scale: float, decimals: int) -> str:
    if a.value is None and b.value is None:
        return "-"
    before, after = (fixed(None if e.value is None else scale * e.value, decimals) for e in (a, b))
    return f"{before} → {after}"
