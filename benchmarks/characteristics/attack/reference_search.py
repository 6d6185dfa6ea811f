"""BERT-ATTACK on one text as its authors' released code runs it (github.com/LinyangLee/BERT-Attack, bertattack.py).

Kept as it is there, quirks included; docs/characteristics.md lists them with what cannot be the same here. The
masked language model's part is `reference_candidates`.
"""

from __future__ import annotations

import numpy as np

from benchmarks.characteristics.attack.requests import OutOfBudget, Proposals, Scores, Search
from benchmarks.characteristics.attack.results import AttackResult, AttackSettings
from benchmarks.characteristics.attack.search import UNKNOWN, label_is_a_column
from benchmarks.characteristics.attack.stop_words import stop_words
from benchmarks.characteristics.attack.words import Words


def reference_words(text: str) -> Words:
    """Lower-cased, line ends dropped so that the words around one run together, cut at every blank."""
    words = text.replace("\n", "").lower().split(" ")
    return Words(tuple(words), ("", *[" "] * (len(words) - 1), ""))


def reference_search(
    id_: str, text: str, label: int, settings: AttackSettings, *, has_encoder: bool
) -> Search[AttackResult]:
    """As `search.search`; similarity is not looked at."""
    rows = yield Scores([text])
    label_is_a_column(label, rows.shape[1])
    probabilities = rows[0]
    if int(probabilities.argmax()) != label:
        return _result(id_, "skipped", text, text, label, int(probabilities.argmax()), reference_words(text), ())
    unchanged = (text, text, label, label, reference_words(text), ())
    try:
        found = yield from _attack(reference_words(text), label, probabilities, settings)
    except OutOfBudget:
        return _result(id_, "budget", *unchanged)
    if found is None:
        return _result(id_, "failed", *unchanged)
    adversarial, prediction, changes = found
    return _result(id_, "succeeded", text, adversarial, label, prediction, reference_words(text), changes)


def _attack(
    original: Words, label: int, probabilities: np.ndarray, settings: AttackSettings
) -> Search[tuple[str, int, tuple[tuple[str, str], ...]] | None]:
    candidates = yield Proposals(original.text, original.spans)
    order = yield from _by_importance(original, label, probabilities)
    words = list(original.words)
    kept: dict[int, str] = {}
    probability = probabilities[label]
    limit = int(settings.words_changed_at_most * len(words))
    for place in order:
        if len(kept) > limit:  # so one word more than the limit may be changed
            return None
        word = original.words[place]
        if word in stop_words():
            continue
        tried = [c for c in candidates[place] if c != word and "##" not in c and c not in stop_words()]
        texts = []
        for candidate in tried:
            words[place] = candidate
            texts.append(_joined(words))
        if not texts:
            continue
        # The authors ask one by one and stop at the first that turns the label; we ask for all, and count them.
        rows = yield Scores(texts)
        turned = np.flatnonzero(rows.argmax(axis=1) != label)
        if turned.size:
            first = int(turned[0])
            kept[place] = tried[first]
            changes = tuple((original.words[at], kept[at]) for at in sorted(kept))
            return texts[first], int(rows[first].argmax()), changes
        gaps = probability - rows[:, label]
        best = int(gaps.argmax())
        if gaps[best] > 0:
            words[place] = kept[place] = tried[best]
            probability -= gaps[best]
        # Otherwise the last candidate that was tried stays in the text, and is not counted as a change.
    return None


def _by_importance(original: Words, label: int, probabilities: np.ndarray) -> Search[list[int]]:
    """All words but the last. A word whose absence turns the label gains the new label's rise too."""
    places = range(len(original.words) - 1)
    if not places:
        return []
    rows = yield Scores([original.texts_with(place, [UNKNOWN])[0] for place in places])
    predictions = rows.argmax(axis=1)
    rise = rows.max(axis=1) - probabilities[predictions]
    importance = probabilities[label] - rows[:, label] + np.where(predictions != label, rise, 0)
    return [int(place) for place in np.argsort(-np.round(importance, 6), kind="stable")]


def _joined(words: list[str]) -> str:
    """As BertTokenizer.convert_tokens_to_string."""
    return " ".join(words).replace(" ##", "").strip()


def _result(
    id_: str,
    status: str,
    original: str,
    adversarial: str,
    label: int,
    prediction: int,
    words: Words,
    changes: tuple[tuple[str, str], ...],
) -> AttackResult:
    before = label if status != "skipped" else prediction
    return AttackResult(
        id=id_,
        status=status,  # type: ignore[arg-type]
        original=original,
        adversarial=adversarial,
        label=label,
        prediction_before=before,
        prediction_after=prediction,
        words=len(words.words),
        words_changed=len(changes),
        queries=0,  # the driver counts them
        similarity=None,
        changes=changes,
    )
