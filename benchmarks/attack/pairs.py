"""Two deployments under attack: whether the same texts fall, by the same words, and what changes between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.attack.outcomes import Bools, Fates
from benchmarks.attack.transfer import Replayed
from benchmarks.statistics.agreement import all_pairs
from benchmarks.statistics.agreement import expected_jaccard as expected_jaccard_of
from benchmarks.statistics.agreement import jaccard as jaccard_of
from benchmarks.statistics.agreement import kappa as kappa_of
from benchmarks.statistics.bootstrap import BLOCKS, UNDEFINED, Estimate, GroupBootstrap, estimates, number, proportions


@dataclass(frozen=True)
class FallenTogether:
    """Do the same texts fall on two deployments? Among the ``n`` texts that both had right before.

    ``same_words``: mean Jaccard of the places that the two attacks changed, over the texts that fell on both.
    ``changes``: figures of ``b`` less those of ``a`` on the same texts: `accuracy_after` over all texts,
    `success_rate`, `random_success`, `fell_to_any` and `queries` over the ``n``, `words_changed` and `similarity` over
    those that fell on both, `transfer` over the texts crafted on the reference whose original both have right.
    """

    a: str
    b: str
    n: int
    jaccard: Estimate
    expected_jaccard: float | None
    kappa: Estimate
    same_words: Estimate
    changes: dict[str, Estimate]


def fallen_together(
    bootstrap: GroupBootstrap, fates: Mapping[str, Fates], from_reference: Mapping[str, Replayed]
) -> list[FallenTogether]:
    if len(fates) < 2:
        return []
    names = list(fates)
    right = np.stack([own.right for own in fates.values()], axis=1)
    fell = np.stack([own.fell for own in fates.values()], axis=1)
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
            names[i],
            names[j],
            int(n[0, pair]),
            jaccards[pair],
            number(expected[pair]),
            kappas[pair],
            _same_words(bootstrap, fates[names[i]], fates[names[j]]),
            _changes(
                bootstrap,
                fates[names[i]],
                fates[names[j]],
                from_reference.get(names[i]),
                from_reference.get(names[j]),
            ),
        )
        for pair, (i, j) in enumerate(zip(first, second, strict=True))
    ]


def _same_words(bootstrap: GroupBootstrap, a: Fates, b: Fates) -> Estimate:
    both = a.fell & b.fell
    same = np.zeros(len(both))
    for index in np.flatnonzero(both):
        one, other = a.changed[index], b.changed[index]
        same[index] = len(one & other) / max(1, len(one | other))
    return estimates(bootstrap.means(same, both))[0]


def _changes(
    bootstrap: GroupBootstrap, a: Fates, b: Fates, shown_a: Replayed | None, shown_b: Replayed | None
) -> dict[str, Estimate]:
    comparable, both_fell = a.right & b.right, a.fell & b.fell
    everything = np.ones_like(comparable)
    measured = both_fell & ~np.isnan(a.similarity) & ~np.isnan(b.similarity)
    compared: list[tuple[str, NDArray[np.generic] | None, NDArray[np.generic] | None, Bools]] = [
        ("accuracy_after", a.right & ~a.fell, b.right & ~b.fell, everything),
        ("success_rate", a.fell, b.fell, comparable),
        ("random_success", a.fell_at_random, b.fell_at_random, comparable),
        ("fell_to_any", a.fell_to_any, b.fell_to_any, comparable),
        ("queries", a.queries, b.queries, comparable),
        ("words_changed", a.words, b.words, both_fell),
        ("similarity", np.nan_to_num(a.similarity), np.nan_to_num(b.similarity), measured),
    ]
    if shown_a is not None and shown_b is not None:
        compared.append(("transfer", shown_a.turned, shown_b.turned, shown_a.right & shown_b.right))
    changes: dict[str, Estimate] = {}
    for figure, old, new, within in compared:
        if old is not None and new is not None:
            difference = new.astype(np.float64) - old.astype(np.float64)
            changes[figure] = estimates(bootstrap.means(difference, within))[0]
            if new.dtype == np.bool_ and not difference[within].any():
                changes[figure] = _no_change(int(within.sum()))
    return changes


def _no_change(texts: int) -> Estimate:
    """Of a share where no text changed: no resample has a change either; the ends are those of 0 out of ``texts``."""
    if texts == 0:
        return UNDEFINED
    [share] = proportions(np.zeros((2 + BLOCKS, 1)), texts)
    return Estimate(0.0, None if share.high is None else -share.high, share.high)
