"""Sizes and recipes of the embedded family, in the order in which the members are made."""

from __future__ import annotations

from dataclasses import dataclass

from exporters.tasks import EMBEDDING
from harness.checkpoints.loading import MASKED_LANGUAGE_MODEL
from harness.config.training import Recipe
from harness.demo.weights import OF_PAIRS

VOCABULARY = 1600
MAX_POSITIONS = 256
TRAINING_SEED = 0
"""Seed of the corpora that the family is trained on; evaluation uses the other splits."""


@dataclass(frozen=True)
class ModelShape:
    """Size of a BERT: ``hidden`` and ``intermediate`` are widths."""

    layers: int
    hidden: int
    heads: int
    intermediate: int


LARGE = ModelShape(layers=4, hidden=96, heads=3, intermediate=192)
SMALL = ModelShape(layers=2, hidden=96, heads=3, intermediate=192)
COMPACT = ModelShape(layers=2, hidden=64, heads=2, intermediate=128)
TINY = ModelShape(layers=1, hidden=32, heads=1, intermediate=64)

LARGE_TASKS = ("question-answering", "text-classification")
"""Their references are `LARGE`; those of other tasks `COMPACT`."""


@dataclass(frozen=True)
class Member:
    """``seed`` is of the initial weights and the order of examples, ``task`` whose corpus and recipe it learns by."""

    shape: ModelShape
    seed: int
    task: str


def member(head: str, name: str) -> Member:
    """Of a head's members, by name: ``reference-seed-2`` has the seed 2, the others 0."""
    kind, _, seed = name.partition("-seed-")
    task = OF_PAIRS.get(kind.partition("-")[0], head)
    if kind.endswith("tiny"):
        shape = TINY
    elif kind == "small" or head == MASKED_LANGUAGE_MODEL:
        shape = SMALL
    else:
        shape = LARGE if task in LARGE_TASKS else COMPACT
    return Member(shape, int(seed or 0), task)


EXAMPLES = {
    "question-answering": 64_000,
    "text-classification": 20_000,
    "multi-label-classification": 20_000,
    "token-classification": 20_000,
    "text-pair-classification": 40_000,
    "text-pair-regression": 40_000,
    "reranking": 40_000,
    EMBEDDING.task: 16_000,
    MASKED_LANGUAGE_MODEL: 20_000,
}


def _recipe(epochs: float, learning_rate: float, warmup_ratio: float = 0.08, max_length: int = 128) -> Recipe:
    return Recipe(
        epochs=epochs,
        batch_size=32,
        learning_rate=learning_rate,
        warmup_ratio=warmup_ratio,
        weight_decay=0.01,
        max_length=max_length,
    )


RECIPES = {
    "question-answering": _recipe(2, 1e-3, warmup_ratio=0.05),
    "text-classification": _recipe(2, 1e-3),
    "multi-label-classification": _recipe(2, 1e-3),
    "token-classification": _recipe(2, 2e-3),
    "text-pair-classification": _recipe(2, 1e-3),
    "text-pair-regression": _recipe(2, 1e-3),
    "reranking": _recipe(2, 1e-3),
    EMBEDDING.task: _recipe(2, 3e-3),
    MASKED_LANGUAGE_MODEL: _recipe(3, 2e-3),
}
