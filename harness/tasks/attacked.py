"""Examples under attack: what of one is changed, and what a deployment is then asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from benchmarks.attack.question_answering import RIGHT, left_alone_in_context, left_alone_in_question
from benchmarks.attack.words import Span
from harness.examples import Example, QuestionExample, TextExample

Target = Literal["question", "context"]


@dataclass(frozen=True)
class Attacked:
    """An example under attack: a text with its label, or a question, of which ``target`` is changed."""

    example: Example
    target: Target

    @property
    def id(self) -> str:
        return self.example.id

    @property
    def label(self) -> int:
        """The class that the attack leads away from."""
        return self.example.label if isinstance(self.example, TextExample) else RIGHT

    @property
    def text(self) -> str:
        if isinstance(self.example, TextExample):
            return self.example.text
        assert isinstance(self.example, QuestionExample), "only these two are attacked"
        return self.example.question if self.target == "question" else self.example.context

    @property
    def left_alone(self) -> list[Span]:
        """Places of the text that must stay as they are, beside stop words."""
        if isinstance(self.example, TextExample):
            return []
        assert isinstance(self.example, QuestionExample)
        find = left_alone_in_question if self.target == "question" else left_alone_in_context
        return find(self.text, self.example.answers)

    def with_text(self, text: str) -> str | QuestionExample:
        """What the deployment is asked with ``text`` in the place of the original."""
        if isinstance(self.example, TextExample):
            return text
        assert isinstance(self.example, QuestionExample)
        if self.target == "question":
            return replace(self.example, question=text)
        # The gold answers are texts: where they stand in a changed context does not count.
        return replace(self.example, context=text)
