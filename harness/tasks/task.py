"""What the rest of the harness asks of a task: examples to features, outputs to a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from harness.errors import UserError

if TYPE_CHECKING:
    from harness.arrow import pa
    from harness.config.tasks import QuestionAnswering
    from harness.examples import Example
    from harness.tasks.fast_tokenizer import FastTokenizer
    from harness.tasks.features import Features


class Task(Protocol):
    """Turns examples into what models read, and what they say into one row an example."""

    @property
    def name(self) -> str: ...

    @property
    def per_token(self) -> frozenset[str]:
        """The outputs that have a token axis."""
        ...

    def encode(self, tokenizer: FastTokenizer, examples: Sequence[Example]) -> Features: ...

    def table(
        self,
        examples: Sequence[Example],
        features: Features,
        outputs: Mapping[str, Sequence[NDArray[np.float32]]],
    ) -> pa.Table:
        """Decode one entry a feature, per-token outputs trimmed to the feature, into one row an example."""
        ...


def task_for(name: str, *, question_answering: QuestionAnswering | None = None, max_length: int = 512) -> Task:
    """The task of that name.

    Question answering is set by ``question_answering`` alone (None: its defaults) and
    text classification by ``max_length`` alone, the longest text in tokens.
    """
    if name == "question-answering":
        from harness.config.tasks import QuestionAnswering as Settings
        from harness.tasks.question_answering import QuestionAnsweringTask

        return QuestionAnsweringTask(question_answering or Settings())
    if name == "text-classification":
        from harness.tasks.text_classification import TextClassificationTask

        return TextClassificationTask(max_length)
    raise UserError(f"unknown task {name!r}: the tasks are question-answering and text-classification")
