"""Adversarial texts with their changed words marked, long texts cut to where something changed."""

from __future__ import annotations

from difflib import SequenceMatcher

from benchmarks.characteristics.adversarial_attack import AdversarialAttack, Answers, AttackExample
from harness.report.blocks import Block, ChangedText, Word
from harness.report.values import words
from harness.report.view import TaskView

EXAMPLES_AT_MOST = 5
AROUND = 5
"""Unchanged words shown on either side of a change."""

CUT = "…"


def attack_examples(task: TaskView, attack: AdversarialAttack) -> list[Block]:
    blocks: list[Block] = []
    for example in attack.examples[:EXAMPLES_AT_MOST]:
        original, adversarial = words(example.original), words(example.adversarial)
        if original and adversarial and original != adversarial:
            blocks.append(ChangedText(_label(task, example), cut(changed_words(original, adversarial))))
    return blocks


def _label(task: TaskView, example: AttackExample) -> str:
    deployment = task.by_name.get(example.deployment)
    on = deployment.label if deployment else words(example.deployment)
    said = _answers(example.answers) if example.answers else ""
    return f"{task.kind.attack_success.format(id=words(example.id), label=example.label, on=on)}{said}:"


def _answers(said: Answers) -> str:
    """ " (gold: "1066", before: "1066", after: no answer)"."""

    def quoted(answer: str) -> str:
        return f'"{words(answer)}"' if words(answer) else "no answer"

    gold = " or ".join(dict.fromkeys(map(quoted, said.gold))) or "no answer"
    return f" (gold: {gold}; before: {quoted(said.before)}; after: {quoted(said.after)})"


def changed_words(original: str, adversarial: str) -> tuple[Word, ...]:
    """The adversarial text, every change beside what it replaced.

    The texts are compared word by word, so that the marks are right however the attack counts words.
    """
    before, after = original.split(), adversarial.split()
    result: list[Word] = []
    for kind, i, j, k, m in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            result += [Word(word) for word in after[k:m]]
        elif j - i == m - k:
            result += [Word(new, old) for old, new in zip(before[i:j], after[k:m], strict=True)]
        else:
            result.append(Word(" ".join(after[k:m]), " ".join(before[i:j])))
    return tuple(result)


def cut(text: tuple[Word, ...]) -> tuple[Word, ...]:
    changed = [index for index, word in enumerate(text) if word.before is not None]
    keep = {i for c in changed for i in range(c - AROUND, c + AROUND + 1)} or set(range(4 * AROUND))
    result: list[Word] = []
    for index, word in enumerate(text):
        if index in keep:
            result.append(word)
        elif not result or result[-1].text != CUT:
            result.append(Word(CUT))
    return tuple(result)
