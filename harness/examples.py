"""Examples of a data set: one frozen record each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class QuestionExample:
    """A question on a passage, in the sense of SQuAD 2.0.

    ``answers`` are the gold texts and ``answer_starts`` their offsets in ``context``, in characters;
    both are empty when the question cannot be answered from the passage. ``group`` names the
    paragraph: examples that share it are not independent.
    """

    id: str
    group: str
    question: str
    context: str
    answers: tuple[str, ...]
    answer_starts: tuple[int, ...]

    @property
    def answerable(self) -> bool:
        return bool(self.answers)


@dataclass(frozen=True)
class TextExample:
    """A text with its class: ``label`` is an index into the task's label names."""

    id: str
    group: str
    text: str
    label: int


Example = QuestionExample | TextExample


def has_no_answer(example: Example) -> bool:
    return isinstance(example, QuestionExample) and not example.answerable
