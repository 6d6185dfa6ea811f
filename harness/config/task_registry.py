"""Tasks by name: the one line that a new task needs beside its own module, see docs/extending.md.

A task's module is imported when one asks for it.
"""

from __future__ import annotations

from pkgutil import resolve_name
from typing import TYPE_CHECKING

from harness.errors import UserError

if TYPE_CHECKING:
    from harness.tasks.task import Task

TASKS: dict[str, str] = {
    "question-answering": "harness.tasks.question_answering:QuestionAnsweringTask",
    "text-classification": "harness.tasks.text_classification:TextClassificationTask",
    "multi-label-classification": "harness.tasks.multi_label_classification:MultiLabelClassificationTask",
    "text-pair-classification": "harness.tasks.text_pair_classification:TextPairClassificationTask",
    "text-pair-regression": "harness.tasks.text_pair_regression:TextPairRegressionTask",
    "sentence-similarity": "harness.tasks.sentence_similarity:SentenceSimilarityTask",
    "token-classification": "harness.tasks.token_classification:TokenClassificationTask",
    "retrieval": "harness.tasks.retrieval:RetrievalTask",
    "reranking": "harness.tasks.reranking:RerankingTask",
}


def task_class(name: str) -> type[Task]:
    """All that is to be known of a task. Raises `UserError` for a name that is none."""
    if name not in TASKS:
        raise UserError(f"unknown task {name!r}: the tasks are {', '.join(TASKS)}")
    task_type: type[Task] = resolve_name(TASKS[name])
    return task_type
