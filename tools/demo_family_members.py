"""Sizes and recipes of the embedded family, in the order in which the members are made."""

from __future__ import annotations

from dataclasses import dataclass

from harness.config.training import Recipe

VOCABULARY = 1600
MAX_POSITIONS = 256
TRAINING_SEED = 0
"""Seed of the corpora that the family is trained on; evaluation uses the other splits."""


@dataclass(frozen=True)
class Shape:
    """Size of a BERT: ``hidden`` and ``intermediate`` are widths."""

    layers: int
    hidden: int
    heads: int
    intermediate: int


SHAPES = {
    "reference": Shape(layers=4, hidden=96, heads=3, intermediate=192),
    "small": Shape(layers=2, hidden=96, heads=3, intermediate=192),
    "tiny": Shape(layers=1, hidden=32, heads=1, intermediate=64),
    "reviews": Shape(layers=2, hidden=96, heads=3, intermediate=192),
}


def shape_and_seed(name: str) -> tuple[Shape, int]:
    """Of a member: ``reference-seed-2`` has initial weights and order of examples from seed 2, the others from 0."""
    shape, _, seed = name.partition("-seed-")
    return SHAPES[shape], int(seed or 0)


EXAMPLES = {"question-answering": 64_000, "text-classification": 20_000, "masked-language-model": 20_000}
RECIPES = {
    "question-answering": Recipe(
        epochs=2, batch_size=32, learning_rate=1e-3, warmup_ratio=0.05, weight_decay=0.01, max_length=128
    ),
    "text-classification": Recipe(
        epochs=2, batch_size=32, learning_rate=1e-3, warmup_ratio=0.08, weight_decay=0.01, max_length=128
    ),
    "masked-language-model": Recipe(
        epochs=3, batch_size=32, learning_rate=2e-3, warmup_ratio=0.08, weight_decay=0.01, max_length=128
    ),
}
