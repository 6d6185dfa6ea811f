"""Changed examples for the page's explorer: every text once, with what each deployment answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.examples.records import Example, QuestionExample
from harness.report.blocks import Word
from harness.report.changed_examples import KINDS, answer_text, class_names, evaluation_examples, gold_text, predictions
from harness.report.sections.attack_examples import changed_words, cut
from harness.report.values import words
from harness.report.view import TaskView
from harness.store.run_folder import CONFIG

AT_MOST = 2000
"""Examples in a page."""
TEXT_WIDTH = 400
"""Characters of a text, around what changed."""
ALONE = "attacked successfully only here"
"""Of a text on which no other deployment's attack succeeded."""


@dataclass(frozen=True)
class Answer:
    """What deployments say that do not say what the reference does."""

    deployments: tuple[int, ...]
    """Places in `Explorer.deployments`."""
    text: str
    kind: str
    """newly wrong, newly right, wrong otherwise, right otherwise, or `ALONE`."""
    attacked: tuple[Word, ...] = ()
    """The text that the attack found, its changes marked; empty of other kinds."""


@dataclass(frozen=True)
class ExplorerExample:
    id: str
    question: str
    """Empty where the task has none."""
    text: str
    gold: str
    reference: str
    """Empty of an attack."""
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
    attacked: int
    """Of the examples, the last ones: those of an attack that succeeds on one deployment only."""


def explorer(task: TaskView, folder: Path) -> Explorer | None:
    """None where there is nothing to look at.

    Raises:
        UserError: the run's folder has no outputs or no examples.
    """
    affected, attack = task.characteristics.affected, task.characteristics.adversarial_attack
    named = {one.deployment for one in attack.alone} if attack else set()
    if affected:
        named |= {d.name for d in task.candidates if d.name in affected.changed}
    places = {d.name: place for place, d in enumerate(d for d in task.deployments if d.name in named)}
    changed, left_out = _changed(task, folder, places)
    attacked = _attacked(task, folder, places)
    deployments = tuple(task.by_name[name].short for name in places)
    return Explorer((*changed, *attacked), deployments, left_out, len(attacked)) if changed or attacked else None


def _changed(task: TaskView, folder: Path, places: Mapping[str, int]) -> tuple[list[ExplorerExample], int]:
    """Up to `AT_MOST` examples, and how many more there are."""
    affected = task.characteristics.affected
    if affected is None:
        return [], 0
    shown = [d for d in task.candidates if d.name in affected.changed]
    kinds = {d.name: {id_: kind for kind in KINDS for id_ in getattr(affected.changed[d.name], kind)} for d in shown}
    counts = Counter(id_ for changed in kinds.values() for id_ in changed)
    ids = sorted(counts, key=lambda id_: (-counts[id_], id_))
    examples, labels = evaluation_examples(folder, task.name), class_names(folder, task.name)
    said = {d.name: predictions(folder, task.name, d.name) for d in shown}
    before = predictions(folder, task.name, task.reference)
    made = [
        _example(
            examples[id_],
            answer_text(before[id_], labels),
            _answers(
                {
                    places[name]: (answer_text(said[name][id_], labels), changed[id_].replace("_", " "))
                    for name, changed in kinds.items()
                    if id_ in changed
                }
            ),
            labels,
            # who did not change it says what the reference says, and is as wrong
            everywhere=all(k.get(id_, "wrong_otherwise") == "wrong_otherwise" for k in kinds.values()),
        )
        for id_ in ids[:AT_MOST]
        if id_ in examples
    ]
    return made, len(ids) - len(made)


def _answers(said: Mapping[int, tuple[str, str]]) -> tuple[Answer, ...]:
    """Of texts and kinds by place; the same one of several deployments is one."""
    places_by_answer: dict[tuple[str, str], list[int]] = {}
    for place, answer in said.items():
        places_by_answer.setdefault(answer, []).append(place)
    return tuple(Answer(tuple(places), text, kind) for (text, kind), places in places_by_answer.items())


def _attacked(task: TaskView, folder: Path, places: Mapping[str, int]) -> list[ExplorerExample]:
    attack = task.characteristics.adversarial_attack
    attack_examples = [one for one in attack.alone if one.deployment in places] if attack else []
    # the texts are results, so that they can be shown of a results file alone: classes then have their numbers
    labels = class_names(folder, task.name) if attack_examples and (folder / CONFIG).is_file() else []
    made = []
    for one in attack_examples:
        text = changed_words(words(one.original), words(one.adversarial))
        gold = " | ".join(map(words, one.answers.gold)) if one.answers else answer_text(one.label, labels)
        first = next((word.before for word in text if word.before), "")
        said = answer_text(one.answers.after, ()) if one.answers else "another label"
        answer = Answer((places[one.deployment],), said, ALONE, cut(text))
        made.append(
            ExplorerExample(words(one.id), "", _around(one.original, [first]), gold, "", (answer,), everywhere=False)
        )
    return made


def _example(
    example: Example, reference: str, answers: tuple[Answer, ...], labels: Sequence[str], *, everywhere: bool
) -> ExplorerExample:
    *asked, read = example.parts.values()
    quoted = isinstance(example, QuestionExample)  # answers are texts of the context
    text = _around(read, [reference, *(one.text for one in answers), *example.gold(())] if quoted else [])
    gold = gold_text(example, labels)
    return ExplorerExample(example.id, " ".join(map(words, asked)), text, gold, reference, answers, everywhere)


def _around(text: str, wanted: Sequence[str]) -> str:
    """At most `TEXT_WIDTH` characters, around the first of the ``wanted`` that is in it."""
    text = words(text)
    if len(text) <= TEXT_WIDTH:
        return text
    place = min((at for one in wanted if one and (at := text.find(one)) >= 0), default=0)
    start = max(0, min(place - TEXT_WIDTH // 3, len(text) - TEXT_WIDTH))
    cut = text[start : start + TEXT_WIDTH]
    return ("…" if start else "") + cut + ("…" if start + TEXT_WIDTH < len(text) else "")
