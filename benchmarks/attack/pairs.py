"""Pairs of attacked deployments: whether attacks succeed on the same texts, by the same words, and what changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.attack.outcomes import Bools, Outcomes
from benchmarks.attack.transfer import Replayed
from benchmarks.statistics.agreement import all_pairs
from benchmarks.statistics.agreement import expected_jaccard as expected_jaccard_of
from benchmarks.statistics.agreement import kappa as kappa_of
from benchmarks.statistics.bootstrap import Estimate, GroupBootstrap, estimates, number
from benchmarks.statistics.shares import overlaps_of_sets, paired_change


@dataclass(frozen=True)
class AttackChanges:
    """Figures of one deployment less those of another on the same texts, in the figures' own units.

    Success and queries are over the texts that both had right before; None: the figure was not measured on both.
    """

    accuracy_after: Estimate
    """Of accuracy under attack, over all texts, as a share."""
    success_rate: Estimate
    """Of the attack's success rate, as a share."""
    random_success: Estimate | None
    """Of the success rate of random swaps, as a share."""
    any_success: Estimate | None
    """Of the success rate of the attack, random swaps and transferred texts together, as a share."""
    queries: Estimate
    """Of the mean number of queries a text."""
    words_changed: Estimate
    """Of the mean share of words changed, over the texts on which both attacks succeeded."""
    similarity: Estimate
    """Of the mean cosine to the original, over the texts on which both attacks succeeded."""
    transfer: Estimate | None
    """Of the success rate of texts crafted on the reference, over those whose original both have right, as a share."""

    @property
    def negated(self) -> AttackChanges:
        return AttackChanges(**{name: change and change.negated for name, change in vars(self).items()})


@dataclass(frozen=True)
class OutcomeAgreement:
    """Does the attack succeed with the same texts on two deployments?"""

    a: str
    """Name of a deployment."""
    b: str
    """Name of another."""
    n: int
    """Texts that both had right before, over which the overlap and kappa are."""
    jaccard: Estimate
    """Overlap of the texts on which the attack succeeded, 0 to 1."""
    expected_jaccard: float | None
    """That overlap for independent outcomes of the same success rates; None: it succeeded nowhere."""
    kappa: Estimate
    """Cohen's kappa of success, -1 to 1."""
    same_words: Estimate
    """Mean Jaccard of the places that the two attacks changed, over the texts on which both succeeded, 0 to 1."""
    changes: AttackChanges
    """Figures of `b` less those of `a`."""

    @property
    def turned(self) -> OutcomeAgreement:
        """The same pair, told from `b` to `a`."""
        return replace(self, a=self.b, b=self.a, changes=self.changes.negated)


def outcome_agreements(
    bootstrap: GroupBootstrap, outcomes: Mapping[str, Outcomes], from_reference: Mapping[str, Replayed]
) -> list[OutcomeAgreement]:
    if len(outcomes) < 2:
        return []
    names = list(outcomes)
    right = np.stack([own.right for own in outcomes.values()], axis=1)
    succeeded = np.stack([own.succeeded for own in outcomes.values()], axis=1)
    first, second = all_pairs(len(names))
    # A text that was wrong from the start cannot be attacked: it says nothing about the pair.
    comparable = right[:, first] & right[:, second]
    first_succeeded, second_succeeded = succeeded[:, first] & comparable, succeeded[:, second] & comparable
    n = bootstrap.totals(comparable)
    both = bootstrap.totals(first_succeeded & second_succeeded)
    a, b = bootstrap.totals(first_succeeded), bootstrap.totals(second_succeeded)
    jaccards, _ = overlaps_of_sets(bootstrap, first_succeeded & second_succeeded, first_succeeded | second_succeeded)
    kappas = estimates(kappa_of(both, a, b, n))
    expected = expected_jaccard_of(a[0], b[0], n[0])
    return [
        OutcomeAgreement(
            names[i],
            names[j],
            int(n[0, pair]),
            jaccards[pair],
            number(expected[pair]),
            kappas[pair],
            _same_words(bootstrap, outcomes[names[i]], outcomes[names[j]]),
            _changes(
                bootstrap,
                outcomes[names[i]],
                outcomes[names[j]],
                from_reference.get(names[i]),
                from_reference.get(names[j]),
            ),
        )
        for pair, (i, j) in enumerate(zip(first, second, strict=True))
    ]


def _same_words(bootstrap: GroupBootstrap, a: Outcomes, b: Outcomes) -> Estimate:
    both = a.succeeded & b.succeeded
    same = np.zeros(len(both))
    for index in np.flatnonzero(both):
        one, other = a.changed[index], b.changed[index]
        same[index] = len(one & other) / max(1, len(one | other))
    return estimates(bootstrap.means(same, both))[0]


def _changes(
    bootstrap: GroupBootstrap, a: Outcomes, b: Outcomes, transferred_a: Replayed | None, transferred_b: Replayed | None
) -> AttackChanges:
    comparable, both_succeeded = a.right & b.right, a.succeeded & b.succeeded
    everything = np.ones_like(comparable)
    measured = both_succeeded & ~np.isnan(a.similarity) & ~np.isnan(b.similarity)

    def change(old: NDArray[np.generic], new: NDArray[np.generic], within: Bools) -> Estimate:
        if new.dtype == np.bool_:
            return paired_change(bootstrap, old.astype(np.bool_), new.astype(np.bool_), within)
        difference = new.astype(np.float64) - old.astype(np.float64)
        return estimates(bootstrap.means(difference, within))[0]

    def of_measured(old: Bools | None, new: Bools | None, within: Bools) -> Estimate | None:
        return None if old is None or new is None else change(old, new, within)

    transfer = None
    if transferred_a is not None and transferred_b is not None:
        transfer = change(transferred_a.turned, transferred_b.turned, transferred_a.right & transferred_b.right)
    return AttackChanges(
        accuracy_after=change(a.right & ~a.succeeded, b.right & ~b.succeeded, everything),
        success_rate=change(a.succeeded, b.succeeded, comparable),
        random_success=of_measured(a.random_succeeded, b.random_succeeded, comparable),
        any_success=of_measured(a.any_succeeded, b.any_succeeded, comparable),
        queries=change(a.queries, b.queries, comparable),
        words_changed=change(a.words, b.words, both_succeeded),
        similarity=change(np.nan_to_num(a.similarity), np.nan_to_num(b.similarity), measured),
        transfer=transfer,
    )
