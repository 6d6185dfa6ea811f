"""BERT-ATTACK on one text as its authors' released code runs it (github.com/LinyangLee/BERT-Attack, bertattack.py).

Kept as it is there, quirks included; docs/characteristics.md lists them with what cannot be the same here. The
masked language model's part is `reference_candidates`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.attack.requests import OutOfBudget, Proposals, Scores, Search, in_parts
from benchmarks.attack.results import AttackResult, AttackSettings
from benchmarks.attack.rules import Reference
from benchmarks.attack.search import label_is_a_column, without_each
from benchmarks.attack.words import Words

RULES = Reference()


def reference_search(
    id_: str, text: str, label: int, settings: AttackSettings, *, has_encoder: bool
) -> Search[AttackResult]:
    """As `search.search`; similarity is not looked at."""
    rows = yield Scores([text])
    label_is_a_column(label, rows.shape[1])
    prediction = int(rows[0].argmax())
    original = RULES.words(text)
    unchanged = AttackResult(
        id=id_,
        status="failed",
        original=text,
        adversarial=text,
        label=label,
        prediction_before=prediction,
        prediction_after=prediction,
        words=len(original.words),
        words_changed=0,
        queries=0,  # the driver adds them
        similarity=None,
    )
    if prediction != label:
        return replace(unchanged, status="skipped")
    try:
        success = yield from _attack(original, label, rows[0], settings)
    except OutOfBudget:
        return replace(unchanged, status="budget")
    if success is None:
        return unchanged
    return replace(
        unchanged,
        status="succeeded",
        adversarial=success.adversarial,
        prediction_after=success.prediction,
        words_changed=len(success.changes),
        queries=-success.beyond,
        changes=tuple(success.changes[place] for place in sorted(success.changes)),
    )


@dataclass(frozen=True)
class _Success:
    adversarial: str
    prediction: int
    changes: Mapping[int, tuple[str, str]]
    beyond: int
    """Texts asked about in the same call after the one that turned the label: the authors' code does not ask them."""


def _attack(
    original: Words, label: int, probabilities: np.ndarray, settings: AttackSettings
) -> Search[_Success | None]:
    candidates = yield Proposals(original.text, original.spans)
    choices = RULES.choices(original, candidates, settings.stop_words)
    order = yield from _by_importance(original, label, probabilities)
    allowed = RULES.most_words(settings.max_words_changed, len(original.words))
    current = original
    changes: dict[int, tuple[str, str]] = {}
    probability = probabilities[label]
    for place in order:
        if len(changes) == allowed:
            return None
        if place not in choices:
            continue
        word, tried = original.words[place], choices[place]
        gaps: list[float] = []
        for texts in in_parts([RULES.joined(text) for text in current.texts_with(place, tried)]):
            rows = yield Scores(texts)
            turned = np.flatnonzero(rows.argmax(axis=1) != label)
            if turned.size:
                first = int(turned[0])
                changes[place] = (word, tried[len(gaps) + first])
                return _Success(texts[first], int(rows[first].argmax()), changes, len(texts) - first - 1)
            gaps += (probability - rows[:, label]).tolist()
        best = int(np.argmax(gaps))
        if gaps[best] > 0:
            current = current.replace(place, tried[best])
            changes[place] = (word, tried[best])
            probability -= gaps[best]
        else:  # the last candidate that was tried stays in the text, and is not counted as a change
            current = current.replace(place, tried[-1])
    return None


def _by_importance(original: Words, label: int, probabilities: np.ndarray) -> Search[list[int]]:
    """All words but the last. A word whose absence turns the label gains the new label's rise too."""
    places = range(len(original.words) - 1)
    if not places:
        return []
    rows = yield without_each(original, places)
    predictions = rows.argmax(axis=1)
    rise = rows.max(axis=1) - probabilities[predictions]
    importance = probabilities[label] - rows[:, label] + np.where(predictions != label, rise, 0)
    return [int(place) for place in np.argsort(-np.round(importance, 6), kind="stable")]
