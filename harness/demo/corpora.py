"""The embedded corpora, of any size: made of passages on invented entities, and of reviews.

A corpus is a function of (task, split, seed): a smaller size is the beginning of a larger one. No
passage and no review stands in two splits: the entity that a passage is about has a name that only its
split may use, and every review names a work or product of its split.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Literal, get_args

from harness.demo import collection, passages, reviews, statements
from harness.errors import UserError
from harness.examples.records import Example

Split = Literal["train", "evaluation", "out-of-distribution"]
SPLITS: tuple[Split, ...] = get_args(Split)
LABELS = ("negative", "positive")
"""The classes of the reviews, in the order of their indices."""


@dataclass(frozen=True)
class Corpus:
    """``write`` gives examples without end, of a split, chance, and what their ids begin with."""

    write: Callable[[str, Random, str], Iterator[Example]]
    labels: tuple[str, ...] | None = None
    """What its labels index; None: it has none."""
    of: str | None = None
    """The corpus that it is made of: both are drawn alike."""


QUESTIONS = "question-answering"
DOCUMENTS = "documents"
CORPORA: dict[str, Corpus] = {
    QUESTIONS: Corpus(passages.question_examples),
    "text-classification": Corpus(reviews.review_examples, LABELS),
    "multi-label-classification": Corpus(reviews.opinion_examples, reviews.OPINIONS),
    "text-pair-classification": Corpus(statements.labelled_pairs, statements.AGREEMENT),
    "text-pair-regression": Corpus(statements.scored_pairs),
    "sentence-similarity": Corpus(statements.similar_texts, of="text-pair-regression"),
    "token-classification": Corpus(collection.tagged_examples, collection.TAGS, of=QUESTIONS),
    "retrieval": Corpus(collection.query_examples, of=QUESTIONS),
    DOCUMENTS: Corpus(collection.document_examples, of=QUESTIONS),
    "reranking": Corpus(statements.candidates_and_pairs),
}
"""By task, and what the queries of retrieval look for; a line each."""


def generate(task: str, split: str, size: int, seed: int) -> list[Example]:
    """The first ``size`` examples of one of the `CORPORA`.

    Of ``question-answering`` about 40 % of the questions cannot be answered from their passage. Of
    ``sentence-similarity``, ``retrieval`` and ``reranking`` the split ``train`` holds what their models are trained
    on, which are texts, texts and pairs.

    Raises:
        UserError: an unknown task or split, or a size below one.
    """
    if task not in CORPORA:
        raise UserError(f"embedded corpus: no task {task!r}; it is one of {', '.join(CORPORA)}")
    if split not in SPLITS:
        raise UserError(f"embedded corpus: no split {split!r}; it is one of {', '.join(SPLITS)}")
    if size < 1:
        raise UserError(f"embedded corpus: size is {size}; it must be at least 1")
    corpus = CORPORA[task]
    rng = Random(f"{corpus.of or task}/{split}/{seed}")
    return list(islice(corpus.write(split, rng, f"{split}-{seed}"), size))
