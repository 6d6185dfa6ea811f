"""Calibration of a deployment's confidence: calibration error and Brier score, against chance and a reference.

The follow-up of the four characteristics by the same authors (arXiv 2508.13533) asks it of compressed models: a
deployment that is as often right as the large one may still be surer than it should be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.errors import BenchmarkError, require_reference
from benchmarks.statistics.bootstrap import Estimate, Floats, GroupBootstrap, divide, estimates, number

BINS = 15
"""As in Guo et al. 2017."""
ENOUGH = 20
"""Examples of a bin, from which on it takes part in the largest gap."""


@dataclass(frozen=True)
class Bin:
    """A bar of the reliability diagram."""

    low: float
    """Confidences above it, 0 to 1."""
    high: float
    """Confidences up to and with it, 0 to 1."""
    count: int
    """Examples in the bin."""
    confidence: float | None
    """Mean of theirs, 0 to 1; None: the bin is empty."""
    accuracy: float | None
    """Share of them that is right; None: the bin is empty."""


@dataclass(frozen=True)
class DeploymentCalibration:
    """How far one deployment's confidence is from how often it is right. Shares, 0 to 1."""

    ece: Estimate
    """Expected calibration error: mean distance of confidence and accuracy over bins."""
    expected_ece: float
    """Chance level: the mean ECE of a perfectly calibrated model with these confidences."""
    debiased_error: Estimate
    """Root mean square distance of confidence and accuracy over the same bins, less what few examples add to it: about
    0 for a perfectly calibrated model (Kumar, Liang and Ma 2019)."""
    mce: Estimate
    """Largest distance of confidence and accuracy in a bin that holds 20 examples or more."""
    mce_bins: int
    """Bins that hold as many."""
    brier: Estimate
    """Brier score, 0 to 2 for several classes, 0 to 1 for the top label; better when smaller."""
    confidence: Estimate
    """Mean probability of its own prediction."""
    accuracy: Estimate
    """Share of right predictions."""
    overconfidence: Estimate
    """Mean confidence less accuracy, -1 to 1; below 0 where it doubts too much."""
    curve: list[Bin]
    """The reliability diagram, by rising confidence."""


@dataclass(frozen=True)
class CalibrationPair:
    """Figures of one deployment less those of the reference. Above 0, it is worse."""

    a: str
    """Name of the reference."""
    b: str
    """Name of the other deployment."""
    ece: Estimate
    """Change of the expected calibration error, -1 to 1."""
    brier: Estimate
    """Change of the Brier score."""


@dataclass(frozen=True)
class ConfidenceCalibration:
    """Calibration of every deployment on the same examples."""

    n: int
    """Examples."""
    groups: int
    """Groups of examples, which are resampled together."""
    brier: str
    """What was scored: "multi-class" (given) or "top-label" ((confidence - correct)^2)."""
    deployments: dict[str, DeploymentCalibration]
    """By deployment."""
    pairs: list[CalibrationPair]
    """Every deployment against the reference."""


def compare(
    confidence: Mapping[str, NDArray[np.floating]],
    correct: Mapping[str, NDArray[np.bool_]],
    groups: ArrayLike,
    reference: str,
    *,
    resamples: int,
    seed: int,
    bins: int = BINS,
    brier: Mapping[str, NDArray[np.floating]] | None = None,
) -> ConfidenceCalibration:
    """Calibration of every deployment on the same n examples, and how it differs from the reference's.

    An ECE counts noise as error: that of few examples is above 0 for any model, so read it beside `expected_ece`.
    Its interval, too, is about the ECE of samples of this size, not about that of endless data (see `_centred`).
    The debiased error is about 0 for a calibrated one, whatever the number of examples. The MCE is that of the worst
    bin of `ENOUGH` examples; undefined where none holds as many.

    Args:
        confidence: for each deployment, (n,) the probability in 0..1 that it gives its own prediction.
        correct: for each deployment, (n,) whether that prediction was right.
        groups: (n,) labels; examples of one group are resampled together.
        reference: the deployment that the others are told against; it comes first, the others keep their order.
        resamples: number of bootstrap resamples.
        seed: of the bootstrap; nothing else is random.
        bins: number of bins of equal width.
        brier: for each deployment, (n,) the Brier score of each example, from `brier_scores`. Without it the
            top-label score (confidence - correct)^2, which does not see the other classes.

    Raises:
        BenchmarkError: arrays of different lengths, confidences outside 0..1 or NaN, `correct` that is neither
            true nor false, an unknown reference, or a deployment that one of the mappings lacks.
    """
    require_reference(reference, confidence)
    if bins < 1:
        raise BenchmarkError(f"bins = {bins}: at least 1 is needed")
    names = [reference, *(name for name in confidence if name != reference)]
    bootstrap = GroupBootstrap(groups, resamples=resamples, seed=seed)
    tables = {}
    for name in names:
        sure = _column(confidence, name, bootstrap.n, "confidence", low=0.0, high=1.0)
        right = _column(correct, name, bootstrap.n, "correct", low=0.0, high=1.0)
        if not np.isin(right, (0.0, 1.0)).all():
            raise BenchmarkError(f"correct of {name}: {right[~np.isin(right, (0.0, 1.0))][0]} is neither 0 nor 1")
        missed = np.square(sure - right) if brier is None else _column(brier, name, bootstrap.n, "brier", low=0.0)
        tables[name] = _BinTotals.of(bootstrap, sure, right, missed, bins, resamples)
    return ConfidenceCalibration(
        n=bootstrap.n,
        groups=bootstrap.count,
        brier="top-label" if brier is None else "multi-class",
        deployments={name: table.figures() for name, table in tables.items()},
        pairs=[
            CalibrationPair(
                reference,
                name,
                *estimates(
                    np.stack(
                        [
                            tables[name].ece() - tables[reference].ece(),
                            tables[name].brier - tables[reference].brier,
                        ],
                        axis=1,
                    )
                ),
            )
            for name in names[1:]
        ],
    )


def brier_scores(probabilities: ArrayLike, labels: ArrayLike) -> Floats:
    """(n,) Brier score of each example over all its classes (Brier 1950): sum of (p - onehot)^2, 0 to 2.

    `probabilities`: (n, classes), each row a distribution; `labels`: (n,) integers 0..classes-1. Two classes score
    twice the squared error of one of them. Raises BenchmarkError for anything else.
    """
    table, wanted = np.asarray(probabilities, dtype=np.float64), np.asarray(labels)
    if table.ndim != 2 or wanted.shape != (len(table),):
        raise BenchmarkError(
            f"probabilities of shape {table.shape} with labels of shape {wanted.shape}: expected (n, classes) and (n,)"
        )
    # A softmax of FP16 logits sums to 1 within 1e-3; anything else is no distribution (NaN compares false).
    whole = (table >= 0).all(axis=1) & (np.abs(table.sum(axis=1) - 1) < 1e-3)
    if not whole.all():
        raise BenchmarkError(f"probabilities: example {int(np.argmin(whole))} is no distribution over the classes")
    if not np.issubdtype(wanted.dtype, np.integer):
        raise BenchmarkError(f"labels of type {wanted.dtype}: give the integers of the classes")
    outside = (wanted < 0) | (wanted >= table.shape[1])
    if outside.any():
        raise BenchmarkError(f"labels: {wanted[outside][0]} is none of the {table.shape[1]} classes, counted from 0")
    missed = table.copy()
    missed[np.arange(len(table)), wanted] -= 1
    scores: Floats = np.square(missed).sum(axis=1)
    return scores


def bin_of(confidence: Floats, bins: int) -> NDArray[np.intp]:
    """(n,) the bin of each confidence: bin m of M is ((m-1)/M, m/M], as in Guo et al. 2017; 0 is in the first."""
    edges = np.linspace(0, 1, bins + 1)
    return np.maximum(np.searchsorted(edges, confidence, side="left") - 1, 0)


def expected_ece(confidence: Floats, bins: int) -> float:
    """The mean ECE of a model that is right with exactly the probability it says: the chance level.

    In closed form, not simulated. The number S of right answers in a bin is a sum of independent trials with the
    confidences c as chances (Poisson binomial); the bin adds E|S - sum c| / n. Examples are taken as independent,
    which those of one group are not; with groups alike inside, the true chance level is higher.
    """
    place = bin_of(confidence, bins)
    total = 0.0
    for inside in (confidence[place == position] for position in np.unique(place)):
        total += float(_successes(inside) @ np.abs(np.arange(len(inside) + 1) - inside.sum()))
    return total / len(confidence)


def _successes(chances: Floats) -> Floats:
    """(n + 1,) the probability of each number of successes in n independent trials with `chances` (n,).

    The polynomials (1 - p) + p x are multiplied in pairs, then the products in pairs, by FFT: n log^2 n, where the
    usual recursion takes n^2.
    """
    count = 1 << (len(chances) - 1).bit_length()
    # Trials that never succeed fill up to a power of two.
    padded = np.concatenate([chances, np.zeros(count - len(chances))])
    products: Floats = np.stack([1 - padded, padded], axis=1)
    while len(products) > 1:
        size = 2 * products.shape[1] - 1
        spectrum = np.fft.rfft(products, n=size + 1, axis=1)
        products = np.fft.irfft(spectrum[::2] * spectrum[1::2], n=size + 1, axis=1)[:, :size]
    return np.clip(products[0, : len(chances) + 1], 0, 1)


def _column(columns: Mapping[str, ArrayLike], name: str, n: int, what: str, low: float, high: float = np.inf) -> Floats:
    if name not in columns:
        raise BenchmarkError(f"{what} of {name} is missing: give one for each deployment")
    column = np.asarray(columns[name], dtype=np.float64)
    if column.shape != (n,):
        raise BenchmarkError(f"{what} of {name}: shape {column.shape}, expected ({n},), one entry for each example")
    bad = ~((column >= low) & (column <= high) & np.isfinite(column))
    if bad.any():
        at = int(np.argmax(bad))
        bounds = f"within {low:g}..{high:g}" if np.isfinite(high) else f"a number from {low:g}"
        raise BenchmarkError(f"{what} of {name}: example {at} is {column[at]}, expected {bounds}")
    return column


def _centred(statistic: Floats, resamples: int) -> Floats:
    """Moves the resamples so that their mean is the sample's own value; not below 0.

    A sum of absolute gaps is biased upwards, and a resample has the sample's noise and its own: percentiles lie too
    high, and a correction for that bias (BCa) narrows to nothing. Centred, the interval is about the mean figure of
    samples of this size, which is what `expected_ece` is about too.

    `statistic`: (rows, ...), the sample's own first and the resamples next. Returns the same shape.
    """
    drawn = slice(1, 1 + resamples)
    moved = statistic.copy()
    moved[drawn] = np.maximum(statistic[drawn] - (statistic[drawn].mean(axis=0) - statistic[0]), 0)
    return moved


@dataclass(frozen=True)
class _BinTotals:
    """Totals of one deployment bin by bin, in the sample (first row) and its resamples.

    Every figure is a function of totals, so that no resample needs a loop.
    """

    own: Floats  # (n,) the confidences themselves
    count: Floats  # (rows of the bootstrap, bins), as the next two
    confidence: Floats
    correct: Floats
    brier: Floats  # (rows,) the mean
    resamples: int

    @staticmethod
    def of(
        bootstrap: GroupBootstrap, sure: Floats, right: Floats, missed: Floats, bins: int, resamples: int
    ) -> _BinTotals:
        member = bin_of(sure, bins)[:, None] == np.arange(bins)
        columns = np.concatenate([member, member * sure[:, None], member * right[:, None]], axis=1)
        count, confidence, correct = np.split(bootstrap.totals(columns), 3, axis=1)
        return _BinTotals(sure, count, confidence, correct, bootstrap.means(missed)[:, 0], resamples)

    def ece(self) -> Floats:
        """(rows,) sum over bins of (count / n) |accuracy - mean confidence| (Guo et al. 2017, eq. 3)."""
        gaps = np.abs(self.correct - self.confidence).sum(axis=1)
        return _centred(divide(gaps, self.count.sum(axis=1)), self.resamples)

    def debiased_square(self) -> Floats:
        """(rows,) sum of (count / n) ((accuracy - confidence)^2 - accuracy (1 - accuracy) / (count - 1)) over bins.

        Of Kumar, Liang and Ma (NeurIPS 2019, section 5); may be below 0. A bin of one example tells nothing and adds
        nothing. Resamples, which have the sample's noise and their own, are moved to its value.
        """
        accuracy, sure = divide(self.correct, self.count), divide(self.confidence, self.count)
        noise = divide(accuracy * (1 - accuracy), self.count - 1)
        terms = np.where(self.count > 1, self.count * ((accuracy - sure) ** 2 - noise), 0.0)
        square = divide(np.nan_to_num(terms).sum(axis=1), self.count.sum(axis=1))
        drawn = slice(1, 1 + self.resamples)
        square[drawn] += square[0] - np.nanmean(square[drawn])
        return square

    def mce(self) -> Floats:
        """(rows,) the largest |accuracy - mean confidence| of the bins with `ENOUGH` examples in the sample (eq. 5)."""
        if not self.enough.any():
            return np.full(len(self.count), np.nan)
        gaps = np.nan_to_num(divide(np.abs(self.correct - self.confidence), self.count)[:, self.enough])
        return _centred(gaps.max(axis=1), self.resamples)

    @property
    def enough(self) -> NDArray[np.bool_]:
        return np.asarray(self.count[0] >= ENOUGH)

    def figures(self) -> DeploymentCalibration:
        n = self.count.sum(axis=1)
        confidence, accuracy = divide(self.confidence.sum(axis=1), n), divide(self.correct.sum(axis=1), n)
        columns = [self.ece(), self.debiased_square(), self.mce(), self.brier, confidence, accuracy]
        columns.append(confidence - accuracy)
        ece, square, mce, brier, sure, right, over = estimates(np.stack(columns, axis=1))
        return DeploymentCalibration(
            ece=ece,
            expected_ece=expected_ece(self.own, self.count.shape[1]),
            debiased_error=Estimate(_root(square.value), _root(square.low), _root(square.high)),
            mce=mce,
            mce_bins=int(self.enough.sum()),
            brier=brier,
            confidence=sure,
            accuracy=right,
            overconfidence=over,
            curve=self._curve(),
        )

    def _curve(self) -> list[Bin]:
        edges = np.linspace(0, 1, self.count.shape[1] + 1)
        means = divide(self.confidence[0], self.count[0]), divide(self.correct[0], self.count[0])
        return [
            Bin(float(low), float(high), int(count), number(sure), number(right))
            for low, high, count, sure, right in zip(edges[:-1], edges[1:], self.count[0], *means, strict=True)
        ]


def _root(square: float | None) -> float | None:
    """Of what a square of 0 or more was estimated by."""
    return None if square is None else float(np.sqrt(max(0.0, square)))
