"""Explanations by LIME and SHAP: the words that two deployments decide for, and how far they agree.

Words are what white space separates. A deployment is any function from texts to probabilities.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.errors import BenchmarkError, require_reference
from benchmarks.statistics.agreement import Symmetric, all_pairs
from benchmarks.statistics.bootstrap import Estimate, Floats, GroupBootstrap, divide, estimates

Predict = Callable[[list[str]], NDArray[np.float64]]
MOST_WORDS = 512
"""Words of a text that are explained. The encoders measured here read 512 tokens, of which a word is at least one."""
FEWEST_SAMPLES = 3
"""What SHAP needs for a single word: with nothing shown, with the word, and with nothing again."""
_NOTHING = 1e-9
"""A smaller change of a probability is rounding, not a reason."""


@dataclass(frozen=True)
class TextExplanation:
    """Why a text has its label, the deployment's own."""

    id: str
    """Of the text."""
    label: int
    """The label that the deployment gives it, as an index."""
    words: list[tuple[int, str, float]]
    """(position, word, weight), a weight above 0 speaking for the label."""


@dataclass(frozen=True)
class ExplanationPair(Symmetric):
    """Do two deployments decide for the same words? The keys of the mappings are the values of k, as text."""

    a: str
    """Name of a deployment."""
    b: str
    """Name of another."""
    texts: int
    """Texts that both explained."""
    jaccard: dict[str, Estimate]
    """By k: mean overlap of the k words of largest weight, 0 to 1."""
    chance_jaccard: dict[str, float | None]
    """By k: that overlap for words drawn at random; None: there are no texts."""
    rank_correlation: Estimate
    """Mean of Spearman's correlation of the weights, over texts with the same label, -1 to 1."""
    same_label: Estimate
    """Share of the texts to which both give the same label, 0 to 1."""


@dataclass(frozen=True)
class ExplanationAgreement:
    """Agreement of the explanations of every pair of deployments."""

    texts: int
    """Texts that were explained."""
    groups: int
    """Groups of texts, which are resampled together."""
    pairs: list[ExplanationPair]
    """Every pair; a replicate is one more deployment."""


def explain(
    predict: Predict,
    texts: Sequence[str],
    ids: Sequence[str],
    method: Literal["lime", "shap"],
    samples: int,
    seed: int,
) -> list[TextExplanation]:
    """Weigh the words of each text for the label that the deployment gives it.

    lime: a ridge regression of the label's probability on which words are there, over random subsets of them,
        weighted by nearness to the text (Ribeiro et al., KDD 2016), with the settings of `LimeTextExplainer`.
    shap: Shapley values (Lundberg and Lee, NIPS 2017) by shap's permutation explainer: the words are added one by
        one in a random order, then taken away in the same order, samples // (2 words + 1) times. Where only two
        words at a time act together, once is exact. In texts of more than (samples - 1) / 2 words, neighbouring
        words are hidden together and share their weight evenly, so that the earlier ones lead in any ranking.

    A word is hidden by leaving it out, which every tokeniser understands. Its position is its identity: a word
    that occurs twice has two weights. All deployments are shown the same subsets of a text, as the draws depend on
    `seed` and the id only; two deployments then differ by what they answer, not by what they were asked.

    Cost: one prediction for each text, and at most `samples` for each that has words. The words beyond the first
    `MOST_WORDS` stay in place and get no weight. LIME with fewer samples than words is coarse.

    Args:
        predict: texts to (texts, classes) finite probabilities. It is shown texts with words left out, down to "".
        texts, ids: the texts and their names, each once.
        method: "lime" or "shap"; both need `pip install -e '.[explain]'`.
        samples: predictions for each text, at least `FEWEST_SAMPLES`.
        seed: of the draws, at least 0. NumPy's global state is left as it was.

    Raises:
        BenchmarkError: a missing package, ids that do not match, too few samples, or no finite rows from `predict`.
    """
    if method not in ("lime", "shap"):
        raise BenchmarkError(f"method {method!r}: expected 'lime' or 'shap'")
    if len(ids) != len(texts) or len(set(ids)) != len(ids):
        raise BenchmarkError(f"{len(texts)} texts with {len(ids)} ids, {len(set(ids))} of them different: one for each")
    if samples < FEWEST_SAMPLES or seed < 0:
        raise BenchmarkError(f"samples = {samples}, seed = {seed}: at least {FEWEST_SAMPLES} and 0 are needed")
    weigh = _lime if method == "lime" else _shap
    explanations = []
    labels = _checked(predict, list(texts)).argmax(axis=1) if texts else ()
    for name, text, label in zip(ids, texts, labels, strict=True):
        hidden = _Hidden(predict, text)
        draws = int(np.random.SeedSequence([seed, zlib.crc32(name.encode())]).generate_state(1)[0])
        weights = weigh(hidden, int(label), samples, draws) if hidden.words else np.zeros(0)
        words = [(at, word, float(weight)) for at, (word, weight) in enumerate(zip(hidden.words, weights, strict=True))]
        explanations.append(TextExplanation(name, int(label), words))
    return explanations


def _checked(predict: Predict, texts: list[str]) -> Floats:
    rows = np.asarray(predict(texts), dtype=np.float64)
    if rows.ndim != 2 or len(rows) != len(texts) or not rows.shape[1] or not np.isfinite(rows).all():
        raise BenchmarkError(f"predict gave {rows.shape} for {len(texts)} texts: expected finite rows (texts, classes)")
    return rows


class _Hidden:
    """A text with some of its words hidden. White space goes with the word that follows it."""

    def __init__(self, predict: Predict, text: str) -> None:
        self._predict, self._text = predict, text
        self._pieces = re.findall(r"\s*\S+", text)[:MOST_WORDS]
        self._rest = text[sum(map(len, self._pieces)) :]
        self.words = [piece.lstrip() for piece in self._pieces]

    def predict(self, shown: ArrayLike) -> Floats:
        """`shown`: (rows, words). Returns (rows, classes). With every word it is the text as it was given."""
        return _checked(self._predict, [self._without(row) for row in np.asarray(shown, dtype=np.bool_)])

    def _without(self, shown: NDArray[np.bool_]) -> str:
        left = "".join(piece for piece, show in zip(self._pieces, shown, strict=True) if show)
        return self._text if shown.all() else (left + self._rest).strip()


def _package(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise BenchmarkError(f"{package} cannot be imported ({error}): pip install -e '.[explain]'") from error


def _lime(hidden: _Hidden, label: int, samples: int, seed: int) -> Floats:
    # LIME's text is the positions, and `_Hidden` writes the real one: no text can then upset LIME's splitting.
    count = len(hidden.words)

    def predict(positions: list[str]) -> Floats:
        shown = np.zeros((len(positions), count), dtype=np.bool_)
        for row, left in zip(shown, positions, strict=True):
            row[[int(position) for position in left.split()]] = True
        return hidden.predict(shown)

    explainer = _package("lime.lime_text").LimeTextExplainer(
        feature_selection="none", split_expression=r"\s+", bow=False, mask_string="", random_state=seed
    )
    text = " ".join(map(str, range(count)))
    explanation = explainer.explain_instance(text, predict, labels=(label,), num_features=count, num_samples=samples)
    return np.array([weight for _, weight in sorted(explanation.local_exp[label])], dtype=np.float64)


def _shap(hidden: _Hidden, label: int, samples: int, seed: int) -> Floats:
    """(words,)."""
    count = len(hidden.words)
    runs = min(count, (samples - 1) // 2)
    run_of = np.arange(count) * runs // count
    state = np.random.get_state()  # shap seeds NumPy's global generator and takes no other
    try:
        explainer = _package("shap").PermutationExplainer(
            lambda shown: hidden.predict(shown[:, run_of]), _Masks((1, runs)), seed=seed
        )
        explanation = explainer(np.zeros((1, runs)), max_evals=samples, batch_size=samples, silent=True)
    finally:
        np.random.set_state(state)
    weights = np.asarray(explanation.values, dtype=np.float64)[0, :, label]
    return np.asarray((weights / np.bincount(run_of))[run_of], dtype=np.float64)


@dataclass(frozen=True)
class _Masks:
    """A masker for shap whose masked input is the mask itself, so that only `_Hidden` writes texts."""

    shape: tuple[int, int]

    def __call__(self, mask: NDArray[np.bool_], row: Floats) -> NDArray[np.bool_]:
        return np.array(mask, dtype=np.bool_)[None, :]


def compare(
    explanations: Mapping[str, Sequence[TextExplanation]],
    reference: str,
    *,
    resamples: int,
    seed: int,
    k: Sequence[int] = (1, 3, 5),
    groups: Mapping[str, str | int] | None = None,
) -> ExplanationAgreement:
    """Compare every pair of deployments over the texts that both explained (a replicate is one more deployment).

    jaccard: mean over texts of the Jaccard of the k words of largest |weight| in both, ties to the earlier word.
        A weight of 0 (to 1e-9) chooses nothing, so a text may give fewer than k. Left out: texts of k words or
        fewer, where everything would be chosen, and texts where neither deployment chooses anything.
    chance_jaccard: the mean, over the same texts, of what as many words drawn at random would have in common.
    rank_correlation: mean over texts of Spearman's correlation of the weights. Left out: texts with different
        labels, whose weights speak for different things, and those where all weights of a deployment are equal.
    same_label: share of the texts where both explain the same label.

    Args:
        explanations: for each deployment, those by one method with one seed.
        reference: the deployment that comes first in each of its pairs; the others keep their order.
        resamples: number of bootstrap resamples.
        seed: of the bootstrap.
        k: numbers of words, each at least 1.
        groups: for each id its group, resampled together; without it each text is its own.

    Raises:
        BenchmarkError: an unknown reference, no texts, an id twice or without a group, words that differ between
            deployments, or a weight that is no number.
    """
    require_reference(reference, explanations)
    if min(k, default=1) < 1:
        raise BenchmarkError(f"k = {min(k)}: at least 1 word is needed")
    names = [reference, *(name for name in explanations if name != reference)]
    tables = [_by_id(name, explanations[name]) for name in names]
    ids = list(dict.fromkeys(key for table in tables for key in table))
    if groups is not None and not groups.keys() >= set(ids):
        raise BenchmarkError(f"groups: none for text {next(key for key in ids if key not in groups)!r}")
    own = ids if groups is None else [groups[key] for key in ids]
    bootstrap = GroupBootstrap(own, resamples=resamples, seed=seed)
    pairs = []
    for a, b in zip(*all_pairs(len(names)), strict=True):
        rows: Floats = np.full((len(ids), 2 + 2 * len(k)), np.nan)
        for row, key in zip(rows, ids, strict=True):
            if key in tables[a] and key in tables[b]:
                row[:] = _agreement(tables[a][key], tables[b][key], names[a], names[b], k)
        there = ~np.isnan(rows)
        same, ranks, *jaccards = estimates(
            divide(bootstrap.totals(np.where(there, rows, 0.0)), bootstrap.totals(there))
        )
        measured = {str(size): estimate for size, estimate in zip(k, jaccards[: len(k)], strict=True)}
        by_chance = {str(size): estimate.value for size, estimate in zip(k, jaccards[len(k) :], strict=True)}
        pairs.append(ExplanationPair(names[a], names[b], int(there[:, 0].sum()), measured, by_chance, ranks, same))
    return ExplanationAgreement(texts=len(ids), groups=bootstrap.count, pairs=pairs)


def _by_id(name: str, explanations: Sequence[TextExplanation]) -> dict[str, TextExplanation]:
    table = {explanation.id: explanation for explanation in explanations}
    if len(table) != len(explanations):
        raise BenchmarkError(f"explanations of {name}: {len(explanations)} for {len(table)} ids: give one for each")
    for key, explanation in table.items():
        if not np.isfinite([weight for _, _, weight in explanation.words]).all():
            raise BenchmarkError(f"explanations of {name}: text {key!r} has a weight that is no number")
    return table


def _agreement(one: TextExplanation, other: TextExplanation, a: str, b: str, k: Sequence[int]) -> list[float]:
    """Same label, rank correlation, Jaccard for each k and its chance level for each k; NaN where left out."""
    from scipy.stats import rankdata

    if [(at, word) for at, word, _ in one.words] != [(at, word) for at, word, _ in other.words]:
        raise BenchmarkError(f"text {one.id!r}: {a} and {b} explain different words; explain the same texts")
    first, second = (np.array([weight for _, _, weight in side.words]) for side in (one, other))
    same, ranks, count = one.label == other.label, np.nan, len(one.words)
    if same and count and min(np.ptp(first), np.ptp(second)) > _NOTHING:
        ranks = float(np.corrcoef(rankdata(first), rankdata(second))[0, 1])
    tops = [(_top(first, size), _top(second, size)) if size < count else (set[int](), set[int]()) for size in k]
    measured = [len(left & right) / len(left | right) if left | right else np.nan for left, right in tops]
    return [float(same), ranks, *measured, *(chance_jaccard(count, len(left), len(right)) for left, right in tops)]


def _top(weights: Floats, k: int) -> set[int]:
    order = np.argsort(-np.abs(weights), kind="stable")[:k]
    return set(order[np.abs(weights[order]) > _NOTHING].tolist())


@cache
def chance_jaccard(words: int, a: int, b: int) -> float:
    """Expected Jaccard of random sets of `a` and `b` out of `words` (hypergeometric). NaN for two empty sets."""
    if not a + b:
        return np.nan
    from scipy.stats import hypergeom

    overlap = np.arange(min(a, b) + 1)
    return float(hypergeom.pmf(overlap, words, a, b) @ divide(overlap, a + b - overlap))
