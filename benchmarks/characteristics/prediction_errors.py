"""Characteristic 1: do two deployments make the same errors, and give the same answers?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypedDict

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.errors import BenchmarkError, require_reference
from benchmarks.statistics.agreement import all_pairs, kappa_bounds, overlaps
from benchmarks.statistics.bootstrap import UNDEFINED, Estimate, Floats, GroupBootstrap, divide, estimates, number
from benchmarks.statistics.divergence import Distributions, Divergences, spread
from benchmarks.statistics.equivalence import (
    MARGIN,
    OVERLAP_MARGIN,
    ExampleOutcomes,
    Floors,
    Pair,
    PairedShares,
    ScoreChange,
    Verdict,
    judge,
    judge_changes,
)
from benchmarks.statistics.shares import Bools, PairedChange, design_effect, overlaps_of_sets, share_interval, shares
from benchmarks.statistics.tetrachoric import tetrachoric

_PAIRS_AT_ONCE = 64
_FEW = 10
"""Examples, below which resamples do not show how a figure scatters."""


@dataclass(frozen=True)
class Errors:
    """Wrong predictions of one deployment."""

    count: int
    """Examples that it gets wrong."""
    rate: Estimate
    """These as a share of all, 0 to 1."""
    alone: int
    """Examples that it gets wrong and no other does; reruns and further trainings of the reference, and the reference
    for them, do not count as others."""
    expected_alone: float
    """How many they would be if the others erred independently of it."""


@dataclass(frozen=True)
class ErrorPair:
    """Do two deployments make the same errors? Changes go from `a` to `b`. Without labels nobody knows what is an
    error: figures of errors are then undefined or None."""

    a: str
    """Name of a deployment."""
    b: str
    """Name of another."""
    jaccard: Estimate
    """Overlap of the two sets of errors, 0 to 1."""
    expected_jaccard: float | None
    """Overlap of independent errors of the same counts; None: neither errs."""
    largest_jaccard: float | None
    """Largest overlap that the counts allow; None: neither errs."""
    tetrachoric: Estimate
    """Tetrachoric correlation of correctness, -1 to 1: how alike the two find examples hard, whatever their error
    rates; 0: independent errors, 1: as many errors in common as the counts allow."""
    kappa: Estimate
    """Cohen's kappa of correctness (error consistency), -1 to 1."""
    smallest_kappa: float | None
    """The least that kappa can be with these error rates; None: neither errs, or both always do."""
    largest_kappa: float | None
    """The most that kappa can be with these error rates; None likewise."""
    disagreement: Estimate | None
    """Share of examples with another prediction, 0 to 1; None: predictions are not known."""
    further: Estimate | None
    """Share of examples with another prediction than the reference, of `b` less that of `a`, -1 to 1, paired over the
    examples; None: predictions are not known, or one of the two is the reference."""
    further_p: float | None
    """Two-sided p of it, 0 to 1, not corrected for the number of pairs; None likewise."""
    divergence: Estimate | None
    """Mean Jensen-Shannon divergence of the probabilities in bits, 0 to 1; None: they are not known."""
    newly_wrong: int | None
    """Examples right in `a` and wrong in `b`; None: there are no labels."""
    newly_right: int | None
    """Examples wrong in `a` and right in `b`; None likewise."""
    negative_flip_rate: Estimate
    """Newly wrong as a share of all examples, 0 to 1."""
    positive_flip_rate: Estimate
    """Newly right as a share of all examples, 0 to 1."""
    mcnemar_p: float | None
    """McNemar's two-sided mid-p of newly wrong against newly right, 0 to 1, with the design effect of groups; None
    likewise."""

    @property
    def turned(self) -> ErrorPair:
        """The same pair, told from `b` to `a`."""
        return replace(
            self,
            a=self.b,
            b=self.a,
            further=self.further and self.further.negated,
            newly_wrong=self.newly_right,
            newly_right=self.newly_wrong,
            negative_flip_rate=self.positive_flip_rate,
            positive_flip_rate=self.negative_flip_rate,
        )


@dataclass(frozen=True)
class ErrorVerdicts:
    """What was concluded of distances from the reference against their floors, by deployment."""

    disagreement: dict[str, Verdict]
    """Of the predictions that differ, in shares of the examples."""
    jaccard: dict[str, Verdict]
    """Of the errors that are not shared (1 - Jaccard)."""
    newly_wrong: dict[str, Verdict]
    """Of the predictions that the reference has right and the other wrong, in shares of the examples."""


@dataclass(frozen=True)
class Stratum:
    """Prediction errors on all examples, or on a part of them."""

    n: int
    """Examples."""
    groups: int
    """Groups of examples, which are resampled together."""
    design_effect: float
    """Factor by which examples in groups tell less of changed predictions than independent ones, at least 1."""
    correlation: float
    """Within-group correlation behind it, 0 to 1: pooled over the deployments, and assumed where changes are few."""
    errors: dict[str, Errors]
    """By deployment, the reference first; empty without labels."""
    pairs: list[ErrorPair]
    """Every pair of deployments; the reference is the `a` of its own."""
    scores: dict[str, ScoreChange]
    """By deployment: the share of right predictions against the reference's."""
    divergences: dict[str, Divergences]
    """By deployment whose probabilities are known, of the same outcomes as the reference's: how far they are from
    these."""
    verdicts: ErrorVerdicts
    """Distances from the reference against their floors."""


@dataclass(frozen=True)
class ClassRecall:
    """How many examples of a class are right."""

    n: int
    """Examples of the class."""
    rates: dict[str, Estimate]
    """By deployment, the reference first: the share of them that it has right, 0 to 1."""
    changes: dict[str, ScoreChange]
    """By deployment: this share against the reference's; corrected for the number of deployments within the class."""


@dataclass(frozen=True)
class PredictionErrors:
    """Agreement of the errors of every pair of deployments."""

    strata: dict[str, Stratum]
    """By part of the examples: "all", and for question answering "answerable" and "unanswerable"."""
    recalls: dict[str, ClassRecall]
    """By class that an example has: its label, or whether a question is "answerable". Empty: classes are not known."""
    f1_kept: dict[str, Estimate]
    """By deployment, its F1 as a share of the reference's. Empty: the task has none, or it is not known."""


def compare(
    correct: Mapping[str, NDArray[np.bool_]] | None,
    predictions: Mapping[str, ArrayLike] | None,
    probabilities: Mapping[str, Sequence[NDArray[np.floating]]] | None,
    groups: ArrayLike,
    strata: Mapping[str, NDArray[np.bool_]],
    reference: str,
    resamples: int,
    seed: int,
    floors: Floors | None = None,
    margin: float = MARGIN,
    overlap_margin: float = OVERLAP_MARGIN,
    classes: Mapping[str, NDArray[np.bool_]] | None = None,
    f1: Mapping[str, NDArray[np.floating]] | None = None,
) -> PredictionErrors:
    """Compare every pair of deployments on the same n examples.

    Args:
        correct: for each deployment, (n,) whether an example was answered right; None where there are no labels: the
            predictions are then compared, and no errors.
        predictions: for each deployment, (n,) strings or integers, equal where the answers are the same; None where
            only the errors are known: there is then no disagreement. One of the two is given.
        probabilities: for each deployment and example, one distribution (outcomes,), or several as rows
            (distributions, outcomes), over which the divergence is averaged; None where there are none. A
            deployment that is missing, or whose shapes differ from another's, has no divergence from it.
        groups: (n,) labels; examples of one group are resampled together.
        strata: named subsets (n,) reported beside "all".
        reference: the deployment that comes first in each of its pairs; the others keep their order.
        resamples: number of bootstrap resamples.
        seed: of the bootstrap.
        floors: by deployment, what differs by noise alone; see `benchmarks.statistics.equivalence`.
        margin: share of the examples, changed or gained or lost, that does not matter.
        overlap_margin: loss of Jaccard that does not matter.
        classes: by label (n,) whether an example has it; a class without examples has no recall.
        f1: for each deployment, (n,) F1 over words, 0 to 1; None where there is none.

    Raises:
        BenchmarkError: arrays of different lengths, unknown reference, or rows that are no distributions.
    """
    known = predictions if correct is None else correct
    if known is None:
        raise BenchmarkError("neither correct nor predictions: give at least one of them")
    require_reference(reference, known)
    names = [reference, *(name for name in known if name != reference)]
    bootstrap = GroupBootstrap(groups, resamples=resamples, seed=seed)
    wrong = None
    if correct is not None:
        wrong = [~_column(correct[name], bootstrap.n, f"correct of {name}").astype(np.bool_) for name in names]
    said = None
    if predictions is not None:
        said = _codes([_column(predictions[name], bootstrap.n, f"predictions of {name}") for name in names])
    comparison = _Comparison(
        names=names,
        wrong=wrong,
        said=said,
        **_divergences(names, probabilities or {}, bootstrap.n),
        bootstrap=bootstrap,
        floors=floors or {},
        margins={"disagreement": margin, "jaccard": overlap_margin},
    )
    subsets = {"all": np.ones(bootstrap.n, dtype=np.bool_)}
    for name, subset in strata.items():
        subsets[name] = _column(subset, bootstrap.n, f"stratum {name}").astype(np.bool_)
    labelled = {
        name: _column(members, bootstrap.n, f"class {name}").astype(np.bool_)
        for name, members in (classes or {}).items()
    }
    return PredictionErrors(
        strata={name: comparison.stratum(within) for name, within in subsets.items()},
        recalls={name: comparison.recall(within) for name, within in labelled.items() if within.any()},
        f1_kept=_kept([_column(f1[name], bootstrap.n, f"F1 of {name}") for name in names], names, bootstrap)
        if f1
        else {},
    )


def _kept(columns: list[NDArray[np.generic]], names: list[str], bootstrap: GroupBootstrap) -> dict[str, Estimate]:
    """Ratios of means, paired: both are of the same resamples."""
    totals = bootstrap.totals(np.stack(columns, axis=1))
    return dict(zip(names[1:], estimates(divide(totals[:, 1:], totals[:, :1])), strict=True))


def _column(values: ArrayLike, n: int, what: str) -> NDArray[np.generic]:
    column = np.asarray(values)
    if column.shape != (n,):
        raise BenchmarkError(f"{what}: shape {column.shape}, expected ({n},), one entry for each example")
    return column


def _codes(predictions: list[NDArray[np.generic]]) -> NDArray[np.intp]:
    """(n, deployments) one number for each answer, the same in all deployments."""
    _, codes = np.unique(np.concatenate(predictions), return_inverse=True)
    return np.ascontiguousarray(codes.reshape(len(predictions), -1).T)


@dataclass(frozen=True)
class _Comparison:
    names: list[str]
    wrong: list[NDArray[np.bool_]] | None
    said: NDArray[np.intp] | None  # not both are None
    divergence: Floats | None  # (n, pairs)
    kullback_leibler: dict[str, Floats]  # (n,) from the reference
    bootstrap: GroupBootstrap
    floors: Floors
    margins: dict[str, float]

    def stratum(self, within: Bools) -> Stratum:
        count = len(self.names)
        inside = self.bootstrap.index[within]
        others = np.arange(1, count)
        changed = self._changed(np.zeros_like(others), others)[within]
        effect = design_effect(changed, inside)
        first, second = all_pairs(count)
        pairs: list[ErrorPair] = []
        evidence = _Evidence({}, {}, {})
        # All pairs at once would need a gigabyte at 30 deployments and 10,000 resamples.
        for start in range(0, len(first), _PAIRS_AT_ONCE):
            block = slice(start, start + _PAIRS_AT_ONCE)
            pairs += self._pairs(first[block], second[block], within, effect.effect, block, evidence)
        examples = int(within.sum())
        newly_wrong = self._newly_wrong()
        return Stratum(
            n=examples,
            groups=self.bootstrap.groups_of(within),
            design_effect=effect.effect,
            correlation=effect.correlation,
            errors=self._errors_of(within),
            pairs=pairs,
            scores=self._scores(within),
            divergences=self._divergences(within, pairs) if examples else {},
            verdicts=ErrorVerdicts(
                disagreement=self._judge_shares(evidence.changed, within, effect.effect),
                jaccard=judge(
                    evidence.apart,
                    self.names[0],
                    self.floors,
                    self.margins["jaccard"],
                    examples=examples,
                    sizes=evidence.sizes,
                ),
                newly_wrong=self._judge_shares(newly_wrong, within, effect.effect),
            ),
        )

    def recall(self, within: Bools) -> ClassRecall:
        rates = shares(self.bootstrap, ~self._errors, within)
        return ClassRecall(
            n=int(within.sum()),
            rates=dict(zip(self.names, rates, strict=True)),
            changes=self._scores(within),
        )

    @cached_property
    def _wrong(self) -> dict[str, Bools]:
        """By deployment; empty without labels."""
        return {} if self.wrong is None else dict(zip(self.names, self.wrong, strict=True))

    def _errors_of(self, within: Bools) -> dict[str, Errors]:
        if self.wrong is None:
            return {}
        rates = shares(self.bootstrap, self._errors, within)
        return {
            name: Errors(int((column & within).sum()), rate, *self._alone(name, within))
            for (name, column), rate in zip(self._wrong.items(), rates, strict=True)
        }

    def _alone(self, name: str, within: Bools) -> tuple[int, float]:
        """Errors of a deployment that no other makes, and how many would be if the others were independent of it."""
        again = {self.names[0]}.union(*(floor.members for floor in self.floors.values()))
        wrong = self._wrong
        others = [
            one
            for one in self.names
            if one != name and (one not in again or (one == self.names[0] and name not in again))
        ]
        if not others:
            return 0, 0.0
        somebody = np.any([wrong[one] & within for one in others], axis=0)
        own = wrong[name] & within
        share_right = 1 - float(somebody.sum()) / max(1, int(within.sum()))
        return int((own & ~somebody).sum()), int(own.sum()) * share_right

    def _judge_shares(self, columns: Mapping[Pair, Bools], within: Bools, effect: float) -> dict[str, Verdict]:
        return judge(
            {pair: np.asarray(self.bootstrap.means(column, within)[:, 0]) for pair, column in columns.items()},
            self.names[0],
            self.floors,
            self.margins["disagreement"],
            examples=int(within.sum()),
            outcomes=ExampleOutcomes({pair: column[within] for pair, column in columns.items()}, effect),
        )

    def _changed(self, first: NDArray[np.intp], second: NDArray[np.intp]) -> Bools:
        """(n, pairs) whether predictions differ; where they are not known, whether one is right and the other wrong."""
        table = self._errors if self.said is None else self.said
        return np.asarray(table[:, first] != table[:, second])

    def _further(self, i: np.intp, j: np.intp, within: Bools, effect: float) -> _Further:
        if self.said is None or i == 0 or not within.any():
            return {"further": None, "further_p": None}
        first, second = (self.said[within, one] != self.said[within, 0] for one in (i, j))
        change = PairedChange.of(first, second, effect)
        return {
            "further": change.interval(),
            "further_p": min(1.0, 2 * min(change.p_above(0.0), change.p_below(0.0))),
        }

    @cached_property
    def _errors(self) -> Bools:
        """(n, deployments); there are labels."""
        return np.stack(list(self._wrong.values()), axis=1)

    @cached_property
    def _noise(self) -> set[Pair]:
        """Pairs, in both directions, whose distance a verdict needs: of the reference, and of its trainings."""
        members = {one for floor in self.floors.values() for one in floor.members}
        wanted = [self.names[0], *members]
        pairs = {(a, b) for a in wanted for b in wanted if a != b} | {(self.names[0], name) for name in self.floors}
        return pairs | {(b, a) for a, b in pairs}

    def _newly_wrong(self) -> dict[Pair, Bools]:
        """By pair and direction, (n,) whether the first is right and the second wrong."""
        wrong = self._wrong
        return {(a, b): ~wrong[a] & wrong[b] for a, b in sorted(self._noise) if a in wrong and b in wrong}

    def _scores(self, within: Bools) -> dict[str, ScoreChange]:
        right = [~column[within] for column in self._wrong.values()]
        if len(right) < 2:
            return {}
        moves = np.stack([other.astype(np.int8) - right[0] for other in right[1:]], axis=1)
        effect = design_effect(moves, self.bootstrap.index[within]).effect
        changes = {
            name: PairedShares.of(right[0], other, effect)
            for name, other in zip(self.names[1:], right[1:], strict=True)
        }
        examples = dict.fromkeys(changes, len(right[0]))
        return judge_changes(changes, self.margins["disagreement"], examples) if len(right[0]) else {}

    def _divergences(self, within: Bools, pairs: list[ErrorPair]) -> dict[str, Divergences]:
        groups, divergences = self.bootstrap.index[within], {}
        for column, pair in enumerate(pairs[: len(self.names) - 1]):  # the reference's come first
            if pair.divergence is None or self.divergence is None:
                continue
            nats = self.kullback_leibler[pair.b]
            infinite = int(np.isinf(nats[within]).sum())
            mean = UNDEFINED if infinite else estimates(self.bootstrap.means(nats, within))[0]
            divergences[pair.b] = Divergences(
                jensen_shannon=spread(self.divergence[within, column], pair.divergence, groups),
                kullback_leibler=spread(nats[within], mean, groups),
                infinite=infinite,
            )
        return divergences

    def _pairs(
        self,
        first: NDArray[np.intp],
        second: NDArray[np.intp],
        within: Bools,
        effect: float,
        block: slice,
        evidence: _Evidence,
    ) -> list[ErrorPair]:
        differs = self._changed(first, second)
        agreements = self._agreements(first, second, within, effect, evidence)
        apart = _mean_divergence(self.bootstrap, self.divergence, block, within)
        n = float(within.sum()) / effect
        error_pairs = []
        for pair, (i, j) in enumerate(zip(first, second, strict=True)):
            names = self.names[i], self.names[j]
            if names in self._noise and self.said is not None:
                evidence.changed[names] = differs[:, pair]
            error_pairs.append(
                ErrorPair(
                    a=names[0],
                    b=names[1],
                    disagreement=None
                    if self.said is None
                    else share_interval(int((differs[:, pair] & within).sum()) / effect, n),
                    **self._further(i, j, within, effect),
                    divergence=apart[pair] if apart else None,
                    **agreements[pair],
                )
            )
        return error_pairs

    def _agreements(
        self, first: NDArray[np.intp], second: NDArray[np.intp], within: Bools, effect: float, evidence: _Evidence
    ) -> list[_Agreement]:
        """What is of the errors of each pair."""
        if self.wrong is None:
            return [_UNLABELLED] * len(first)
        counts = overlaps(self.bootstrap, self.wrong, within, (first, second))
        wrong = self._errors & within[:, None]
        both, either = wrong[:, first] & wrong[:, second], wrong[:, first] | wrong[:, second]
        jaccards, sizes = overlaps_of_sets(self.bootstrap, both, either)
        newly_wrong, newly_right = counts.b[0] - counts.both[0], counts.a[0] - counts.both[0]
        correlations = tetrachoric(self.bootstrap, wrong[:, first], wrong[:, second], within)
        kappas = estimates(counts.kappa())
        expected, largest = counts.expected_jaccard()[0], counts.largest_jaccard()[0]
        least, most = kappa_bounds(counts.a[0], counts.b[0], counts.n[0])
        p_values = mcnemar_p(newly_wrong, newly_right, effect)
        n = float(counts.n[0, 0]) / effect
        rows = 1 - counts.jaccard()
        wrong_first, wrong_second = divide(counts.a[0], counts.n[0]), divide(counts.b[0], counts.n[0])
        by_chance = wrong_first * (1 - wrong_second) + wrong_second * (1 - wrong_first)
        agreements: list[_Agreement] = []
        for pair, (i, j) in enumerate(zip(first, second, strict=True)):
            names = self.names[i], self.names[j]
            if names in self._noise:
                evidence.apart[names], evidence.sizes[names] = rows[:, pair], float(sizes[pair])
            discordant = (newly_wrong[pair] + newly_right[pair]) / effect
            agreements.append(
                {
                    "jaccard": jaccards[pair],
                    "expected_jaccard": number(expected[pair]),
                    "largest_jaccard": number(largest[pair]),
                    "tetrachoric": correlations[pair],
                    "kappa": _kappa(kappas[pair], discordant, n, float(by_chance[pair])),
                    "smallest_kappa": number(least[pair]),
                    "largest_kappa": number(most[pair]),
                    "newly_wrong": int(newly_wrong[pair]),
                    "newly_right": int(newly_right[pair]),
                    "negative_flip_rate": share_interval(newly_wrong[pair] / effect, n),
                    "positive_flip_rate": share_interval(newly_right[pair] / effect, n),
                    "mcnemar_p": float(p_values[pair]),
                }
            )
        return agreements


class _Agreement(TypedDict):
    """The fields of an `ErrorPair` that are of errors."""

    jaccard: Estimate
    expected_jaccard: float | None
    largest_jaccard: float | None
    tetrachoric: Estimate
    kappa: Estimate
    smallest_kappa: float | None
    largest_kappa: float | None
    newly_wrong: int | None
    newly_right: int | None
    negative_flip_rate: Estimate
    positive_flip_rate: Estimate
    mcnemar_p: float | None


_UNLABELLED: _Agreement = {
    "jaccard": UNDEFINED,
    "expected_jaccard": None,
    "largest_jaccard": None,
    "tetrachoric": UNDEFINED,
    "kappa": UNDEFINED,
    "smallest_kappa": None,
    "largest_kappa": None,
    "newly_wrong": None,
    "newly_right": None,
    "negative_flip_rate": UNDEFINED,
    "positive_flip_rate": UNDEFINED,
    "mcnemar_p": None,
}


class _Further(TypedDict):
    further: Estimate | None
    further_p: float | None


@dataclass(frozen=True)
class _Evidence:
    """What verdicts are made of, by pair of deployments."""

    apart: dict[Pair, Floats]
    """1 - Jaccard, (rows,) as the bootstrap has rows."""
    sizes: dict[Pair, float]
    """The effective number of errors that it is a share of."""
    changed: dict[Pair, Bools]
    """(n,) whether predictions differ."""


def _kappa(estimate: Estimate, discordant: float, n: float, by_chance: float) -> Estimate:
    """Kappa; where few examples are discordant, which few resamples show, with the interval of their share.

    `discordant` of `n`: effective numbers; `by_chance`: the share that is discordant by chance.
    """
    share = share_interval(discordant, n)
    if discordant >= _FEW or by_chance <= 0 or share.low is None or share.high is None:
        return estimate
    return Estimate(estimate.value, max(-1.0, 1 - share.high / by_chance), 1 - share.low / by_chance)


def mcnemar_p(newly_wrong: ArrayLike, newly_right: ArrayLike, effect: float = 1.0) -> Floats:
    """Two-sided mid-p of McNemar's test (1947; Fagerland et al. 2013): are newly wrong and newly right equally likely?

    1 where nothing changed. Counts are divided by the design ``effect`` of groups; the binomial tails are continued to
    the numbers between by the incomplete beta function.
    """
    from scipy.special import betainc

    wrong, right = (
        np.asarray(newly_wrong, dtype=np.float64) / effect,
        np.asarray(newly_right, dtype=np.float64) / effect,
    )
    less, total = np.minimum(wrong, right), wrong + right

    def up_to(count: Floats) -> Floats:
        inside = np.clip(count, -1, total)
        tail = betainc(np.maximum(total - inside, 1e-300), np.maximum(inside + 1, 1e-300), 0.5)
        return np.where(inside <= -1, 0.0, np.where(inside >= total, 1.0, tail))

    p = up_to(less) + up_to(less - 1)
    return np.asarray(np.where(total > 0, np.minimum(1.0, p), 1.0), dtype=np.float64)


class _Divergences(TypedDict):
    divergence: Floats | None
    kullback_leibler: dict[str, Floats]


def _divergences(names: list[str], probabilities: Mapping[str, Sequence[NDArray[np.floating]]], n: int) -> _Divergences:
    """Of every example: Jensen-Shannon (n, pairs) in bits, NaN for pairs that have none; Kullback-Leibler from the
    reference in nats, by deployment."""
    if not probabilities:
        return {"divergence": None, "kullback_leibler": {}}
    flat = {name: Distributions.of(rows, n, name) for name, rows in probabilities.items() if name in names}
    first, second = all_pairs(len(names))
    table: Floats = np.full((n, len(first)), np.nan)
    nats = {}
    for pair, (a, b) in enumerate(zip(first, second, strict=True)):
        p, q = flat.get(names[a]), flat.get(names[b])
        if p is not None and q is not None and p.shapes == q.shapes:
            table[:, pair] = p.divergence(q)
            if a == 0:
                nats[names[b]] = p.kullback_leibler(q)
    return {"divergence": table, "kullback_leibler": nats}


def _mean_divergence(
    bootstrap: GroupBootstrap, divergence: Floats | None, block: slice, within: NDArray[np.bool_]
) -> list[Estimate | None] | None:
    if divergence is None:
        return None
    table = divergence[:, block]
    has_divergence = np.asarray(~np.isnan(table).any(axis=0))
    means = estimates(bootstrap.means(np.where(has_divergence, table, 0.0), within))
    return [mean if there else None for mean, there in zip(means, has_divergence, strict=True)]
