"""The two embedded corpora, of any size: passages with questions, and reviews with their sentiment.

A corpus is a function of (task, split, seed): a smaller size is the beginning of a larger one. No
passage and no review stands in two splits: the entity that a passage is about has a name that only its
split may use, and every review names a work or product of its split.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Literal, get_args

from harness.demo.passages import question_examples
from harness.demo.reviews import review_examples
from harness.errors import UserError
from harness.examples import Example

Split = Literal["train", "evaluation", "out-of-distribution"]
SPLITS: tuple[Split, ...] = get_args(Split)
LABELS = ("negative", "positive")
"""The classes of the reviews, in the order of their indices."""


def generate(task: str, split: str, size: int, seed: int) -> list[Example]:
    """The first ``size`` examples of a corpus.

    ``task`` is ``question-answering`` (about 40 % of the questions cannot be answered from their
    passage) or ``text-classification`` (labels index `LABELS`, half of them each).

    Raises:
        UserError: an unknown task or split, or a size below one.
    """
    if split not in SPLITS:
        raise UserError(f"embedded corpus: no split {split!r}; it is one of {', '.join(SPLITS)}")
    if size < 1:
        raise UserError(f"embedded corpus: size is {size}; it must be at least 1")
    return list(islice(_examples(task, split, seed), size))


def _examples(task: str, split: str, seed: int) -> Iterator[Example]:
    rng = Random(f"{task}/{split}/{seed}")
    prefix = f"{split}-{seed}"
    match task:
        case "question-answering":
            return question_examples(split, rng, prefix)
        case "text-classification":
            return review_examples(split, rng, prefix)
    raise UserError(f"embedded corpus: no task {task!r}; it is one of question-answering, text-classification")
