"""Examples of a data set: one frozen record each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from harness.examples.entities import OUTSIDE, entities_in_words

NO_LABELS = "no labels"


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

    @property
    def parts(self) -> dict[str, str]:
        return {"question": self.question, "context": self.context}

    @property
    def stratum(self) -> int:
        return int(self.answerable)

    def gold(self, labels: Sequence[str]) -> tuple[str, ...]:
        return self.answers

    def of(self, text: str) -> QuestionExample:
        """The same question on another passage, which does not answer it."""
        return replace(self, context=text, answers=(), answer_starts=())


class _OneText:
    """What examples share whose input is one text, or begins with it."""

    text: str

    @property
    def parts(self) -> dict[str, str]:
        """All that a model may read of it, by what it is called."""
        return {"text": self.text}

    def gold(self, labels: Sequence[str]) -> tuple[str, ...]:
        """What is right, in words; of classes with the names ``labels``."""
        return ()

    @property
    def stratum(self) -> int:
        """Samples keep the share of each."""
        return 0

    def of(self, text: str) -> Self:
        """The same example of another text."""
        return replace(self, text=text)  # type: ignore[type-var]  # every subclass is a dataclass


@dataclass(frozen=True)
class TextExample(_OneText):
    """A text with its class: ``label`` is an index into the task's label names."""

    id: str
    group: str
    text: str
    label: int

    @property
    def stratum(self) -> int:
        return self.label

    def gold(self, labels: Sequence[str]) -> tuple[str, ...]:
        return (labels[self.label] if self.label < len(labels) else str(self.label),)


@dataclass(frozen=True)
class TextPair(TextExample):
    """Two texts with the class of both together, such as a premise and a hypothesis."""

    text_pair: str

    @property
    def parts(self) -> dict[str, str]:
        return {"text": self.text, "other text": self.text_pair}


@dataclass(frozen=True)
class LabelledText(_OneText):
    """A text with any number of labels: indices into the task's label names, ascending."""

    id: str
    group: str
    text: str
    labels: tuple[int, ...]

    @property
    def stratum(self) -> int:
        return int(bool(self.labels))

    def gold(self, labels: Sequence[str]) -> tuple[str, ...]:
        return (label_set(self.labels, labels),)


def label_set(indices: Sequence[int], labels: Sequence[str]) -> str:
    """Labels as people read them; two answers are the same exactly where their labels are."""
    return ", ".join(labels[index] if index < len(labels) else str(index) for index in indices) or NO_LABELS


@dataclass(frozen=True)
class PlainText(_OneText):
    """A text of which nothing is asked: a document of a corpus, or one to calibrate on."""

    id: str
    group: str
    text: str


@dataclass(frozen=True)
class ScoredPair(_OneText):
    """Two texts and how alike they are, on any scale on which more is more alike."""

    id: str
    group: str
    text: str
    text_pair: str
    score: float

    @property
    def parts(self) -> dict[str, str]:
        return {"text": self.text, "other text": self.text_pair}

    def gold(self, labels: Sequence[str]) -> tuple[str, ...]:
        return (f"{self.score:g}",)


@dataclass(frozen=True)
class Query(_OneText):
    """What is looked for in a corpus: the ids of its ``relevant`` documents, and how relevant each is, from 1."""

    id: str
    group: str
    text: str
    relevant: tuple[str, ...]
    grades: tuple[int, ...]

    @property
    def parts(self) -> dict[str, str]:
        return {"query": self.text}

    def gold(self, labels: Sequence[str]) -> tuple[str, ...]:
        return self.relevant


@dataclass(frozen=True)
class CandidateList(Query):
    """A query with what a first stage found for it, in its order: the ids of ``candidates``, and their texts."""

    candidates: tuple[str, ...]
    documents: tuple[str, ...]

    @property
    def pairs(self) -> list[ScoredPair]:
        """Of the query and each candidate, with its grade."""
        graded = dict(zip(self.relevant, self.grades, strict=True))
        return [
            ScoredPair(f"{self.id} {id}", self.group, self.text, document, float(graded.get(id, 0)))
            for id, document in zip(self.candidates, self.documents, strict=True)
        ]


@dataclass(frozen=True)
class TaggedSentence:
    """A sentence as its words, and a tag in the scheme IOB2 for each: which of them are entities, and of which type."""

    id: str
    group: str
    words: tuple[str, ...]
    tags: tuple[str, ...]

    @property
    def parts(self) -> dict[str, str]:
        return {"sentence": self.text}

    @property
    def text(self) -> str:
        return " ".join(self.words)

    @property
    def stratum(self) -> int:
        return int(any(tag != OUTSIDE for tag in self.tags))

    def gold(self, labels: Sequence[str]) -> tuple[str, ...]:
        return (entities_in_words(self.words, self.tags),)

    def of(self, text: str) -> TaggedSentence:
        """A sentence of the words of ``text``, of which none is an entity."""
        words = tuple(text.split())
        return replace(self, words=words, tags=(OUTSIDE,) * len(words))


Example = (
    QuestionExample
    | TextExample
    | TextPair
    | LabelledText
    | PlainText
    | ScoredPair
    | Query
    | CandidateList
    | TaggedSentence
)


def has_no_answer(example: Example) -> bool:
    return isinstance(example, QuestionExample) and not example.answerable
