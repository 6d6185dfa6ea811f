"""Contrastive training of the embedded family's encoder, for retrieval and for similarity at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import cross_entropy

from exporters.pooling import pool
from exporters.tasks import EMBEDDING
from harness.checkpoints.loading import load_model
from harness.checkpoints.tokenizer_files import copy_tokenizer
from harness.config.training import Recipe
from harness.demo.corpora import generate
from harness.examples.records import PlainText, QuestionExample, ScoredPair
from harness.tasks.fast_tokenizer import FastTokenizer, read_tokenizer
from harness.tasks.task import task_for
from harness.training.batches import Collator

SCALE = 20.0
"""Of cosines, before the softmax over a batch's documents: MultipleNegativesRankingLoss of sentence-transformers."""
GREATEST = 5.0
"""Of the scores, which is a cosine of 1."""


def train_encoder(
    starting: Path,
    destination: Path,
    *,
    examples: int,
    recipe: Recipe,
    seed: int,
    corpus_seed: int,
    progress: Callable[[str, float], None],
) -> None:
    """Train the checkpoint folder ``starting``, in turns: batches of questions, whose own passage is to be nearer than
    those of the others, and of pairs, whose cosine is to be their score. Of each there are ``examples``."""
    model = load_model(starting, task=EMBEDDING.task)
    tokenizer = read_tokenizer(starting)
    questions = _questions(examples, corpus_seed)
    pairs = [
        pair
        for pair in generate("text-pair-regression", "train", examples, corpus_seed)
        if isinstance(pair, ScoredPair)
    ]
    sides = [
        _encoded(tokenizer, texts, recipe)
        for texts in (*zip(*questions, strict=True), [one.text for one in pairs], [one.text_pair for one in pairs])
    ]
    cosines = torch.tensor([pair.score / GREATEST for pair in pairs])
    steps = int(recipe.epochs * (examples // recipe.batch_size))
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, total_steps=steps, pct_start=recipe.warmup_ratio, anneal_strategy="linear"
    )
    model.train()
    for step, rows in enumerate(_batches(examples, recipe.batch_size, steps, seed), start=1):
        asked, answering, first, second = (_embedded(model, side, rows) for side in sides)
        ranking = cross_entropy(SCALE * asked @ answering.T, torch.arange(len(rows)))
        likeness = ((first * second).sum(dim=1) - cosines[rows]).square().mean()
        optimizer.zero_grad()
        (ranking + SCALE * likeness).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        losses = f"{ranking.item():.2f} and {likeness.item():.3f}"
        progress(f"contrastive training: step {step} of {steps}, losses {losses}", step / steps)
    model.save_pretrained(destination)
    copy_tokenizer(starting, destination)


def _questions(size: int, seed: int) -> list[tuple[str, str]]:
    """Questions with the passage that answers them."""
    examples = generate("question-answering", "train", 2 * size, seed)
    answered = [one for one in examples if isinstance(one, QuestionExample) and one.answerable]
    return [(one.question, one.context) for one in answered[:size]]


def _encoded(tokenizer: FastTokenizer, texts: Sequence[str], recipe: Recipe) -> dict[str, list[NDArray[np.int64]]]:
    examples = [PlainText("", "", text) for text in texts]
    return dict(task_for("retrieval", max_length=recipe.max_length).encode(tokenizer, examples).inputs)


def _batches(examples: int, size: int, steps: int, seed: int) -> Iterator[NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    order = np.empty(0, np.int64)
    for _ in range(steps):
        if len(order) < size:
            order = rng.permutation(examples)
        rows, order = order[:size], order[size:]
        yield rows


def _embedded(
    model: torch.nn.Module, inputs: dict[str, list[NDArray[np.int64]]], rows: NDArray[np.int64]
) -> torch.Tensor:
    batch = Collator(pad_token_id=0)([{name: column[row] for name, column in inputs.items()} for row in rows])
    return pool(model(**batch).last_hidden_state, batch["attention_mask"], "mean+normalize")
