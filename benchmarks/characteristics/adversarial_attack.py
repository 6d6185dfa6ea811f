"""Vulnerability to adversarial attack: what attacks, random swaps and replayed texts did to every deployment.

model = MaskedLanguageModel(folder, settings)               # once; shared by all deployments
results["a"] = list(attack(predict_a, examples, candidates=model.candidates,
                           similarity=model.similarity, settings=settings))
transfer["b"] = replay(ask_b, results)
summary = summarise(results, transfer, reference="a", resamples=1000, seed=0)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.attack.bert_attack import attack
from benchmarks.attack.changed_words import BreakingWord, breaking_words, changed_places
from benchmarks.attack.masked_language_model import MaskedLanguageModel
from benchmarks.attack.outcomes import Bools, Fates, fates_of
from benchmarks.attack.pairs import FallenTogether, fallen_together
from benchmarks.attack.results import Answers, AttackResult, AttackSettings, TransferResult
from benchmarks.attack.rules import rules_of
from benchmarks.attack.transfer import Transfer, replay, replayed, transfer_rows
from benchmarks.errors import BenchmarkError
from benchmarks.statistics.bootstrap import UNDEFINED, Estimate, GroupBootstrap, estimates, proportions
from benchmarks.statistics.equivalence import Change, judge_changes

__all__ = [
    "AdversarialAttack",
    "Answers",
    "AttackResult",
    "AttackSettings",
    "MaskedLanguageModel",
    "TransferResult",
    "attack",
    "replay",
    "rules_of",
    "summarise",
]

EXAMPLES_SHOWN = 6


@dataclass(frozen=True)
class Vulnerability:
    """How one deployment fared when it was attacked itself."""

    accuracy_before: Estimate
    accuracy_after: Estimate
    success_rate: Estimate
    """Of the texts it had right."""
    out_of_budget: Estimate
    """Of the texts it had right, those whose search its budget stopped. They count as standing."""
    words_changed: Estimate
    """Mean share of the words of a text that fell."""
    queries: Estimate
    """Mean over the texts it had right."""
    similarity: Estimate
    """Mean cosine between originals and adversarial texts that succeeded."""
    random_success: Estimate
    """Of the texts it had right, those that fell to random swaps of as many queries; undefined where none were made."""
    fell_to_any: Estimate
    """Of the texts it had right, those that fell to the attack, to random swaps, or to a text crafted elsewhere."""
    missed: Estimate
    """Of the texts that withstood its own attack, those that fell to random swaps or to a text crafted elsewhere."""


@dataclass(frozen=True)
class ShownExample:
    """``changed`` are indices into ``original.split()``."""

    id: str
    deployment: str
    label: int
    original: str
    adversarial: str
    changed: list[int]
    answers: Answers | None = None
    """Of a question."""


@dataclass(frozen=True)
class AdversarialAttack:
    """`success_changes`: of the success rate against the reference's, on the texts that both had right, as in `pairs`.

    `transfers`: a row for each attacked deployment, the reference first. `words`: of each attacked deployment, those
    that were changed in most of the texts that fell.
    """

    method: str
    n: int
    deployments: dict[str, Vulnerability]
    success_changes: dict[str, Change]
    pairs: list[FallenTogether]
    transfers: list[Transfer]
    words: dict[str, list[BreakingWord]]
    examples: list[ShownExample]


def summarise(
    results: Mapping[str, Sequence[AttackResult]],
    transfer: Mapping[str, Mapping[str, Sequence[TransferResult]]],
    *,
    reference: str,
    resamples: int,
    seed: int,
    random_swaps: Mapping[str, Sequence[AttackResult]] | None = None,
    answers: Mapping[str, Mapping[str, Answers]] | None = None,
    margin: float = 0.05,
    method: str = "BERT-ATTACK",
) -> AdversarialAttack:
    """Figures of every attacked deployment, of every pair, and of every attack's texts on the others.

    ``results``: by deployment, on the same texts in any order. ``transfer``: by deployment, what `replay` gave for the
    results of all. ``random_swaps``: by deployment, those that were made. Intervals resample texts, the same ones for
    every figure. ``answers``: by deployment and id, of
    questions whose answer turned. ``margin``: the change of a success rate that does not matter. ``method``: the
    attack's name.

    Raises `BenchmarkError` where the deployments were not attacked on the same texts.
    """
    ids = _common_ids(results)
    names = sorted(results, key=lambda name: name != reference)
    ordered = {name: _in_order(results[name], ids) for name in names}
    drawn = {name: _in_order(own, ids) for name, own in (random_swaps or {}).items()}
    matrix = {
        crafted_on: {
            name: replayed(name, ids, rows[crafted_on]) for name, rows in transfer.items() if crafted_on in rows
        }
        for crafted_on in names
    }
    fates = {name: fates_of(name, ordered[name], drawn.get(name), matrix) for name in names}
    bootstrap = GroupBootstrap(np.arange(len(ids)), resamples=resamples, seed=seed)
    fallen = {name: [result for result in own if result.status == "succeeded"] for name, own in ordered.items()}
    return AdversarialAttack(
        method=method,
        n=len(ids),
        deployments={name: _vulnerability(bootstrap, own) for name, own in fates.items()},
        success_changes=_success_changes(bootstrap, fates, reference, margin),
        pairs=fallen_together(bootstrap, fates, matrix.get(reference, {})),
        transfers=transfer_rows(bootstrap, matrix),
        words={name: breaking_words(own, fallen.get(reference, [])) for name, own in fallen.items()},
        examples=[replace(one, answers=(answers or {}).get(one.deployment, {}).get(one.id)) for one in _shown(ordered)],
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


def _in_order(results: Sequence[AttackResult], ids: Sequence[str]) -> list[AttackResult]:
    by_id = {result.id: result for result in results}
    missing = [id_ for id_ in ids if id_ not in by_id]
    if missing:
        raise BenchmarkError(f"{len(missing)} texts were attacked but not swapped at random; swap those of the attack")
    return [by_id[id_] for id_ in ids]


def _vulnerability(bootstrap: GroupBootstrap, own: Fates) -> Vulnerability:
    everything = np.ones_like(own.right)
    measured = ~np.isnan(own.similarity)

    def estimate(values: NDArray[np.generic] | None, within: Bools) -> Estimate:
        if values is None:
            return UNDEFINED
        means = bootstrap.means(values, within)
        return (proportions(means, int(within.sum())) if values.dtype == np.bool_ else estimates(means))[0]

    return Vulnerability(
        accuracy_before=estimate(own.right, everything),
        accuracy_after=estimate(own.right & ~own.fell, everything),
        success_rate=estimate(own.fell, own.right),
        out_of_budget=estimate(own.out_of_budget, own.right),
        words_changed=estimate(own.words, own.fell),
        queries=estimate(own.queries, own.right),
        similarity=estimate(np.nan_to_num(own.similarity), measured),
        random_success=estimate(own.fell_at_random, own.right),
        fell_to_any=estimate(own.fell_to_any, own.right),
        missed=estimate(own.fell_to_any, own.right & ~own.fell),
    )


def _success_changes(
    bootstrap: GroupBootstrap, fates: Mapping[str, Fates], reference: str, margin: float
) -> dict[str, Change]:
    if reference not in fates:
        return {}
    base = fates[reference]
    others = {name: own for name, own in fates.items() if name != reference}
    changes = {
        name: bootstrap.means(own.fell.astype(np.float64) - base.fell, own.right & base.right)[:, 0]
        for name, own in others.items()
    }
    return judge_changes(
        changes, margin, min((int((own.right & base.right).sum()) for own in others.values()), default=0)
    )


def _shown(results: Mapping[str, Sequence[AttackResult]]) -> list[ShownExample]:
    """Of each deployment in turn, the text that fell with the smallest share of its words changed.

    A text that was shown of the first deployment, the reference, goes before others, so that the two stand side by
    side; but none is shown twice as the same adversarial text.
    """
    shown: list[ShownExample] = []
    while len(shown) < EXAMPLES_SHOWN:
        before = len(shown)
        for name, own in results.items():
            found = _next_shown(name, own, shown, reference=next(iter(results)))
            if found is not None and len(shown) < EXAMPLES_SHOWN:
                shown.append(found)
        if len(shown) == before:
            break
    return shown


def _next_shown(
    name: str, own: Sequence[AttackResult], shown: Sequence[ShownExample], reference: str
) -> ShownExample | None:
    beside = {one.id for one in shown if name != reference and one.deployment == reference}
    taken = {one.id for one in shown if one.id not in beside or one.deployment == name}
    known = {(one.id, one.adversarial) for one in shown}
    fallen = [
        result
        for result in own
        if result.status == "succeeded" and result.id not in taken and (result.id, result.adversarial) not in known
    ]
    if not fallen:
        return None

    def place(result: AttackResult) -> tuple[bool, float, int]:
        return result.id not in beside, result.words_changed / result.words, len(result.original)

    return _example(name, min(fallen, key=place))


def _example(deployment: str, result: AttackResult) -> ShownExample:
    changed = changed_places(result.original, result.adversarial)
    return ShownExample(result.id, deployment, result.label, result.original, result.adversarial, changed)
