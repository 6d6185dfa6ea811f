"""Changed examples for the page's explorer: every text once, with what each deployment answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.examples import Example, QuestionExample
from harness.report.changed_examples import KINDS, answer_text, class_names, evaluation_examples, predictions
from harness.report.values import words
from harness.report.view import TaskView

AT_MOST = 2000
"""Examples in a page."""
TEXT_WIDTH = 400
"""Characters of a text, around what changed."""


@dataclass(frozen=True)
class Answer:
    """What one deployment says where it does not say what the reference does."""

    deployment: str
    text: str
    kind: str
    """newly wrong, newly right, or wrong otherwise."""


@dataclass(frozen=True)
class ExplorerExample:
    id: str
    question: str
    """Empty where the task has none."""
    text: str
    gold: str
    reference: str
    answers: tuple[Answer, ...]
    everywhere: bool
    """Whether all deployments and the reference have it wrong."""


@dataclass(frozen=True)
class Explorer:
    """The examples, the ones that most deployments change first."""

    examples: tuple[ExplorerExample, ...]
    deployments: tuple[str, ...]
    left_out: int
    """Changed examples that are not in the page."""


def explorer(task: TaskView, folder: Path) -> Explorer | None:
    """None where nothing was compared.

    Raises:
        UserError: the run's folder has no outputs or no examples.
    """
    affected = task.characteristics.affected
    if affected is None:
        return None
    shown = [d for d in task.candidates if d.name in affected.changed]
    kinds = {d.name: {id_: kind for kind in KINDS for id_ in getattr(affected.changed[d.name], kind)} for d in shown}
    counts: dict[str, int] = {}
    for changed in kinds.values():
        for id_ in changed:
            counts[id_] = counts.get(id_, 0) + 1
    ids = sorted(counts, key=lambda id_: (-counts[id_], id_))
    examples, labels = evaluation_examples(folder, task.name), class_names(folder, task.name)
    said = {d.name: predictions(folder, task.name, d.name) for d in shown}
    before = predictions(folder, task.name, task.reference)
    made = tuple(
        _example(
            examples[id_],
            answer_text(before[id_], labels),
            tuple(
                Answer(d.short, answer_text(said[d.name][id_], labels), kinds[d.name][id_].replace("_", " "))
                for d in shown
                if id_ in kinds[d.name]
            ),
            labels,
            everywhere=len(shown) == counts[id_] and all(k[id_] == "wrong_otherwise" for k in kinds.values()),
        )
        for id_ in ids[:AT_MOST]
        if id_ in examples
    )
    return Explorer(made, tuple(d.short for d in shown), len(ids) - len(made))


def _example(
    example: Example, reference: str, answers: tuple[Answer, ...], labels: Sequence[str], *, everywhere: bool
) -> ExplorerExample:
    if isinstance(example, QuestionExample):
        gold = " | ".join(dict.fromkeys(words(one) for one in example.answers)) or answer_text("", ())
        text = _around(example.context, [reference, *(one.text for one in answers), *example.answers])
        return ExplorerExample(example.id, words(example.question), text, gold, reference, answers, everywhere)
    return ExplorerExample(
        example.id, "", _around(example.text, []), answer_text(example.label, labels), reference, answers, everywhere
    )


def _around(text: str, wanted: Sequence[str]) -> str:
    """At most `TEXT_WIDTH` characters, around the first of the ``wanted`` that is in it."""
    text = words(text)
    if len(text) <= TEXT_WIDTH:
        return text
    place = min((at for one in wanted if one and (at := text.find(one)) >= 0), default=0)
    start = max(0, min(place - TEXT_WIDTH // 3, len(text) - TEXT_WIDTH))
    cut = text[start : start + TEXT_WIDTH]
    return ("…" if start else "") + cut + ("…" if start + TEXT_WIDTH < len(text) else "")
