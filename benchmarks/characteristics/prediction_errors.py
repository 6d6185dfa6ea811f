"""Characteristic 1: do two deployments make the same errors, and give the same answers?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.agreement import (
    Estimate,
    Floats,
    GroupBootstrap,
    all_pairs,
    divide,
    estimates,
    number,
    overlaps,
)
from benchmarks.errors import BenchmarkError


@dataclass(frozen=True)
class Errors:
    count: int
    rate: Estimate


@dataclass(frozen=True)
class ErrorPair:
    """Two deployments. Changes go from `a` to `b`: newly wrong is right in `a` and wrong in `b`."""

    a: str
    b: str
    jaccard: Estimate
    expected_jaccard: float | None
    largest_jaccard: float | None
    adjusted_jaccard: Estimate
    kappa: Estimate
    disagreement: Estimate
    divergence: Estimate | None
    newly_wrong: int
    newly_right: int
    negative_flip_rate: Estimate
    positive_flip_rate: Estimate
    mcnemar_p: float


@dataclass(frozen=True)
class Stratum:
    n: int
    groups: int
    errors: dict[str, Errors]
    pairs: list[ErrorPair]


@dataclass(frozen=True)
class PredictionErrors:
    strata: dict[str, Stratum]


def compare(
    correct: Mapping[str, NDArray[np.bool_]],
    predictions: Mapping[str, ArrayLike],
    probabilities: Mapping[str, Sequence[NDArray[np.floating]]] | None,
    groups: ArrayLike,
    strata: Mapping[str, NDArray[np.bool_]],
    reference: str,
    resamples: int,
    seed: int,
) -> PredictionErrors:
    """Compare every pair of deployments on the same n examples.

    Args:
        correct: for each deployment, (n,) whether an example was answered right.
        predictions: for each deployment, (n,) strings or integers, equal where the answers are the same.
        probabilities: for each deployment and example, one distribution (outcomes,), or several as rows
            (distributions, outcomes), over which the divergence is averaged; None where there are none. A
            deployment that is missing, or whose shapes differ from another's, has no divergence from it.
        groups: (n,) labels; examples of one group are resampled together.
        strata: named subsets (n,) reported beside "all".
        reference: the deployment that comes first in each of its pairs; the others keep their order.
        resamples: number of bootstrap resamples.
        seed: of the bootstrap.

    Raises:
        BenchmarkError: arrays of different lengths, unknown reference, or rows that are no distributions.
    """
    if reference not in correct:
        raise BenchmarkError(f"reference {reference!r} is none of the deployments: {', '.join(correct)}")
    names = [reference, *(name for name in correct if name != reference)]
    bootstrap = GroupBootstrap(groups, resamples=resamples, seed=seed)
    right = [_column(correct[name], bootstrap.n, f"correct of {name}").astype(np.bool_) for name in names]
    differs = _differences([_column(predictions[name], bootstrap.n, f"predictions of {name}") for name in names])
    divergence = _divergences(names, probabilities or {}, bootstrap.n)
    subsets = {"all": np.ones(bootstrap.n, dtype=np.bool_)}
    for name, subset in strata.items():
        subsets[name] = _column(subset, bootstrap.n, f"stratum {name}").astype(np.bool_)
    return PredictionErrors(
        {name: _stratum(names, right, differs, divergence, bootstrap, within) for name, within in subsets.items()}
    )


def _column(values: ArrayLike, n: int, what: str) -> NDArray[np.generic]:
    column = np.asarray(values)
    if column.shape != (n,):
        raise BenchmarkError(f"{what}: shape {column.shape}, expected ({n},), one entry for each example")
    return column


def _stratum(
    names: list[str],
    right: list[NDArray[np.bool_]],
    differs: NDArray[np.bool_],
    divergence: Floats | None,
    bootstrap: GroupBootstrap,
    within: NDArray[np.bool_],
) -> Stratum:
    wrong = [~column for column in right]
    rates = estimates(bootstrap.means(np.stack(wrong, axis=1), within))
    counts = overlaps(bootstrap, wrong, within)
    newly_wrong, newly_right = counts.b - counts.both, counts.a - counts.both
    first, second = all_pairs(len(names))
    columns = {
        "jaccard": estimates(counts.jaccard()),
        "adjusted_jaccard": estimates(counts.adjusted_jaccard()),
        "kappa": estimates(counts.kappa()),
        "disagreement": estimates(bootstrap.means(differs, within)),
        "negative_flip_rate": estimates(divide(newly_wrong, counts.n)),
        "positive_flip_rate": estimates(divide(newly_right, counts.n)),
    }
    expected, largest = counts.expected_jaccard()[0], counts.largest_jaccard()[0]
    apart = _mean_divergence(bootstrap, divergence, within)
    p_values = mcnemar_p(newly_wrong[0], newly_right[0])
    return Stratum(
        n=int(within.sum()),
        groups=bootstrap.groups_of(within),
        errors={
            name: Errors(int((column & within).sum()), rate)
            for name, column, rate in zip(names, wrong, rates, strict=True)
        },
        pairs=[
            ErrorPair(
                a=names[first[pair]],
                b=names[second[pair]],
                expected_jaccard=number(expected[pair]),
                largest_jaccard=number(largest[pair]),
                divergence=apart[pair] if apart else None,
                newly_wrong=int(newly_wrong[0, pair]),
                newly_right=int(newly_right[0, pair]),
                mcnemar_p=float(p_values[pair]),
                **{name: column[pair] for name, column in columns.items()},
            )
            for pair in range(len(first))
        ],
    )


def mcnemar_p(newly_wrong: ArrayLike, newly_right: ArrayLike) -> Floats:
    """Two-sided exact p of McNemar's test (1947): are newly wrong and newly right equally likely?

    1 where nothing changed. It takes examples as independent, which those of one group are not.
    """
    from scipy.stats import binom

    less = np.minimum(newly_wrong, newly_right)
    total = np.asarray(newly_wrong) + np.asarray(newly_right)
    return np.minimum(1.0, 2 * np.asarray(binom.cdf(less, total, 0.5), dtype=np.float64))


def _differences(predictions: list[NDArray[np.generic]]) -> NDArray[np.bool_]:
    """(n, pairs) whether two deployments say something else, right or wrong."""
    _, codes = np.unique(np.concatenate(predictions), return_inverse=True)
    table = codes.reshape(len(predictions), -1).T
    first, second = all_pairs(len(predictions))
    return np.asarray(table[:, first] != table[:, second])


def _divergences(
    names: list[str], probabilities: Mapping[str, Sequence[NDArray[np.floating]]], n: int
) -> Floats | None:
    """(n, pairs) Jensen-Shannon divergence of every example in bits; NaN for pairs that have none."""
    if not probabilities:
        return None
    flat = {name: _Distributions.of(rows, n, name) for name, rows in probabilities.items() if name in names}
    first, second = all_pairs(len(names))
    table: Floats = np.full((n, len(first)), np.nan)
    for pair, (a, b) in enumerate(zip(first, second, strict=True)):
        p, q = flat.get(names[a]), flat.get(names[b])
        if p is not None and q is not None and p.shapes == q.shapes:
            table[:, pair] = p.divergence(q)
    return table


def _mean_divergence(
    bootstrap: GroupBootstrap, divergence: Floats | None, within: NDArray[np.bool_]
) -> list[Estimate | None] | None:
    if divergence is None:
        return None
    found = np.asarray(~np.isnan(divergence).any(axis=0))
    means = estimates(bootstrap.means(np.where(found, divergence, 0.0), within))
    return [mean if there else None for mean, there in zip(means, found, strict=True)]


@dataclass(frozen=True)
class _Distributions:
    """All distributions of a deployment end to end, so that a pair costs a few array operations."""

    values: Floats
    entropies: Floats  # (n,) summed over an example's distributions, in nats
    starts: NDArray[np.intp]
    rows: NDArray[np.intp]
    shapes: tuple[tuple[int, int], ...]

    @staticmethod
    def of(examples: Sequence[NDArray[np.floating]], n: int, name: str) -> _Distributions:
        from scipy.special import entr

        if len(examples) != n:
            raise BenchmarkError(f"probabilities of {name}: {len(examples)} examples, expected {n}")
        tables = [np.atleast_2d(np.asarray(example, dtype=np.float64)) for example in examples]
        for position, table in enumerate(tables):
            # A softmax of FP16 logits sums to 1 within 1e-3; anything else is no distribution.
            if not (table.size and (table >= 0).all() and np.abs(table.sum(axis=1) - 1).max() < 1e-3):
                raise BenchmarkError(f"probabilities of {name}: example {position} does not sum to 1 in every row")
        values = np.concatenate([(table / table.sum(axis=1, keepdims=True)).ravel() for table in tables])
        sizes = np.array([table.size for table in tables])
        starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp)
        return _Distributions(
            values=values,
            entropies=np.add.reduceat(entr(values), starts),
            starts=starts,
            rows=np.array([len(table) for table in tables], dtype=np.intp),
            shapes=tuple((len(table), table.shape[1]) for table in tables),
        )

    def divergence(self, other: _Distributions) -> Floats:
        """(n,) Jensen-Shannon divergence in bits (Lin 1991), averaged over an example's distributions."""
        from scipy.special import entr

        mixed = np.add.reduceat(entr((self.values + other.values) / 2), self.starts)
        nats = (mixed - (self.entropies + other.entropies) / 2) / self.rows
        return np.asarray(np.clip(nats / np.log(2), 0, 1), dtype=np.float64)
