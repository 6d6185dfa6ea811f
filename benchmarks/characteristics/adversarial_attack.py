"""Vulnerability to adversarial attack: what attacks, random swaps and replayed texts did to every deployment.

model = MaskedLanguageModel(folder, settings)               # once; shared by all deployments
results["a"] = list(attack(predict_a, examples, candidates=model.candidates,
                           similarity=model.similarity, settings=settings))
transfer["b"] = replay(ask_b, results)
summary = summarise(results, transfer, reference="a", resamples=1000, seed=0)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.attack.bert_attack import attack
from benchmarks.attack.changed_words import BreakingWord, breaking_words, changed_places
from benchmarks.attack.masked_language_model import MaskedLanguageModel
from benchmarks.attack.outcomes import Bools, Outcomes, outcomes_of
from benchmarks.attack.pairs import OutcomeAgreement, outcome_agreements
from benchmarks.attack.results import Answers, AttackResult, AttackSettings, TransferResult
from benchmarks.attack.rules import rules_of
from benchmarks.attack.transfer import Transfer, replay, replayed, transfer_rows
from benchmarks.errors import BenchmarkError
from benchmarks.statistics.bootstrap import UNDEFINED, Estimate, GroupBootstrap, estimates
from benchmarks.statistics.equivalence import OVERLAP_MARGIN, PairedShares, ScoreChange, judge_changes
from benchmarks.statistics.shares import share

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

EXAMPLES = 6
ALONE = 20
"""Of each deployment."""


@dataclass(frozen=True)
class Vulnerability:
    """What the attack on one deployment came to. Rates are shares, 0 to 1."""

    accuracy_before: Estimate
    """Share of all texts that it has right."""
    accuracy_after: Estimate
    """Share of all texts that it has right still under attack."""
    success_rate: Estimate
    """Attack success: of the texts it had right, the share that the attack turned."""
    out_of_budget: Estimate
    """Of the texts it had right, those whose search its budget stopped. They count as withstanding."""
    words_changed: Estimate
    """Mean share of the words of a text that a successful attack changed."""
    queries: Estimate
    """Mean number of texts that it was asked about for one that it had right."""
    similarity: Estimate
    """Mean cosine between originals and adversarial texts of successful attacks, -1 to 1."""
    random_success: Estimate
    """Of the texts it had right, those that random swaps of as many queries turned; undefined where none were made."""
    any_success: Estimate
    """Of the texts it had right, those that the attack, random swaps or a text crafted on another turned."""
    missed: Estimate
    """Of the texts that withstood its own attack, those that random swaps or a text crafted on another turned."""


@dataclass(frozen=True)
class AttackExample:
    """A successful attack to look at."""

    id: str
    """Of the text, after the number of its data set and a colon."""
    deployment: str
    """Name of the deployment that it was crafted on."""
    label: int
    """The right class, as an index."""
    original: str
    """The text before."""
    adversarial: str
    """The text that turned the prediction."""
    changed: list[int]
    """Indices into ``original.split()``."""
    answers: Answers | None
    """Of a question; None for other texts."""


@dataclass(frozen=True)
class AdversarialAttack:
    """Vulnerability of every attacked deployment, of every pair, and the transfer of texts between them."""

    method: str
    """Name of the attack."""
    n: int
    """Texts that every deployment was attacked on."""
    deployments: dict[str, Vulnerability]
    """By deployment, the reference first."""
    success_changes: dict[str, ScoreChange]
    """By deployment: the success rate against the reference's, on the texts that both had right, as in `pairs`."""
    pairs: list[OutcomeAgreement]
    """Every pair of attacked deployments."""
    transfers: list[Transfer]
    """A row for each attacked deployment, the reference first."""
    words: dict[str, list[BreakingWord]]
    """By attacked deployment, the words that its successful attacks changed most often."""
    examples: list[AttackExample]
    """A few successful attacks, of each deployment in turn."""
    alone: list[AttackExample]
    """Successful attacks on texts on which that of no other deployment succeeded, up to 20 a deployment."""


def summarise(
    results: Mapping[str, Sequence[AttackResult]],
    transfer: Mapping[str, Mapping[str, Sequence[TransferResult]]],
    *,
    reference: str,
    resamples: int,
    seed: int,
    random_swaps: Mapping[str, Sequence[AttackResult]] | None = None,
    answers: Mapping[str, Mapping[str, Answers]] | None = None,
    overlap_margin: float = OVERLAP_MARGIN,
    method: str = "BERT-ATTACK",
) -> AdversarialAttack:
    """Figures of every attacked deployment, of every pair, and of every attack's texts on the others.

    ``results``: by deployment, on the same texts in any order. ``transfer``: by deployment, what `replay` gave for the
    results of all. ``random_swaps``: by deployment, those that were made. Intervals resample texts, the same ones for
    every figure. ``answers``: by deployment and id, of
    questions whose answer turned. ``overlap_margin``: the change of a success rate that does not matter.
    ``method``: the attack's name.

    Raises `BenchmarkError` where the deployments were not attacked on the same texts.
    """
    ids = _common_ids(results)
    names = sorted(results, key=lambda name: name != reference)
    ordered = {name: _in_order(results[name], ids) for name in names}
    drawn = {name: _in_order(own, ids) for name, own in (random_swaps or {}).items()}
    matrix = {
        source: {name: replayed(name, ids, rows[source]) for name, rows in transfer.items() if source in rows}
        for source in names
    }
    outcomes = {name: outcomes_of(name, ordered[name], drawn.get(name), matrix) for name in names}
    bootstrap = GroupBootstrap(np.arange(len(ids)), resamples=resamples, seed=seed)

    def answered(one: AttackExample) -> AttackExample:
        return replace(one, answers=(answers or {}).get(one.deployment, {}).get(one.id))

    succeeded = {name: [result for result in own if result.status == "succeeded"] for name, own in ordered.items()}
    return AdversarialAttack(
        method=method,
        n=len(ids),
        deployments={name: _vulnerability(bootstrap, own) for name, own in outcomes.items()},
        success_changes=_success_changes(outcomes, reference, overlap_margin),
        pairs=outcome_agreements(bootstrap, outcomes, matrix.get(reference, {})),
        transfers=transfer_rows(bootstrap, matrix),
        words={name: breaking_words(own, succeeded.get(reference, [])) for name, own in succeeded.items()},
        examples=[answered(one) for one in _examples(ordered)],
        alone=[answered(one) for one in _alone(succeeded)],
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


def _vulnerability(bootstrap: GroupBootstrap, own: Outcomes) -> Vulnerability:
    everything = np.ones_like(own.right)
    measured = ~np.isnan(own.similarity)

    def estimate(values: NDArray[np.generic] | None, within: Bools) -> Estimate:
        if values is None:
            return UNDEFINED
        if values.dtype == np.bool_:
            return share(bootstrap, values.astype(np.bool_), within)
        return estimates(bootstrap.means(values, within))[0]

    return Vulnerability(
        accuracy_before=estimate(own.right, everything),
        accuracy_after=estimate(own.right & ~own.succeeded, everything),
        success_rate=estimate(own.succeeded, own.right),
        out_of_budget=estimate(own.out_of_budget, own.right),
        words_changed=estimate(own.words, own.succeeded),
        queries=estimate(own.queries, own.right),
        similarity=estimate(np.nan_to_num(own.similarity), measured),
        random_success=estimate(own.random_succeeded, own.right),
        any_success=estimate(own.any_succeeded, own.right),
        missed=estimate(own.any_succeeded, own.right & ~own.succeeded),
    )


def _success_changes(outcomes: Mapping[str, Outcomes], reference: str, margin: float) -> dict[str, ScoreChange]:
    if reference not in outcomes:
        return {}
    base = outcomes[reference]
    comparable = {name: own.right & base.right for name, own in outcomes.items() if name != reference}
    changes = {
        name: PairedShares.of(base.succeeded[both], outcomes[name].succeeded[both], effect=1.0)  # no groups of texts
        for name, both in comparable.items()
        if both.any()
    }
    return judge_changes(changes, margin, {name: int(comparable[name].sum()) for name in changes})


def _examples(results: Mapping[str, Sequence[AttackResult]]) -> list[AttackExample]:
    """Of each deployment in turn, the successful attack with the smallest share of its words changed.

    A text that was chosen of the first deployment, the reference, goes before others, so that the two stand side by
    side; but none is taken twice as the same adversarial text.
    """
    chosen: list[AttackExample] = []
    while len(chosen) < EXAMPLES:
        before = len(chosen)
        for name, own in results.items():
            example = _next_example(name, own, chosen, reference=next(iter(results)))
            if example is not None and len(chosen) < EXAMPLES:
                chosen.append(example)
        if len(chosen) == before:
            break
    return chosen


def _alone(succeeded: Mapping[str, Sequence[AttackResult]]) -> Iterator[AttackExample]:
    """By deployment, in the order of the texts."""
    often = Counter(result.id for own in succeeded.values() for result in own)
    for name, own in succeeded.items():
        for result in [one for one in own if often[one.id] == 1][:ALONE]:
            yield _example(name, result)


def _next_example(
    name: str, own: Sequence[AttackResult], chosen: Sequence[AttackExample], reference: str
) -> AttackExample | None:
    beside = {one.id for one in chosen if name != reference and one.deployment == reference}
    taken = {one.id for one in chosen if one.id not in beside or one.deployment == name}
    known = {(one.id, one.adversarial) for one in chosen}
    successful = [
        result
        for result in own
        if result.status == "succeeded" and result.id not in taken and (result.id, result.adversarial) not in known
    ]
    if not successful:
        return None

    def place(result: AttackResult) -> tuple[bool, float, int]:
        return result.id not in beside, result.words_changed / result.words, len(result.original)

    return _example(name, min(successful, key=place))


def _example(deployment: str, result: AttackResult) -> AttackExample:
    changed = changed_places(result.original, result.adversarial)
    return AttackExample(
        result.id, deployment, result.label, result.original, result.adversarial, changed, answers=None
    )
