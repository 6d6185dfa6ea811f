"""Figures as the results have them, each with what its limit is tested by: one reader for each of `FIGURES`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from benchmarks.characteristics.entities import Entities
from benchmarks.characteristics.label_sets import LabelSets
from benchmarks.characteristics.prediction_errors import ErrorPair
from benchmarks.performance.replicates import median_interval
from benchmarks.statistics.bootstrap import Estimate
from benchmarks.statistics.equivalence import ScoreChange, Verdict
from benchmarks.statistics.limits import Exact, Median, Ratio, Share, Tested, Widened
from harness.report.findings.phrases import plural
from harness.report.findings.thresholds import INTERVAL_PROCESSES
from harness.report.floors import DISAGREEMENT, ERROR_OVERLAP, NEWLY_WRONG, Metric
from harness.report.view import DeploymentView, Scenario, TaskView
from harness.results.timings import ProcessFigures


@dataclass(frozen=True)
class Reading:
    """A figure of a deployment, in the unit of the results."""

    estimate: Estimate
    """With its 95 % interval as the results have it."""
    tested: Tested | None
    """None: it has no interval."""
    examples: int | None = None
    """How many it is of, where more would tell more."""
    verdict: Verdict | None = None
    """Of its distance from the reference against its floor; None: there is none."""
    change: Tested | None = None
    """Less the reference's, on the same examples; None: not told."""
    doubt: str = ""
    """Why it decides nothing."""


Reader = Callable[[TaskView, DeploymentView, str], Reading | None]
"""None: the run did not measure it. The text is what the figure is of, such as a class."""

READERS: dict[str, Reader] = {}
"""By the figure's name."""


def _reads(name: str) -> Callable[[Reader], Reader]:
    def register(reader: Reader) -> Reader:
        READERS[name] = reader
        return reader

    return register


def _share(estimate: Estimate | None, examples: int, verdict: Verdict | None = None) -> Reading | None:
    return None if estimate is None else Reading(estimate, Share.of(estimate), examples, verdict)


def _mean(estimate: Estimate | None, examples: int, verdict: Verdict | None = None) -> Reading | None:
    """A figure whose interval is that of resamples: at another level a normal one, as wide on either side."""
    if estimate is None or estimate.value is None:
        return None
    return Reading(estimate, Widened.of(estimate), examples, verdict)


def _errors(task: TaskView, deployment: DeploymentView) -> ErrorPair | None:
    """Its errors and the reference's; None: not both are known."""
    pairs = task.error_pairs.get("all")
    return pairs.between(task.reference, deployment.name) if pairs else None


def _of_errors(name: str, metric: Metric[ErrorPair]) -> None:
    @_reads(name)
    def read(task: TaskView, deployment: DeploymentView, _: str) -> Reading | None:
        pair, overall = _errors(task, deployment), task.overall
        if pair is None or overall is None or not (task.labelled or metric is DISAGREEMENT):
            return None
        return _share(metric.estimate(pair), overall.n, metric.verdict(task, deployment))


_of_errors("changed", DISAGREEMENT)
_of_errors("newly-wrong", NEWLY_WRONG)
_of_errors("error-overlap", ERROR_OVERLAP)


@_reads("divergence")
def _divergence(task: TaskView, deployment: DeploymentView, _: str) -> Reading | None:
    pair, overall = _errors(task, deployment), task.overall
    return None if pair is None or overall is None else _mean(pair.divergence, overall.n)


def _percentile(part: Literal["p95", "p99"]) -> None:
    @_reads(f"divergence-{part}")
    def read(task: TaskView, deployment: DeploymentView, _: str) -> Reading | None:
        divergences = task.overall.divergences.get(deployment.name) if task.overall else None
        if divergences is None or task.overall is None:
            return None
        estimate: Estimate = getattr(divergences.jensen_shannon, part)
        doubt = "" if Widened.of(estimate) else f"has no interval: {task.overall.n:,} examples are too few for it"
        return Reading(estimate, Widened.of(estimate), task.overall.n, doubt=doubt)


_percentile("p95")
_percentile("p99")


@_reads("score")
def _score(task: TaskView, deployment: DeploymentView, _: str) -> Reading | None:
    overall = task.overall
    if overall is None or deployment.name not in overall.errors:
        return None
    wrong = overall.errors[deployment.name].rate
    if wrong.value is None:
        return None
    right = Estimate(*(None if end is None else 1 - end for end in (wrong.value, wrong.high, wrong.low)))
    return Reading(right, Share.of(right), overall.n, change=_evidence(overall.scores.get(deployment.name)))


@_reads("recall")
def _recall(task: TaskView, deployment: DeploymentView, of: str) -> Reading | None:
    recall = task.recalls.get(of)
    if recall is None or deployment.name not in recall.rates:
        return None
    own = recall.rates[deployment.name]
    return Reading(own, Share.of(own), recall.n, change=_evidence(recall.changes.get(deployment.name)))


@_reads("score-change")
def _score_change(task: TaskView, deployment: DeploymentView, _: str) -> Reading | None:
    overall = task.overall
    change = overall.scores.get(deployment.name) if overall else None
    return None if change is None or overall is None else Reading(change.change, _evidence(change), overall.n)


@_reads("f1-kept")
def _f1_kept(task: TaskView, deployment: DeploymentView, _: str) -> Reading | None:
    errors, overall = task.characteristics.prediction_errors, task.overall
    if errors is None or overall is None or deployment.name not in errors.f1_kept:
        return None
    return _mean(errors.f1_kept[deployment.name], overall.n)


def _evidence(change: ScoreChange | None) -> Tested | None:
    """None as well for what a damaged file has: a change of no examples."""
    return change.evidence if change is not None and change.evidence.n > 0 else None


@_reads("neighbours")
def _neighbours(task: TaskView, deployment: DeploymentView, _: str) -> Reading | None:
    representation, k = task.characteristics.data_representation, task.neighbours_shown
    pair = task.representation_pairs.between(task.reference, deployment.name)
    if representation is None or k is None or pair is None:
        return None
    return _mean(pair.neighbours.get(k), representation.n, representation.verdicts.get(k, {}).get(deployment.name))


@_reads("spearman-change")
def _spearman_change(task: TaskView, deployment: DeploymentView, _: str) -> Reading | None:
    result = task.characteristics.pair_scores
    if result is None or deployment.name not in result.deployments:
        return None
    return _mean(result.deployments[deployment.name].spearman_change, result.pairs)


@_reads("ndcg-change")
def _ndcg_change(task: TaskView, deployment: DeploymentView, _: str) -> Reading | None:
    result = task.characteristics.retrieval or task.characteristics.reranking
    own = result.quality.get(deployment.name) if result else None
    return _mean(own.ndcg_change, result.queries) if result and own else None


@_reads("first-ten")
def _first_ten(task: TaskView, deployment: DeploymentView, _: str) -> Reading | None:
    result = task.characteristics.retrieval
    change = result.changes.get(deployment.name) if result else None
    return _mean(change.overlap, result.queries, result.verdicts.get(deployment.name)) if result and change else None


@_reads("order")
def _order(task: TaskView, deployment: DeploymentView, _: str) -> Reading | None:
    result = task.characteristics.reranking
    change = result.changes.get(deployment.name) if result else None
    return _mean(change.kendall, result.queries, result.verdicts.get(deployment.name)) if result and change else None


@_reads("index-change")
def _index_change(task: TaskView, deployment: DeploymentView, _: str) -> Reading | None:
    result = task.characteristics.retrieval
    mixed = result.on_index(task.reference, deployment.name) if result else None
    return None if result is None or mixed is None else _mean(mixed.change, result.queries)


@_reads("entity-f1-change")
def _entity_f1_change(task: TaskView, deployment: DeploymentView, _: str) -> Reading | None:
    result = task.characteristics.entities
    return _f1_change(result, result.sentences, deployment) if result else None


@_reads("entities-shared")
def _entities_shared(task: TaskView, deployment: DeploymentView, _: str) -> Reading | None:
    result = task.characteristics.entities
    return _shared(result, result.sentences, deployment) if result else None


@_reads("label-f1-change")
def _label_f1_change(task: TaskView, deployment: DeploymentView, _: str) -> Reading | None:
    result = task.characteristics.label_sets
    return _f1_change(result, result.texts, deployment) if result else None


@_reads("labels-shared")
def _labels_shared(task: TaskView, deployment: DeploymentView, _: str) -> Reading | None:
    result = task.characteristics.label_sets
    return _shared(result, result.texts, deployment) if result else None


def _f1_change(result: Entities | LabelSets, examples: int, deployment: DeploymentView) -> Reading | None:
    own = result.quality.get(deployment.name)
    return _mean(own.f1_change, examples) if own else None


def _shared(result: Entities | LabelSets, examples: int, deployment: DeploymentView) -> Reading | None:
    change = result.changes.get(deployment.name)
    return _mean(change.shared, examples, result.verdicts.get(deployment.name)) if change else None


@_reads("ood-auroc")
def _ood_auroc(task: TaskView, deployment: DeploymentView, _: str) -> Reading | None:
    distribution = task.characteristics.data_distribution
    if distribution is None or deployment.name not in distribution.detectors:
        return None
    own, base = distribution.detectors[deployment.name].auroc, distribution.detectors.get(task.reference)
    widened, reference = Widened.of(own), Widened.of(base.auroc) if base else None
    change = widened.less(reference) if widened and reference else None
    return Reading(own, widened, distribution.n_out_of_distribution, change=change)


@_reads("ood-overlap")
def _ood_overlap(task: TaskView, deployment: DeploymentView, _: str) -> Reading | None:
    distribution = task.characteristics.data_distribution
    pair = task.distribution_pairs.between(task.reference, deployment.name)
    if distribution is None or pair is None:
        return None
    verdict = distribution.verdicts.out_of_distribution.get(deployment.name)
    return _share(pair.jaccard_out_of_distribution, distribution.n_out_of_distribution, verdict)


@_reads("attack-success")
def _attack_success(task: TaskView, deployment: DeploymentView, _: str) -> Reading | None:
    attack = task.characteristics.adversarial_attack
    if attack is None or deployment.name not in attack.deployments:
        return None
    rate = attack.deployments[deployment.name].success_rate
    change = _evidence(attack.success_changes.get(deployment.name))
    return Reading(rate, Share.of(rate), attack.n, change=change)


@_reads("speed-up")
def _speed_up(task: TaskView, deployment: DeploymentView, _: str) -> Reading | None:
    if deployment.timings is None:
        return None
    paired = deployment.timings.paired
    if paired is None or paired.against != task.reference:
        doubt = "was not measured in pairs with the reference; run the study again"
        return Reading(Estimate(None, None, None), None, doubt=doubt)
    if paired.interval is None:
        sample_size = f"{plural(paired.pairs, 'pair')} in {plural(paired.processes, 'process', 'processes')}"
        doubt = f"has no interval ({sample_size}); raise performance.replicates"
        return Reading(Estimate(paired.ratio, None, None), None, doubt=doubt)
    estimate = Estimate(paired.ratio, *paired.interval)
    return Reading(estimate, Ratio.of(estimate))


def _latency(name: str, field: str, *, tail: bool = False) -> None:
    def value(process: ProcessFigures) -> float | None:
        stream = process.single_stream
        latency: float | None = None if stream is None else getattr(stream, field)
        return latency

    @_reads(name)
    def read(task: TaskView, deployment: DeploymentView, _: str) -> Reading | None:
        doubtful = deployment.doubtful_tail if tail else deployment.doubtful
        return _timed(deployment, value, doubtful("single_stream"))


_latency("p50", "p50_ms")
_latency("p90", "p90_ms")
_latency("p99", "p99_ms", tail=True)


def _rate(name: str, scenario: Scenario, field: str) -> None:
    def value(process: ProcessFigures) -> float | None:
        load = getattr(process, scenario)
        rate: float | None = None if load is None else getattr(load, field)
        return rate

    @_reads(name)
    def read(task: TaskView, deployment: DeploymentView, _: str) -> Reading | None:
        return _timed(deployment, value, deployment.doubtful(scenario))


_rate("throughput", "offline", "samples_per_second")
_rate("server-rate", "server", "rate")


@_reads("peak-memory")
def _peak_memory(task: TaskView, deployment: DeploymentView, _: str) -> Reading | None:
    own = _timed(deployment, lambda process: process.peak_memory_bytes)
    base = task.reference_deployment
    of_base = _timed(base, lambda process: process.peak_memory_bytes) if base else None
    if own is None or of_base is None:
        return own
    ratio, other = Ratio.of(own.estimate), Ratio.of(of_base.estimate)
    return Reading(own.estimate, own.tested, change=ratio.over(other) if ratio and other else None, doubt=own.doubt)


def _timed(
    deployment: DeploymentView, value: Callable[[ProcessFigures], float | None], marked: bool = False
) -> Reading | None:
    """The median over fresh processes."""
    processes = deployment.timings.replicates if deployment.timings else []
    values = tuple(figure for process in processes if (figure := value(process)) is not None)
    if not values:
        return None
    median = Median(values)
    doubt = ""
    if len(values) < INTERVAL_PROCESSES:
        known = plural(len(values), "process", "processes")
        doubt = f"rests on {known}, and needs {INTERVAL_PROCESSES} (--set performance.replicates={INTERVAL_PROCESSES})"
    elif marked:
        doubt = "is marked !: unsteady, or the machine was disturbed; measure again when nothing else runs"
    ends = median_interval(values) or (None, None)
    return Reading(Estimate(median.value, *ends), median, doubt=doubt)


@_reads("file-size")
def _file_size(task: TaskView, deployment: DeploymentView, _: str) -> Reading | None:
    size = deployment.bytes
    if size is None:
        return None
    base = task.reference_deployment.bytes if task.reference_deployment else None
    return Reading(Estimate(size, size, size), Exact(size), change=Exact(size / base) if base else None)


@_reads("int8-share")
def _int8_share(task: TaskView, deployment: DeploymentView, _: str) -> Reading | None:
    matmuls = deployment.verification.matmuls if deployment.verification else None
    if not matmuls:
        return None
    share = matmuls.get("int8", 0) / sum(matmuls.values())
    return Reading(Estimate(share, share, share), Exact(share))
