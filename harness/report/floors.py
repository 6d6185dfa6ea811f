"""Noise floors: how far the reference is from itself, run again (execution) or trained again (seed)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from harness.report.values import Estimate, Json, mapping, number
from harness.report.view import Deployment, TaskView

Kind = Literal["execution", "seed"]

BOUNDLESS = 0.9
"""From this distance on, noise leaves nothing in common: to be the same as such a floor is to be anything."""


def base_of(task: TaskView, deployment: Deployment) -> str:
    """What a deployment is held against: the reference, or for a second run the first."""
    first = deployment.replicate_of
    return task.reference if first is None else first


@dataclass(frozen=True)
class Verdict:
    """What a test against the noise floor concluded; see `benchmarks.statistics.equivalence`."""

    conclusion: str
    floor: Estimate
    times_floor: Estimate
    margin: float | None
    examples_needed: int | None

    @classmethod
    def of(cls, entry: Json) -> Verdict | None:
        if entry.get("conclusion") not in ("same", "different", "cannot tell"):
            return None
        needed = number(entry.get("examples_needed"))
        return cls(
            conclusion=str(entry["conclusion"]),
            floor=Estimate.of(entry.get("floor")),
            times_floor=Estimate.of(entry.get("times_floor")),
            margin=number(entry.get("margin")),
            examples_needed=None if needed is None else int(needed),
        )


@dataclass(frozen=True)
class Metric:
    """A figure of a pair of deployments, and where the results have it."""

    name: str
    pair: Callable[[TaskView, str, str], Json]
    estimate: Callable[[Json], Estimate]
    verdicts: Callable[[TaskView], Json] = lambda _: {}
    """By deployment; empty for figures that no test is made of."""

    def between(self, task: TaskView, a: str, b: str) -> Estimate:
        return self.estimate(self.pair(task, a, b))

    def of(self, task: TaskView, deployment: Deployment) -> Estimate:
        """Against the deployment's base."""
        return self.estimate(self.entry(task, deployment))

    def entry(self, task: TaskView, deployment: Deployment) -> Json:
        """All figures of the pair that the deployment makes with its base."""
        return self.pair(task, base_of(task, deployment), deployment.name)

    def verdict(self, task: TaskView, deployment: Deployment) -> Verdict | None:
        """None where there is no floor to hold it against."""
        return Verdict.of(mapping(self.verdicts(task).get(deployment.name)))


def error_metric(key: str, *, stratum: str = "all") -> Metric:
    # Newly wrong and newly right are parts of what changed, and are judged with it.
    tested = "jaccard" if key == "jaccard" else "disagreement"

    def pair(task: TaskView, a: str, b: str) -> Json:
        pairs = task.error_pairs.get(stratum)
        return pairs.get(a, b) if pairs else {}

    def verdicts(task: TaskView) -> Json:
        return mapping(mapping(task.strata.get(stratum, {}).get("verdicts")).get(tested))

    judged = key in ("jaccard", "disagreement", "negative_flip_rate", "positive_flip_rate")
    return Metric(
        f"{key} ({stratum})",
        pair,
        lambda entry: Estimate.of(entry.get(key)),
        verdicts if judged else lambda _: {},
    )


def neighbours_metric(k: str, *, key: str = "neighbours") -> Metric:
    def verdicts(task: TaskView) -> Json:
        found = mapping(task.characteristic("data_representation").get("verdicts"))
        return mapping(found.get(k)) if key == "neighbours" else {}

    return Metric(
        f"{key} (K = {k})",
        lambda task, a, b: task.representation_pairs.get(a, b),
        lambda entry: Estimate.of(mapping(entry.get(key)).get(k)),
        verdicts,
    )


def representation_metric(key: str) -> Metric:
    return Metric(
        key,
        lambda task, a, b: task.representation_pairs.get(a, b),
        lambda entry: Estimate.of(entry.get(key)),
    )


def distribution_metric(key: str) -> Metric:
    where = key.removeprefix("jaccard_")

    def verdicts(task: TaskView) -> Json:
        return mapping(mapping(task.characteristic("data_distribution").get("verdicts")).get(where))

    return Metric(
        key,
        lambda task, a, b: task.distribution_pairs.get(a, b),
        lambda entry: Estimate.of(entry.get(key)),
        verdicts,
    )


def attack_metric(key: str) -> Metric:
    return Metric(key, lambda task, a, b: task.attack_pairs.get(a, b), lambda entry: Estimate.of(entry.get(key)))


ERROR_OVERLAP = error_metric("jaccard")
ADJUSTED_OVERLAP = error_metric("adjusted_jaccard")
DISAGREEMENT = error_metric("disagreement")
NEWLY_WRONG = error_metric("negative_flip_rate")
NEWLY_RIGHT = error_metric("positive_flip_rate")
OUTSIDE_OVERLAP = distribution_metric("jaccard_outside")
FALLEN_OVERLAP = attack_metric("jaccard")


def replicates(task: TaskView, kind: Kind, of: str) -> tuple[Deployment, ...]:
    """The second runs of one deployment that worked."""
    return task.replicates.get((kind, of), ())


def floor(task: TaskView, metric: Metric, kind: Kind, of: str | None = None) -> Estimate:
    """A distance between the reference (or ``of``) and its replicate; of several, the largest."""
    base = task.reference if of is None else of
    known = [metric.between(task, base, d.name) for d in replicates(task, kind, base)]
    return max((e for e in known if e.value is not None), key=lambda e: e.value or 0.0, default=Estimate())


def floor_kind(task: TaskView, deployment: Deployment) -> Kind | None:
    """Which floor a deployment is held against: another model against the seed floor where there is one."""
    reference = task.reference_deployment
    if reference is None or deployment.name == reference.name:
        return None
    if deployment.model != reference.model and replicates(task, "seed", reference.name):
        return "seed"
    return "execution" if replicates(task, "execution", reference.name) else None


def conclusion(task: TaskView, metric: Metric, deployment: Deployment) -> str | None:
    """ "same", "different", "cannot tell", or None where there is no floor."""
    verdict = metric.verdict(task, deployment)
    if verdict is None:
        return None
    boundless = (verdict.floor.value or 0.0) >= BOUNDLESS
    return "cannot tell" if boundless and verdict.conclusion == "same" else verdict.conclusion
