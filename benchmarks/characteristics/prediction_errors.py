"""Characteristic 1: do two deployments make the same errors, and give the same answers?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.errors import BenchmarkError
from benchmarks.statistics.agreement import Overlaps, all_pairs, overlaps
from benchmarks.statistics.bootstrap import Estimate, Floats, GroupBootstrap, divide, estimates, number, proportions
from benchmarks.statistics.divergence import Distributions
from benchmarks.statistics.equivalence import Floors, Pair, ScoreChange, Verdict, judge, judge_changes

_PAIRS_AT_ONCE = 64


@dataclass(frozen=True)
class Errors:
    """Wrong predictions of one deployment."""

    count: int
    """Examples that it gets wrong."""
    rate: Estimate
    """These as a share of all, 0 to 1."""


@dataclass(frozen=True)
class ErrorPair:
    """Do two deployments make the same errors? Changes go from `a` to `b`."""

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
    adjusted_jaccard: Estimate
    """0: the overlap of independent errors, 1: the largest possible; below 0: less than chance."""
    kappa: Estimate
    """Cohen's kappa of correctness (error consistency), -1 to 1."""
    disagreement: Estimate | None
    """Share of examples with another prediction, 0 to 1; None: predictions are not known."""
    divergence: Estimate | None
    """Mean Jensen-Shannon divergence of the probabilities in bits, 0 to 1; None: they are not known."""
    newly_wrong: int
    """Examples right in `a` and wrong in `b`."""
    newly_right: int
    """Examples wrong in `a` and right in `b`."""
    negative_flip_rate: Estimate
    """Newly wrong as a share of all examples, 0 to 1."""
    positive_flip_rate: Estimate
    """Newly right as a share of all examples, 0 to 1."""
    mcnemar_p: float
    """McNemar's exact two-sided p of newly wrong against newly right, 0 to 1; it takes examples as independent."""

    @property
    def turned(self) -> ErrorPair:
        """The same pair, told from `b` to `a`."""
        return replace(
            self,
            a=self.b,
            b=self.a,
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


@dataclass(frozen=True)
class Stratum:
    """Prediction errors on all examples, or on a part of them."""

    n: int
    """Examples."""
    groups: int
    """Groups of examples, which are resampled together."""
    errors: dict[str, Errors]
    """By deployment, the reference first."""
    pairs: list[ErrorPair]
    """Every pair of deployments; the reference is the `a` of its own."""
    scores: dict[str, ScoreChange]
    """By deployment: the share of right predictions against the reference's."""
    verdicts: ErrorVerdicts
    """Distances from the reference against their floors."""


@dataclass(frozen=True)
class PredictionErrors:
    """Agreement of the errors of every pair of deployments."""

    strata: dict[str, Stratum]
    """By part of the examples: "all", and for question answering "answerable" and "unanswerable"."""


def compare(
    correct: Mapping[str, NDArray[np.bool_]],
    predictions: Mapping[str, ArrayLike] | None,
    probabilities: Mapping[str, Sequence[NDArray[np.floating]]] | None,
    groups: ArrayLike,
    strata: Mapping[str, NDArray[np.bool_]],
    reference: str,
    resamples: int,
    seed: int,
    floors: Floors | None = None,
    margin: float = 0.01,
    overlap_margin: float = 0.05,
) -> PredictionErrors:
    """Compare every pair of deployments on the same n examples.

    Args:
        correct: for each deployment, (n,) whether an example was answered right.
        predictions: for each deployment, (n,) strings or integers, equal where the answers are the same; None where
            only the errors are known: there is then no disagreement.
        probabilities: for each deployment and example, one distribution (outcomes,), or several as rows
            (distributions, outcomes), over which the divergence is averaged; None where there are none. A
            deployment that is missing, or whose shapes differ from another's, has no divergence from it.
        groups: (n,) labels; examples of one group are resampled together.
        strata: named subsets (n,) reported beside "all".
        reference: the deployment that comes first in each of its pairs; the others keep their order.
        resamples: number of bootstrap resamples.
        seed: of the bootstrap.
        floors: by deployment, the pairs that differ by noise alone; see `benchmarks.statistics.equivalence`.
        margin: share of the examples, changed or gained or lost, that does not matter.
        overlap_margin: loss of Jaccard that does not matter.

    Raises:
        BenchmarkError: arrays of different lengths, unknown reference, or rows that are no distributions.
    """
    if reference not in correct:
        raise BenchmarkError(f"reference {reference!r} is none of the deployments: {', '.join(correct)}")
    names = [reference, *(name for name in correct if name != reference)]
    bootstrap = GroupBootstrap(groups, resamples=resamples, seed=seed)
    right = [_column(correct[name], bootstrap.n, f"correct of {name}").astype(np.bool_) for name in names]
    said = None
    if predictions is not None:
        said = _codes([_column(predictions[name], bootstrap.n, f"predictions of {name}") for name in names])
    comparison = _Comparison(
        names=names,
        wrong=[~column for column in right],
        said=said,
        divergence=_divergences(names, probabilities or {}, bootstrap.n),
        bootstrap=bootstrap,
        floors=floors or {},
        margins={"disagreement": margin, "jaccard": overlap_margin},
    )
    subsets = {"all": np.ones(bootstrap.n, dtype=np.bool_)}
    for name, subset in strata.items():
        subsets[name] = _column(subset, bootstrap.n, f"stratum {name}").astype(np.bool_)
    return PredictionErrors({name: comparison.stratum(within) for name, within in subsets.items()})


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
    wrong: list[NDArray[np.bool_]]
    said: NDArray[np.intp] | None
    divergence: Floats | None  # (n, pairs)
    bootstrap: GroupBootstrap
    floors: Floors
    margins: dict[str, float]

    def stratum(self, within: NDArray[np.bool_]) -> Stratum:
        count, units = len(self.names), self.bootstrap.groups_of(within)
        rates = proportions(self.bootstrap.means(np.stack(self.wrong, axis=1), within), units)
        first, second = all_pairs(count)
        pairs: list[ErrorPair] = []
        changes: dict[str, Floats] = {}
        distances: dict[str, dict[Pair, Floats]] = {"disagreement": {}, "jaccard": {}}
        # All pairs at once would need a gigabyte at 30 deployments and 10,000 resamples.
        for start in range(0, len(first), _PAIRS_AT_ONCE):
            block = slice(start, start + _PAIRS_AT_ONCE)
            counts = overlaps(self.bootstrap, self.wrong, within, (first[block], second[block]))
            differs = self._disagreement(first[block], second[block], within)
            pairs += self._pairs(counts, differs, block, within, units)
            for column, (i, j) in enumerate(zip(first[block], second[block], strict=True)):
                pair = self.names[i], self.names[j]
                if i == 0:
                    lost = counts.a[:, column] - counts.b[:, column]
                    changes[pair[1]] = divide(lost, counts.n[:, 0])
                if i == 0 or pair in self._noise:
                    distances["jaccard"][pair] = 1 - counts.jaccard()[:, column]
                    if differs is not None:
                        distances["disagreement"][pair] = differs[:, column]
        examples = int(within.sum())
        in_errors = int((self.wrong[0] & within).sum())
        return Stratum(
            n=examples,
            groups=units,
            errors={
                name: Errors(int((column & within).sum()), rate)
                for name, column, rate in zip(self.names, self.wrong, rates, strict=True)
            },
            pairs=pairs,
            scores=judge_changes(changes, self.margins["disagreement"], examples),
            verdicts=ErrorVerdicts(
                **{
                    measure: judge(
                        self.bootstrap,
                        found,
                        self.names[0],
                        self.floors,
                        self.margins[measure],
                        in_errors if measure == "jaccard" else examples,
                    )
                    for measure, found in distances.items()
                }
            ),
        )

    @property
    def _noise(self) -> set[Pair]:
        pairs = {pair for noise in self.floors.values() for pair in noise}
        return pairs | {(b, a) for a, b in pairs}

    def _disagreement(
        self, first: NDArray[np.intp], second: NDArray[np.intp], within: NDArray[np.bool_]
    ) -> Floats | None:
        if self.said is None:
            return None
        return self.bootstrap.means(self.said[:, first] != self.said[:, second], within)

    def _pairs(
        self, counts: Overlaps, differs: Floats | None, block: slice, within: NDArray[np.bool_], units: int
    ) -> list[ErrorPair]:
        newly_wrong, newly_right = counts.b - counts.both, counts.a - counts.both
        columns = {
            "jaccard": estimates(counts.jaccard()),
            "adjusted_jaccard": _without_nested(estimates(counts.adjusted_jaccard()), newly_wrong[0], newly_right[0]),
            "kappa": estimates(counts.kappa()),
            "negative_flip_rate": proportions(divide(newly_wrong, counts.n), units),
            "positive_flip_rate": proportions(divide(newly_right, counts.n), units),
        }
        changed = None if differs is None else proportions(differs, units)
        expected, largest = counts.expected_jaccard()[0], counts.largest_jaccard()[0]
        apart = _mean_divergence(self.bootstrap, self.divergence, block, within)
        p_values = mcnemar_p(newly_wrong[0], newly_right[0])
        first, second = all_pairs(len(self.names))
        return [
            ErrorPair(
                a=self.names[a],
                b=self.names[b],
                expected_jaccard=number(expected[pair]),
                largest_jaccard=number(largest[pair]),
                disagreement=changed[pair] if changed else None,
                divergence=apart[pair] if apart else None,
                newly_wrong=int(newly_wrong[0, pair]),
                newly_right=int(newly_right[0, pair]),
                mcnemar_p=float(p_values[pair]),
                **{name: column[pair] for name, column in columns.items()},
            )
            for pair, (a, b) in enumerate(zip(first[block], second[block], strict=True))
        ]


def _without_nested(adjusted: list[Estimate], newly_wrong: Floats, newly_right: Floats) -> list[Estimate]:
    """No interval where one set of errors holds the other: the figure is then at its bound in every resample."""
    nested = (newly_wrong == 0) | (newly_right == 0)
    return [
        Estimate(estimate.value, None, None) if at_bound else estimate
        for estimate, at_bound in zip(adjusted, nested, strict=True)
    ]


def mcnemar_p(newly_wrong: ArrayLike, newly_right: ArrayLike) -> Floats:
    """Two-sided exact p of McNemar's test (1947): are newly wrong and newly right equally likely?

    1 where nothing changed. It takes examples as independent, which those of one group are not.
    """
    from scipy.special import bdtr  # not scipy.stats, which takes a second to import

    less = np.minimum(newly_wrong, newly_right)
    total = (np.asarray(newly_wrong) + np.asarray(newly_right)).astype(np.int64)
    return np.minimum(1.0, 2 * np.asarray(bdtr(less, total, 0.5), dtype=np.float64))


def _divergences(
    names: list[str], probabilities: Mapping[str, Sequence[NDArray[np.floating]]], n: int
) -> Floats | None:
    """(n, pairs) Jensen-Shannon divergence of every example in bits; NaN for pairs that have none."""
    if not probabilities:
        return None
    flat = {name: Distributions.of(rows, n, name) for name, rows in probabilities.items() if name in names}
    first, second = all_pairs(len(names))
    table: Floats = np.full((n, len(first)), np.nan)
    for pair, (a, b) in enumerate(zip(first, second, strict=True)):
        p, q = flat.get(names[a]), flat.get(names[b])
        if p is not None and q is not None and p.shapes == q.shapes:
            table[:, pair] = p.divergence(q)
    return table


def _mean_divergence(
    bootstrap: GroupBootstrap, divergence: Floats | None, block: slice, within: NDArray[np.bool_]
) -> list[Estimate | None] | None:
    if divergence is None:
        return None
    table = divergence[:, block]
    found = np.asarray(~np.isnan(table).any(axis=0))
    means = estimates(bootstrap.means(np.where(found, table, 0.0), within))
    return [mean if there else None for mean, there in zip(means, found, strict=True)]
