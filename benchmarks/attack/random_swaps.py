"""Random swaps: what an attack of as many queries finds that is guided by nothing.

The words and what may replace them are the attack's own, and so are the limits; the order of the words and the choice
among the candidates are drawn. A search that finds less than this is led astray by the scores that guide it (Carlini
et al. 2019, "On Evaluating Adversarial Robustness", section 5.3: "try brute-force (random) search attacks").
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from benchmarks.attack.batched_search import Handlers, Recorder, batched_search
from benchmarks.attack.bert_attack import BATCH_SIZE, About, Compare, Propose, by_itself
from benchmarks.attack.probabilities import Predict, checked_probabilities
from benchmarks.attack.requests import Proposals, Scores, Search, Similarities, in_parts
from benchmarks.attack.results import AttackResult, AttackSettings
from benchmarks.attack.rules import rules_of
from benchmarks.attack.words import Words


def swap_at_random(
    predict: Predict,
    attacked: Sequence[AttackResult],
    *,
    candidates: Propose,
    similarity: Compare | None = None,
    settings: AttackSettings | None = None,
    seed: int,
    batch_size: int = BATCH_SIZE,
    recorder: Recorder | None = None,
    on_round: Callable[[int], None] | None = None,
    about: About = by_itself,
) -> Iterator[AttackResult]:
    """Random swaps on the texts of ``attacked``, each with as many queries as its attack took.

    The other arguments are those of `attack`. Texts that the attack skipped are passed on. What is drawn for a text
    depends on ``seed`` and its id.
    """
    settings = settings or AttackSettings()
    groups = batched_search(
        (
            about(result.id, random_search(result, settings, seed=seed, has_encoder=similarity is not None))
            for result in attacked
        ),
        Handlers(lambda texts: checked_probabilities(predict, texts), candidates, similarity),
        batch_size=batch_size,
        recorder=recorder,
        on_round=on_round,
    )
    for group in groups:
        yield from (result if result.status == "skipped" else replace(result, queries=n) for result, n in group)


def random_search(
    attacked: AttackResult, settings: AttackSettings, *, seed: int, has_encoder: bool
) -> Search[AttackResult]:
    """The first of the drawn texts that turns the label and is similar enough ends the search."""
    if attacked.status == "skipped":
        return attacked
    rules = rules_of(settings.mode)
    original = rules.words(attacked.original)
    candidates = yield Proposals(original.text, original.spans)
    choices = rules.choices(original, candidates, settings.stop_words)
    allowed = rules.most_words(settings.max_words_changed, len(original.words))
    for tried in in_parts(_drawn(original, choices, allowed, attacked.queries, _generator(seed, attacked.id))):
        texts = [rules.joined(words.text) for words in tried]
        rows = yield Scores(texts)
        for words, text, row in zip(tried, texts, rows, strict=True):
            if row.argmax() == attacked.label:
                continue
            similarity = None
            if has_encoder and rules.has_floor:
                [similarity] = map(float, (yield Similarities(original.text, [text])))
            if similarity is None or similarity >= settings.min_similarity:
                return _succeeded(attacked, original, words, text, int(row.argmax()), similarity)
    return _failed(attacked)


def _drawn(
    original: Words, choices: Mapping[int, Sequence[str]], allowed: int, count: int, generator: np.random.Generator
) -> Iterator[Words]:
    """``count`` texts: word after word is replaced until the limit, then it begins anew at the original."""
    allowed = min(allowed, len(choices))
    while allowed and count > 0:
        current = original
        for place in map(int, generator.permutation(list(choices))[: min(allowed, count)]):
            current = current.replace(place, choices[place][int(generator.integers(len(choices[place])))])
            count -= 1
            yield current


def _generator(seed: int, id_: str) -> np.random.Generator:
    digest = hashlib.sha256(f"{seed} {id_}".encode("utf-8", "surrogatepass")).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def _succeeded(
    attacked: AttackResult, original: Words, words: Words, text: str, prediction: int, similarity: float | None
) -> AttackResult:
    changes = tuple((old, new) for old, new in zip(original.words, words.words, strict=True) if old != new)
    return replace(
        attacked,
        status="succeeded",
        adversarial=text,
        prediction_after=prediction,
        words_changed=len(changes),
        similarity=similarity,
        changes=changes,
    )


def _failed(attacked: AttackResult) -> AttackResult:
    return replace(
        attacked,
        status="failed",
        adversarial=attacked.original,
        prediction_after=attacked.prediction_before,
        words_changed=0,
        similarity=None,
        changes=(),
    )
