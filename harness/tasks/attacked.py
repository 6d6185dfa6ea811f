"""Examples under attack: what of one is changed, and what a deployment is then asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from benchmarks.attack.probabilities import RIGHT
from benchmarks.attack.question_answering import left_alone_in_context, left_alone_in_question
from benchmarks.attack.words import Span
from harness.config.characteristics import Attack, Target
from harness.config.task_registry import task_class
from harness.examples.records import Example, QuestionExample, TextExample


@dataclass(frozen=True)
class Attacked:
    """An example under attack, of which the field ``target`` is changed."""

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
        """What similarity is measured of, too: the other part of an example stays as it is."""
        return str(getattr(self.example, self.target))

    @property
    def left_alone(self) -> list[Span]:
        """Places of the text that must stay as they are, beside stop words."""
        if not isinstance(self.example, QuestionExample):
            return []
        find = left_alone_in_question if self.target == "question" else left_alone_in_context
        return find(self.text, self.example.answers)

    def with_text(self, text: str) -> Example:
        """What the deployment is asked with ``text`` in the place of the original.

        The gold answers of a question are texts: where they stand in a changed context does not count.
        """
        changed: dict[str, Any] = {self.target: text}
        return replace(self.example, **changed)


def target_of(task: str, attack: Attack) -> Target:
    """What the study's attack changes, or else what the task's attacks change first."""
    return attack.target or task_class(task).attack_targets[0]
