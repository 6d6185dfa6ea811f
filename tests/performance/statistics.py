"""Speed and truth of the statistics: ``python -m tests.performance.statistics`` (part of ``make bench``).

Speed: neighbours of many points against scikit-learn's brute force, and every error measure of all pairs of 30
deployments, each in a process of its own whose peak memory is read. Truth: how often intervals hold what they
estimate, over simulated studies (of verdicts: ``python -m tests.performance.verdicts``).

Nothing here passes or fails; figures go to docs/performance.md and docs/verification.md with machine and date.
"""

from __future__ import annotations

import resource
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from statistics import median
from typing import Any

import numpy as np

from benchmarks.characteristics.prediction_errors import compare
from benchmarks.statistics.agreement import overlaps
from benchmarks.statistics.bootstrap import Estimate, GroupBootstrap, estimates
from benchmarks.statistics.equivalence import Floor
from benchmarks.statistics.nearest_neighbours import Neighbours, unit_vectors
from benchmarks.statistics.ranking import roc_statistics
from benchmarks.statistics.shares import overlaps_of_sets, share
from benchmarks.statistics.tetrachoric import tetrachoric

STUDIES = 1000
PAIRED_ROUNDS = 5


def main() -> None:
    print("neighbours: 100,000 points of 1,024 dimensions, K = 50")
    for line in _apart(_neighbours):
        print("  " + line)
    print("all pairs: 30 deployments, 12,000 examples, 10,000 resamples, every error measure")
    for groups in (12_000, 1_200):
        for line in _apart(_all_pairs, groups):
            print("  " + line)
    print(f"95 % intervals that hold the truth, over {STUDIES:,} simulated studies")
    for name, held in _coverage().items():
        print(f"  {name:<44} {100 * held:.1f} %")


# --- speed ---------------------------------------------------------------------------------------


def _apart(measure: Callable[..., list[str]], *arguments: Any) -> list[str]:
    """Run in a fresh process, so that its peak memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:  # a Pool's are daemons: no jobs of their own
        return pool.submit(measure, *arguments).result()


def _peak() -> float:
    """GiB of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _neighbours(n: int = 100_000, d: int = 1024, k: int = 50, sample: int = 512) -> list[str]:
    from sklearn.neighbors import NearestNeighbors

    points = np.random.default_rng(0).standard_normal((n, d), dtype=np.float32)
    before = _peak()
    started = time.perf_counter()
    units = unit_vectors(points, name="points")
    found, _ = Neighbours(units, k).nearest(k)
    ours = time.perf_counter() - started
    above = _peak() - before

    ratios: dict[str, list[float]] = {}
    same = 0
    for start in range(PAIRED_ROUNDS):
        rows = np.arange(start, n, n // sample)[:sample]
        for what, jobs in (("as it comes", None), ("with n_jobs=-1", -1)):
            reference = NearestNeighbors(n_neighbors=k + 1, algorithm="brute", metric="cosine", n_jobs=jobs).fit(points)
            started = time.perf_counter()
            theirs = reference.kneighbors(points[rows], return_distance=False)
            a_row = (time.perf_counter() - started) / len(rows)
            ratios.setdefault(what, []).append(a_row / (ours / n))
        for row, neighbours in zip(rows, theirs, strict=True):
            same += set(neighbours[neighbours != row][:k]) == set(found[row])
    return [
        f"{ours:.0f} s, {above:.2f} GiB above the input; identical on {same} of {PAIRED_ROUNDS * sample} rows",
        *(
            f"scikit-learn {what} takes {median(found):.2f} times as long a row ({min(found):.2f} to {max(found):.2f})"
            for what, found in ratios.items()
        ),
    ]


def _all_pairs(groups: int, deployments: int = 30, n: int = 12_000, resamples: int = 10_000) -> list[str]:
    rng = np.random.default_rng(0)
    hard = rng.random(n)
    names = [f"d{i}" for i in range(deployments)]
    logits = {name: np.stack([hard + 0.3 * rng.standard_normal(n), np.full(n, 0.4)], axis=1) for name in names}
    probabilities = {name: np.exp(v) / np.exp(v).sum(axis=1, keepdims=True) for name, v in logits.items()}
    predictions = {name: v.argmax(axis=1) for name, v in logits.items()}
    before = _peak()
    started = time.perf_counter()
    compare(
        correct={name: said == 0 for name, said in predictions.items()},
        predictions=predictions,
        probabilities={name: list(rows) for name, rows in probabilities.items()},
        groups=np.arange(n) % groups,
        strata={"first": np.arange(n) < n // 2, "second": np.arange(n) >= n // 2},
        reference="d0",
        resamples=resamples,
        seed=0,
        floors={name: Floor("execution", ("d1",)) for name in names[2:]},
    )
    return [f"{groups:,} groups: {time.perf_counter() - started:.0f} s, peak {_peak():.2f} GiB ({before:.2f} before)"]


# --- truth ---------------------------------------------------------------------------------------


def _errors(rng: np.random.Generator, groups: int, apart: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels of groups, and the errors of two deployments: alike through what is hard for both, and by group."""
    labels = np.repeat(np.arange(groups), rng.integers(1, 8, groups))
    hard = 0.8 * rng.standard_normal(groups)[labels] + rng.standard_normal(len(labels))
    first, second = (hard + apart * rng.standard_normal(len(labels)) > limit for limit in (0.9, 0.8))
    return labels, first, second


def _coverage() -> dict[str, float]:
    settings = {"alike": 0.15, "apart": 0.6}
    held: Counter[str] = Counter()
    for what, apart in settings.items():
        truth = _figures(*_errors(np.random.default_rng(12345), 400_000, apart), resamples=1)
        for study in range(STUDIES):
            drawn = _errors(np.random.default_rng(study), 250, apart)
            for name, estimate in _figures(*drawn, resamples=1000, seed=study).items():
                held[f"{name} ({what}, 250 groups)"] += _holds(estimate, truth[name].value)
    for study in range(STUDIES):
        rng = np.random.default_rng(study)
        home, abroad = (GroupBootstrap(np.arange(200), resamples=1000, seed=2 * study + side) for side in (0, 1))
        curves = roc_statistics(rng.normal(1, 1, 200), rng.normal(0, 1, 200), home, abroad)
        held["AUROC (200 points a side)"] += _holds(estimates(curves.auroc[:, None])[0], 0.7602499)
    return {name: count / STUDIES for name, count in held.items()}


def _holds(estimate: Estimate, truth: float | None) -> bool:
    return estimate.low is not None and estimate.high is not None and estimate.low <= (truth or 0.0) <= estimate.high


def _figures(
    labels: np.ndarray, first: np.ndarray, second: np.ndarray, *, resamples: int, seed: int = 0
) -> dict[str, Estimate]:
    bootstrap = GroupBootstrap(labels, resamples=resamples, seed=seed)
    found = overlaps(bootstrap, [first, second])
    worse = np.asarray(second & ~first)
    return {
        "error rate": share(bootstrap, first),
        "Jaccard": overlaps_of_sets(bootstrap, (first & second)[:, None], (first | second)[:, None])[0][0],
        "latent correlation": tetrachoric(bootstrap, first[:, None], second[:, None], np.ones_like(first))[0],
        "kappa": estimates(found.kappa())[0],
        "newly wrong": share(bootstrap, worse),
    }


if __name__ == "__main__":
    main()
