"""BERT-ATTACK (Li et al. 2020) on one text, as docs/characteristics.md defines it.

The parts are TextAttack's in meaning: its untargeted goal, its stop words, its greedy search by word importance.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.attack.requests import Lazy, OutOfBudget, Proposals, Scores, Search, Similarities
from benchmarks.attack.results import AttackResult, AttackSettings
from benchmarks.attack.rules import Corrected
from benchmarks.attack.words import Words
from benchmarks.errors import BenchmarkError

RULES = Corrected()
UNKNOWN = "[UNK]"


def search(id_: str, text: str, label: int, settings: AttackSettings, *, has_encoder: bool) -> Search[AttackResult]:
    """Find words whose replacement turns the deployment from ``label``, and answer what became of the text.

    The most important word comes first; its replacement that leaves the true label the least probability is kept
    if that is less than before; the first word of which a replacement turns the label ends the search.
    """
    original = RULES.words(text)
    rows = yield Scores([text])
    label_is_a_column(label, rows.shape[1])
    finding = _Finding(id_, original, label, int(rows[0].argmax()))
    if finding.prediction != label:
        return finding.unchanged("skipped")
    try:
        return (yield from _attack(finding, 1 - rows[0, label], settings, has_encoder))
    except OutOfBudget:
        return finding.unchanged("budget")


def _attack(finding: _Finding, score: float, settings: AttackSettings, has_encoder: bool) -> Search[AttackResult]:
    original, label = finding.original, finding.label
    candidates = yield Proposals(original.text, original.spans)
    choices = RULES.choices(original, candidates, settings.stop_words)
    allowed = RULES.most_words(settings.max_words_changed, len(original.words))
    order = (yield from _by_importance(finding, list(choices))) if allowed else []
    current, changed = original, 0
    for place in order:
        texts = current.texts_with(place, choices[place])
        rows = yield Scores(texts)
        scores = 1 - rows[:, label]
        turned = rows.argmax(axis=1) != label
        best, similarity = yield from _best(finding, texts, scores, turned, settings, has_encoder)
        if best is None:
            continue
        if turned[best]:
            return finding.succeeded(current.replace(place, choices[place][best]), int(rows[best].argmax()), similarity)
        if scores[best] > score:
            current, score, changed = current.replace(place, choices[place][best]), float(scores[best]), changed + 1
            if changed == allowed:
                break
    return finding.unchanged("failed")


def _by_importance(finding: _Finding, places: Sequence[int]) -> Search[list[int]]:
    """``places`` by how much the label's probability drops when the word there is put to [UNK], largest first.

    "the importance score I_wi = o_y(S) - o_y(S\\wi)" (Li et al. 2020, section 3.1). Equal ones in the text's order.
    """
    if not places:
        return []
    rows = yield without_each(finding.original, places)
    return [places[index] for index in np.argsort(rows[:, finding.label], kind="stable")]


def without_each(original: Words, places: Sequence[int]) -> Scores:
    """Asks about the text with the word at each of ``places`` put to [UNK], one at a time."""
    return Scores(Lazy(len(places), lambda: (original.texts_with(place, [UNKNOWN])[0] for place in places)))


def _best(
    finding: _Finding,
    texts: Sequence[str],
    scores: NDArray[np.float64],
    turned: NDArray[np.bool_],
    settings: AttackSettings,
    has_encoder: bool,
) -> Search[tuple[int | None, float | None]]:
    """The text to go on with, and its similarity if it has turned the label; None if no text will do.

    Similarity is asked of texts that have turned the label, the strongest first, until one is similar enough. (The
    authors too apply the floor to finished adversarial texts.) One below the floor is left out.
    """
    order = np.argsort(-scores, kind="stable")
    for index in map(int, order):
        if turned[index] and has_encoder:
            [similarity] = yield Similarities(finding.original.text, [texts[index]])
            if similarity >= settings.min_similarity:
                return index, float(similarity)
        elif turned[index]:
            return index, None
    still = [int(index) for index in order if not turned[index]]
    return (still[0] if still else None), None


class _Finding:
    """What is known of a text under attack; makes the result."""

    def __init__(self, id_: str, original: Words, label: int, prediction: int) -> None:
        self.id = id_
        self.original = original
        self.label = label
        self.prediction = prediction

    def unchanged(self, status: str) -> AttackResult:
        return self._result(status, self.original, self.prediction, None)

    def succeeded(self, adversarial: Words, prediction: int, similarity: float | None) -> AttackResult:
        return self._result("succeeded", adversarial, prediction, similarity)

    def _result(self, status: str, final: Words, prediction: int, similarity: float | None) -> AttackResult:
        changes = tuple((a, b) for a, b in zip(self.original.words, final.words, strict=True) if a != b)
        return AttackResult(
            id=self.id,
            status=status,  # type: ignore[arg-type]
            original=self.original.text,
            adversarial=final.text,
            label=self.label,
            prediction_before=self.prediction,
            prediction_after=prediction,
            words=len(self.original.words),
            words_changed=len(changes),
            queries=0,  # the driver adds them
            similarity=similarity,
            changes=changes,
        )


def label_is_a_column(label: int, classes: int) -> None:
    """Raise `BenchmarkError` unless the deployment knows the label."""
    if not 0 <= label < classes:
        raise BenchmarkError(f"label {label}: predict gives {classes} classes; give labels as indices of its columns")
