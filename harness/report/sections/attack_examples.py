"""Adversarial texts with their changed words marked, long texts cut to where something changed."""

from __future__ import annotations

from difflib import SequenceMatcher

from harness.report.blocks import Block, ChangedText, Word
from harness.report.values import Json, mapping, sequence, words
from harness.report.view import TaskView

EXAMPLES_AT_MOST = 5
AROUND = 5
"""Unchanged words shown on either side of a change."""

CUT = "…"


def attack_examples(task: TaskView) -> list[Block]:
    blocks: list[Block] = []
    for entry in sequence(task.characteristic("adversarial_attack").get("examples"))[:EXAMPLES_AT_MOST]:
        example = mapping(entry)
        original, adversarial = words(example.get("original")), words(example.get("adversarial"))
        if original and adversarial and original != adversarial:
            blocks.append(ChangedText(_label(task, example), cut(changed_words(original, adversarial))))
    return blocks


def _label(task: TaskView, example: Json) -> str:
    deployment = task.by_name.get(str(example.get("deployment")))
    on = deployment.label if deployment else words(example.get("deployment")) or "an unknown deployment"
    if task.is_question_answering:
        return f"Question {words(example.get('id')) or '?'} is answered wrongly by {on}{_answers(example)}:"
    label = words(example.get("label"))
    return f"Text {words(example.get('id')) or '?'}{f' (label {label})' if label else ''} fools {on}:"


def _answers(example: Json) -> str:
    """ " (gold: "1066", before: "1066", after: no answer)", as far as it is known."""
    said = mapping(example.get("answers"))
    if not said:
        return ""

    def quoted(answer: object) -> str:
        return f'"{words(answer)}"' if words(answer) else "no answer"

    gold = " or ".join(dict.fromkeys(map(quoted, sequence(said.get("gold"))))) or "no answer"
    return f" (gold: {gold}; before: {quoted(said.get('before'))}; after: {quoted(said.get('after'))})"


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
