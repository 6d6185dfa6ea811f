"""Vulnerability to adversarial attack: BERT-ATTACK on every deployment, and its texts replayed on the others.

model = MaskedLanguageModel(folder, settings)               # once; shared by all deployments
results["a"] = list(attack(predict_a, examples, candidates=model.candidates,
                           similarity=model.similarity, settings=settings))
transfer["b"] = replay(predict_b, results["a"])
summary = summarise(results, transfer, reference="a", resamples=1000, seed=0)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.agreement import all_pairs
from benchmarks.agreement import expected_jaccard as expected_jaccard_of
from benchmarks.agreement import jaccard as jaccard_of
from benchmarks.agreement import kappa as kappa_of
from benchmarks.bootstrap import Estimate, GroupBootstrap, divide, estimates, number
from benchmarks.characteristics.attack.bert_attack import attack, replay, words_of
from benchmarks.characteristics.attack.masked_language_model import MaskedLanguageModel
from benchmarks.characteristics.attack.results import AttackResult, AttackSettings, TransferResult
from benchmarks.equivalence import Change, judge_changes
from benchmarks.errors import BenchmarkError

__all__ = [
    "AdversarialAttack",
    "AttackResult",
    "AttackSettings",
    "MaskedLanguageModel",
    "TransferResult",
    "attack",
    "replay",
    "summarise",
    "words_of",
]

EXAMPLES_SHOWN = 6


@dataclass(frozen=True)
class Vulnerability:
    """How one deployment fared when it was attacked itself."""

    accuracy_before: Estimate
    accuracy_after: Estimate
    success_rate: Estimate
    """Of the texts it had right."""
    words_changed: Estimate
    """Mean share of the words of a text that fell."""
    queries: Estimate
    """Mean over the texts it had right."""
    similarity: Estimate
    """Mean cosine between originals and adversarial texts that succeeded."""


@dataclass(frozen=True)
class FallenTogether:
    """Do the same texts fall on two deployments? Among the ``n`` texts that both had right before."""

    a: str
    b: str
    n: int
    jaccard: Estimate
    expected_jaccard: float | None
    kappa: Estimate


@dataclass(frozen=True)
class Transfer:
    """The ``n`` adversarial texts that succeeded on ``crafted_on``, replayed.

    A rate is the share of those whose original a deployment has right that it gets wrong.
    """

    crafted_on: str
    n: int
    rates: dict[str, Estimate]


@dataclass(frozen=True)
class ShownExample:
    """``changed`` are indices into ``original.split()``, which pairs with ``adversarial.split()``."""

    id: str
    deployment: str
    label: int
    original: str
    adversarial: str
    changed: list[int]


@dataclass(frozen=True)
class AdversarialAttack:
    """`success_changes`: of the success rate against the reference's, on the same texts."""

    n: int
    deployments: dict[str, Vulnerability]
    success_changes: dict[str, Change]
    pairs: list[FallenTogether]
    transfer: Transfer
    examples: list[ShownExample]


def summarise(
    results: Mapping[str, Sequence[AttackResult]],
    transfer: Mapping[str, Sequence[TransferResult]],
    *,
    reference: str,
    resamples: int,
    seed: int,
    margin: float = 0.05,
) -> AdversarialAttack:
    """Figures of every attacked deployment, of every pair, and of the reference's texts on the others.

    ``results``: by deployment, on the same texts in any order. ``transfer``: by deployment, what `replay`
    gave for the results of ``reference``. Intervals resample texts, the same ones for every figure. ``margin``: the
    change of a success rate that does not matter.

    Raises `BenchmarkError` where the deployments were not attacked on the same texts.
    """
    ids = _common_ids(results)
    names = [
        *(name for name in results if name == reference),
        *(name for name in results if name != reference),
    ]
    ordered = {}
    for name in names:
        by_id = {result.id: result for result in results[name]}
        ordered[name] = [by_id[id_] for id_ in ids]
    bootstrap = GroupBootstrap(np.arange(len(ids)), resamples=resamples, seed=seed)
    return AdversarialAttack(
        n=len(ids),
        deployments={name: _vulnerability(bootstrap, ordered[name]) for name in names},
        success_changes=_success_changes(bootstrap, ordered, reference, margin),
        pairs=_pairs(bootstrap, ordered),
        transfer=_transfer(bootstrap, ids, transfer, reference),
        examples=_shown(ordered),
    )


def _common_ids(results: Mapping[str, Sequence[AttackResult]]) -> list[str]:
    ids: list[str] | None = None
    for name, own in results.items():
        own_ids = [result.id for result in own]
        if len(set(own_ids)) != len(own_ids):
            raise BenchmarkError(f"{name}: an id occurs twice among its attack results; give every text its own id")
        if ids is not None and set(own_ids) != set(ids):
            raise BenchmarkError(
                f"{name}: {len(set(own_ids) ^ set(ids))} attack results are of other texts than those of the "
                "first deployment; attack all deployments on the same texts"
            )
        ids = ids or own_ids
    if not ids:
        raise BenchmarkError("no attack results; attack at least one deployment on at least one text")
    return ids


def _vulnerability(bootstrap: GroupBootstrap, results: Sequence[AttackResult]) -> Vulnerability:
    right, fell = _right(results), _fell(results)
    measured = np.array([result.similarity is not None for result in results])
    share = np.array([result.words_changed / max(1, result.words) for result in results])
    queries = np.array([float(result.queries) for result in results])
    similarity = np.array([result.similarity or 0.0 for result in results])
    everything = np.ones_like(right)
    means = [
        bootstrap.means(right, everything),
        bootstrap.means(right & ~fell, everything),
        bootstrap.means(fell, right),
        bootstrap.means(share, fell),
        bootstrap.means(queries, right),
        bootstrap.means(similarity, measured),
    ]
    return Vulnerability(*estimates(np.concatenate(means, axis=1)))


def _success_changes(
    bootstrap: GroupBootstrap, results: Mapping[str, Sequence[AttackResult]], reference: str, margin: float
) -> dict[str, Change]:
    if reference not in results:
        return {}
    rates = {name: bootstrap.means(_fell(own), _right(own))[:, 0] for name, own in results.items()}
    changes = {name: rate - rates[reference] for name, rate in rates.items() if name != reference}
    return judge_changes(changes, margin, int(_right(results[reference]).sum()))


def _pairs(bootstrap: GroupBootstrap, results: Mapping[str, Sequence[AttackResult]]) -> list[FallenTogether]:
    if len(results) < 2:
        return []
    names = list(results)
    right = np.stack([_right(results[name]) for name in names], axis=1)
    fell = np.stack([_fell(results[name]) for name in names], axis=1)
    first, second = all_pairs(len(names))
    # A text that was wrong from the start cannot fall: it says nothing about the pair.
    comparable = right[:, first] & right[:, second]
    fell_first, fell_second = fell[:, first] & comparable, fell[:, second] & comparable
    n = bootstrap.totals(comparable)
    both = bootstrap.totals(fell_first & fell_second)
    a, b = bootstrap.totals(fell_first), bootstrap.totals(fell_second)
    jaccards = estimates(jaccard_of(both, a, b))
    kappas = estimates(kappa_of(both, a, b, n))
    expected = expected_jaccard_of(a[0], b[0], n[0])
    return [
        FallenTogether(
            names[first[pair]],
            names[second[pair]],
            int(n[0, pair]),
            jaccards[pair],
            number(expected[pair]),
            kappas[pair],
        )
        for pair in range(first.size)
    ]


def _transfer(
    bootstrap: GroupBootstrap,
    ids: Sequence[str],
    transfer: Mapping[str, Sequence[TransferResult]],
    reference: str,
) -> Transfer:
    place = {id_: index for index, id_ in enumerate(ids)}
    crafted: set[str] = set()
    rates = {}
    for name, replayed in transfer.items():
        right = np.zeros(len(ids), dtype=np.bool_)
        turned = np.zeros(len(ids), dtype=np.bool_)
        for one in replayed:
            if one.id not in place:
                raise BenchmarkError(
                    f"{name}: text {one.id} was replayed but not attacked; replay {reference}'s results"
                )
            right[place[one.id]] = one.prediction_before == one.label
            turned[place[one.id]] = right[place[one.id]] and one.prediction_after != one.label
            crafted.add(one.id)
        rates[name] = estimates(divide(bootstrap.totals(turned), bootstrap.totals(right)))[0]
    return Transfer(reference, len(crafted), rates)


def _shown(results: Mapping[str, Sequence[AttackResult]]) -> list[ShownExample]:
    """Of each deployment in turn, the text that fell with the smallest share of its words changed."""
    shown: list[ShownExample] = []
    seen: set[str] = set()
    while len(shown) < EXAMPLES_SHOWN:
        before = len(shown)
        for name, own in results.items():
            fallen = [result for result in own if result.status == "succeeded" and result.id not in seen]
            if fallen and len(shown) < EXAMPLES_SHOWN:
                best = min(fallen, key=lambda result: (result.words_changed / result.words, len(result.original)))
                seen.add(best.id)
                shown.append(_example(name, best))
        if len(shown) == before:
            break
    return shown


def _example(deployment: str, result: AttackResult) -> ShownExample:
    pairs = zip(result.original.split(), result.adversarial.split(), strict=True)
    changed = [index for index, (old, new) in enumerate(pairs) if old != new]
    return ShownExample(result.id, deployment, result.label, result.original, result.adversarial, changed)


def _right(results: Sequence[AttackResult]) -> NDArray[np.bool_]:
    return np.array([result.status != "skipped" for result in results], dtype=np.bool_)


def _fell(results: Sequence[AttackResult]) -> NDArray[np.bool_]:
    return np.array([result.status == "succeeded" for result in results], dtype=np.bool_)
