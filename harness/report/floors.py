"""Noise floors: how far the reference is from itself, run again (execution) or trained again (seed)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from harness.report.values import Estimate, Json, mapping
from harness.report.view import Deployment, TaskView

Kind = Literal["execution", "seed"]


def base_of(task: TaskView, deployment: Deployment) -> str:
    """What a deployment is held against: the reference, or for a second run the first."""
    first = deployment.replicate_of
    return task.reference if first is None else first


@dataclass(frozen=True)
class Metric:
    """A figure of a pair of deployments, and where the results have it."""

    name: str
    pair: Callable[[TaskView, str, str], Json]
    estimate: Callable[[Json], Estimate]
    agreement: bool
    """True: 1 means the same. False: 0 does."""

    def between(self, task: TaskView, a: str, b: str) -> Estimate:
        return self.estimate(self.pair(task, a, b))

    def of(self, task: TaskView, deployment: Deployment) -> Estimate:
        """Against the deployment's base."""
        return self.estimate(self.entry(task, deployment))

    def entry(self, task: TaskView, deployment: Deployment) -> Json:
        """All figures of the pair that the deployment makes with its base."""
        return self.pair(task, base_of(task, deployment), deployment.name)


def error_metric(key: str, *, stratum: str = "all", agreement: bool = True) -> Metric:
    def pair(task: TaskView, a: str, b: str) -> Json:
        pairs = task.error_pairs.get(stratum)
        return pairs.get(a, b) if pairs else {}

    return Metric(f"{key} ({stratum})", pair, lambda entry: Estimate.of(entry.get(key)), agreement)


def neighbours_metric(k: str, *, key: str = "neighbours") -> Metric:
    return Metric(
        f"{key} (K = {k})",
        lambda task, a, b: task.representation_pairs.get(a, b),
        lambda entry: Estimate.of(mapping(entry.get(key)).get(k)),
        True,
    )


def representation_metric(key: str) -> Metric:
    return Metric(
        key,
        lambda task, a, b: task.representation_pairs.get(a, b),
        lambda entry: Estimate.of(entry.get(key)),
        True,
    )


def distribution_metric(key: str) -> Metric:
    return Metric(
        key,
        lambda task, a, b: task.distribution_pairs.get(a, b),
        lambda entry: Estimate.of(entry.get(key)),
        True,
    )


def attack_metric(key: str) -> Metric:
    return Metric(key, lambda task, a, b: task.attack_pairs.get(a, b), lambda entry: Estimate.of(entry.get(key)), True)


ERROR_OVERLAP = error_metric("jaccard")
ADJUSTED_OVERLAP = error_metric("adjusted_jaccard")
DISAGREEMENT = error_metric("disagreement", agreement=False)
NEWLY_WRONG = error_metric("negative_flip_rate", agreement=False)
NEWLY_RIGHT = error_metric("positive_flip_rate", agreement=False)
OUTSIDE_OVERLAP = distribution_metric("jaccard_outside")
FALLEN_OVERLAP = attack_metric("jaccard")


def replicates(task: TaskView, kind: Kind, of: str) -> tuple[Deployment, ...]:
    """The second runs of one deployment that worked."""
    return task.replicates.get((kind, of), ())


def floor(task: TaskView, metric: Metric, kind: Kind, of: str | None = None) -> Estimate:
    """The metric between the reference (or ``of``) and its replicate; of several, the noisiest."""
    base = task.reference if of is None else of
    return _noisiest(metric, [metric.between(task, base, d.name) for d in replicates(task, kind, base)])


def floor_kind(task: TaskView, deployment: Deployment) -> Kind | None:
    """Which floor a deployment is held against: another model against the seed floor where there is one."""
    reference = task.reference_deployment
    if reference is None or deployment.name == reference.name:
        return None
    if deployment.model != reference.model and replicates(task, "seed", reference.name):
        return "seed"
    return "execution" if replicates(task, "execution", reference.name) else None


def floor_of(task: TaskView, metric: Metric, deployment: Deployment) -> Estimate:
    """What a deployment is held against: the reference's floor, or its own second run's if noisier."""
    kind = floor_kind(task, deployment)
    if kind is None:
        return Estimate()
    return _noisiest(metric, [floor(task, metric, kind), floor(task, metric, "execution", deployment.name)])


def within(estimate: Estimate, noise: Estimate, *, agreement: bool) -> bool:
    """Whether a figure cannot be told from its floor: it is no further off, or their intervals overlap."""
    if estimate.value is None or noise.value is None:
        return False
    no_further = estimate.value >= noise.value if agreement else estimate.value <= noise.value
    return no_further or estimate.overlaps(noise)


def within_floor(task: TaskView, metric: Metric, deployment: Deployment) -> bool:
    return within(metric.of(task, deployment), floor_of(task, metric, deployment), agreement=metric.agreement)


def _noisiest(metric: Metric, estimates: list[Estimate]) -> Estimate:
    known = [estimate for estimate in estimates if estimate.value is not None]
    if not known:
        return Estimate()
    return (min if metric.agreement else max)(known, key=lambda estimate: estimate.value or 0.0)
