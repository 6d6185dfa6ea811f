"""Noise floors: how far the reference is from itself, run again (execution) or trained again (seed)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import mean
from typing import Any, Generic, Literal

from benchmarks.attack.pairs import OutcomeAgreement
from benchmarks.characteristics.data_distribution import DistributionPair
from benchmarks.characteristics.data_representation import RepresentationPair
from benchmarks.characteristics.prediction_errors import ErrorPair
from benchmarks.statistics.bootstrap import UNDEFINED, Estimate
from benchmarks.statistics.equivalence import Conclusion, Verdict
from harness.report.values import P, Pairs
from harness.report.view import DeploymentView, TaskView

Kind = Literal["execution", "seed"]

BOUNDLESS = 0.9
"""From this distance on, noise leaves nothing in common: to be the same as such a floor is to be anything."""


def base_of(task: TaskView, deployment: DeploymentView) -> str:
    """What a deployment is held against: the reference, or for a second run the first."""
    first = deployment.replicate_of
    return task.reference if first is None else first


@dataclass(frozen=True)
class Metric(Generic[P]):
    """A figure of a pair of deployments, and where the results have it."""

    pairs: Callable[[TaskView], Pairs[P]]
    estimate: Callable[[P], Estimate | None]
    verdicts: Callable[[TaskView], Mapping[str, Verdict]] = lambda _: {}
    """By deployment; empty for figures that no test is made of."""

    def between(self, task: TaskView, a: str, b: str) -> Estimate:
        return self.of_pair(self.pairs(task).between(a, b))

    def of(self, task: TaskView, deployment: DeploymentView) -> Estimate:
        """Against the deployment's base."""
        return self.of_pair(self.pair(task, deployment))

    def pair(self, task: TaskView, deployment: DeploymentView) -> P | None:
        """All figures of the pair that the deployment makes with its base."""
        return self.pairs(task).between(base_of(task, deployment), deployment.name)

    def of_pair(self, pair: P | None) -> Estimate:
        """Undefined where two were not compared."""
        return UNDEFINED if pair is None else self.estimate(pair) or UNDEFINED

    def verdict(self, task: TaskView, deployment: DeploymentView) -> Verdict | None:
        """None where there is no floor to hold it against."""
        return self.verdicts(task).get(deployment.name)


def error_metric(
    estimate: Callable[[ErrorPair], Estimate | None],
    *,
    stratum: str = "all",
    tested: Literal["disagreement", "jaccard", "newly_wrong"] | None = None,
) -> Metric[ErrorPair]:
    """``tested``: the distance whose verdict is the figure's too."""

    def pairs(task: TaskView) -> Pairs[ErrorPair]:
        return task.error_pairs.get(stratum, Pairs())

    def verdicts(task: TaskView) -> Mapping[str, Verdict]:
        if tested is None or stratum not in task.strata:
            return {}
        verdicts_by_deployment: Mapping[str, Verdict] = getattr(task.strata[stratum].verdicts, tested)
        return verdicts_by_deployment

    return Metric(pairs, estimate, verdicts)


def neighbours_metric(k: str) -> Metric[RepresentationPair]:
    def verdicts(task: TaskView) -> Mapping[str, Verdict]:
        representation = task.characteristics.data_representation
        return representation.verdicts.get(k, {}) if representation else {}

    return Metric(lambda task: task.representation_pairs, lambda pair: pair.neighbours.get(k), verdicts)


def representation_metric(estimate: Callable[[RepresentationPair], Estimate | None]) -> Metric[RepresentationPair]:
    return Metric(lambda task: task.representation_pairs, estimate)


def distribution_metric(estimate: Callable[[DistributionPair], Estimate | None]) -> Metric[DistributionPair]:
    return Metric(lambda task: task.distribution_pairs, estimate)


def _detected_verdicts(task: TaskView) -> Mapping[str, Verdict]:
    distribution = task.characteristics.data_distribution
    return distribution.verdicts.out_of_distribution if distribution else {}


def _alarm_verdicts(task: TaskView) -> Mapping[str, Verdict]:
    distribution = task.characteristics.data_distribution
    return distribution.verdicts.in_distribution if distribution else {}


ERROR_OVERLAP = error_metric(lambda pair: pair.jaccard, tested="jaccard")
LATENT_CORRELATION = error_metric(lambda pair: pair.tetrachoric)
DISAGREEMENT = error_metric(lambda pair: pair.disagreement, tested="disagreement")
NEWLY_WRONG = error_metric(lambda pair: pair.negative_flip_rate, tested="newly_wrong")
DETECTED_OVERLAP: Metric[DistributionPair] = Metric(
    lambda task: task.distribution_pairs, lambda pair: pair.jaccard_out_of_distribution, _detected_verdicts
)
ALARM_OVERLAP: Metric[DistributionPair] = Metric(
    lambda task: task.distribution_pairs, lambda pair: pair.jaccard_in_distribution, _alarm_verdicts
)
ATTACK_OVERLAP: Metric[OutcomeAgreement] = Metric(lambda task: task.attack_pairs, lambda pair: pair.jaccard)


def replicates(task: TaskView, kind: Kind, of: str) -> tuple[DeploymentView, ...]:
    """The second runs of one deployment that worked."""
    return task.replicates.get((kind, of), ())


def floor(task: TaskView, metric: Metric[Any], kind: Kind, of: str | None = None) -> Estimate:
    """The distance between the reference (or ``of``) and its replicate; of several their mean, without an interval."""
    base = task.reference if of is None else of
    known = [metric.between(task, base, d.name) for d in replicates(task, kind, base)]
    values = [estimate.value for estimate in known if estimate.value is not None]
    if len(values) < 2:
        return next((estimate for estimate in known if estimate.value is not None), UNDEFINED)
    return Estimate(mean(values), None, None)


def conclusion(task: TaskView, metric: Metric[Any], deployment: DeploymentView) -> Conclusion | None:
    """ "same", "different", "cannot tell", or None where there is no floor."""
    verdict = metric.verdict(task, deployment)
    if verdict is None:
        return None
    boundless = (verdict.floor.value or 0.0) >= BOUNDLESS
    return "cannot tell" if boundless and verdict.conclusion == "same" else verdict.conclusion
