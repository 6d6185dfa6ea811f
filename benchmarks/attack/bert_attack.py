"""Attack a live deployment, many texts at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.attack.batched_search import Budget, Handlers, Recorder, batched_search
from benchmarks.attack.probabilities import Predict, checked_probabilities
from benchmarks.attack.reference_search import reference_search
from benchmarks.attack.requests import Search
from benchmarks.attack.results import AttackResult, AttackSettings
from benchmarks.attack.search import search
from benchmarks.attack.words import Span

Propose = Callable[[str, Sequence[Span]], Sequence[Sequence[str]]]
Compare = Callable[[str, Sequence[str]], NDArray[np.float64]]

About = Callable[[str, Search[AttackResult]], Search[AttackResult]]

BATCH_SIZE = 32


def by_itself(_: str, search: Search[AttackResult]) -> Search[AttackResult]:
    return search


def attack(
    predict: Predict,
    examples: Iterable[tuple[str, str, int]],
    *,
    candidates: Propose,
    similarity: Compare | None = None,
    settings: AttackSettings | None = None,
    batch_size: int = BATCH_SIZE,
    recorder: Recorder | None = None,
    on_round: Callable[[int], None] | None = None,
    about: About = by_itself,
) -> Iterator[AttackResult]:
    """BERT-ATTACK (Li et al. 2020) on ``examples``: (id, text, label), together, in batches of ``batch_size``.

    ``predict(texts)`` gives float64 probabilities, (texts, labels); it is called with the texts of all searches of a
    group at once. ``candidates(text, spans)`` gives the replacements of each word
    (`MaskedLanguageModel.candidates`), ``similarity(original, texts)`` cosines, or None for no such floor. Results
    come in the order of the examples, a group at a time. They do not depend on ``batch_size`` where a text's
    probabilities do not depend on what else ``predict`` is asked; nothing is random. ``about(id, search)`` may stand
    between a search and its answers (`examples.Examples`).

    Raises `BenchmarkError` when ``predict`` gives no probabilities or lacks an example's label.
    """
    settings = settings or AttackSettings()
    one = reference_search if settings.mode == "reference" else search
    groups = batched_search(
        (
            about(id_, one(id_, text, int(label), settings, has_encoder=similarity is not None))
            for id_, text, label in examples
        ),
        Handlers(lambda texts: checked_probabilities(predict, texts), candidates, similarity),
        batch_size=batch_size,
        budget=Budget(settings.max_queries, settings.max_seconds),
        recorder=recorder,
        on_round=on_round,
    )
    for group in groups:
        yield from (replace(result, queries=result.queries + queries) for result, queries in group)
