"""The results as the report reads them: tasks, and their deployments in the order of every table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from benchmarks.attack.pairs import OutcomeAgreement
from benchmarks.attack.transfer import Transfer
from benchmarks.characteristics.adversarial_attack import Vulnerability
from benchmarks.characteristics.data_distribution import DistributionPair
from benchmarks.characteristics.data_representation import RepresentationPair
from benchmarks.characteristics.prediction_errors import ClassRecall, ErrorPair, Stratum
from benchmarks.performance.timing_warning import TimingWarning
from exporters.formats import ALL
from harness.config.deployments import EXECUTION_REPLICATE
from harness.config.task_registry import TASKS, task_class
from harness.report.values import Pairs, quotient, words
from harness.results.deployments import ArtifactFacts, ClaimedScores, DeploymentResult, Quality
from harness.results.read import RunResults
from harness.results.schema import CharacteristicResults, TaskResults
from harness.results.timings import (
    DeploymentPerformance,
    Interval,
    LatencyFigures,
    OfflineFigures,
    OncePerProcess,
    ServerFigures,
)
from harness.store.runtime_facts import RuntimeFacts
from harness.tasks.task import Task
from harness.verification.result import VerificationResult

FORMAT_ORDER = tuple(ALL)

SCATTERED = 3.0
"""A speed-up whose interval spans more than this factor says little of which is faster."""

Percentile = Literal["p50", "p90", "p95", "p99"]
Scenario = Literal["single_stream", "multi_stream", "offline", "server"]
SpeedMeasure = Literal["single requests, timed in pairs with the reference", "p50", "offline throughput"]
"""What speed-ups are ratios of."""

UNTIMED = OncePerProcess.model_validate(dict.fromkeys(OncePerProcess.model_fields))


@dataclass(frozen=True, eq=False)  # by identity: two runs of one artifact are two deployments
class DeploymentView:
    """One deployment of a task; ``number`` is its [n] in every table."""

    name: str
    number: int
    short: str
    """The name without "onnx-", and without the backend where the task has only one."""
    variant: str
    """The format alone, for rows that stand under their model."""
    model: str
    format: str
    """Empty where it is not known, as the backend."""
    backend: str
    result: DeploymentResult
    timings: DeploymentPerformance | None
    """None: it was not timed."""

    @property
    def ok(self) -> bool:
        return self.result.status == "ok"

    @property
    def has_results(self) -> bool:
        """Whether it answered the evaluation: one whose timing or attack failed has, and is compared."""
        return self.ok or self.quality is not None

    @property
    def random(self) -> bool:
        return self.result.random

    @property
    def replicate_of(self) -> str | None:
        return self.result.replicate_of

    @property
    def pruned_of(self) -> str | None:
        """The model that this one was pruned from."""
        return self.result.pruned_of

    @property
    def claimed(self) -> ClaimedScores | None:
        """What its checkpoint's card claims."""
        return self.result.claimed

    @property
    def replicate_kind(self) -> Literal["seed", "execution"] | None:
        return self.result.replicate_kind

    @property
    def label(self) -> str:
        """For sentences: "[3] bert-base/onnx-fp16"."""
        return f"[{self.number}] {self.short}"

    @property
    def precision(self) -> str:
        """Of the format (`exporters.format.Precision`), or of a finished file, as found in it; "" unknown."""
        facts = ALL.get(self.format)
        artifact_precision = self.artifact.precision if self.artifact else ""
        return (facts.precision if facts else None) or artifact_precision

    @property
    def is_fp32(self) -> bool:
        return self.precision == "fp32"

    @property
    def quality(self) -> Quality | None:
        return self.result.quality

    @property
    def score(self) -> float | None:
        """The share of examples that are right: exact match or accuracy."""
        return None if self.quality is None else self.quality.score

    @property
    def verification(self) -> VerificationResult | None:
        return self.result.verification

    @property
    def artifact(self) -> ArtifactFacts | None:
        return self.result.artifact

    @property
    def runtime(self) -> RuntimeFacts | None:
        return self.result.runtime

    @property
    def emulated(self) -> bool:
        """Whether its FP8 was computed in another type: its numbers are FP8's, its speed is not."""
        matmuls = self.verification.matmuls if self.verification else None
        return self.precision == "fp8" and bool(matmuls) and "fp8" not in (matmuls or {})

    @property
    def bytes(self) -> float | None:
        return None if self.artifact is None else self.artifact.bytes

    @property
    def once(self) -> OncePerProcess:
        """What is measured once in a process: all None where nothing was timed."""
        return self.timings or UNTIMED

    @property
    def warnings(self) -> list[TimingWarning]:
        """Of the measurements, each on one line."""
        recorded = self.timings.warnings if self.timings else []
        return [replace(one, text=words(one.text), next_step=words(one.next_step)) for one in recorded]

    def latency(self, figure: Percentile) -> float | None:
        """Of single-stream, in milliseconds."""
        single = self.timings.single_stream if self.timings else None
        if single is None:
            return None
        return {"p50": single.p50_ms, "p90": single.p90_ms, "p95": single.p95_ms, "p99": single.p99_ms}[figure]

    @property
    def samples_per_second(self) -> float | None:
        offline = self.timings.offline if self.timings else None
        return None if offline is None else offline.samples_per_second

    def scenario(self, name: Scenario) -> LatencyFigures | OfflineFigures | ServerFigures | None:
        if self.timings is None:
            return None
        timed = self.timings
        return {
            "single_stream": timed.single_stream,
            "multi_stream": timed.multi_stream,
            "offline": timed.offline,
            "server": timed.server,
        }[name]

    @property
    def unstable(self) -> bool:
        """Whether a timing did not settle, or scatters widely."""
        return self.unsettled("single_stream") or self.unsettled("offline")

    def unsettled(self, scenario: Scenario) -> bool:
        timing = self.scenario(scenario)
        if timing is None:
            return False
        return not timing.steady or (isinstance(timing, LatencyFigures) and timing.scattered)

    def disturbed(self, scenario: Scenario) -> bool:
        """Whether the machine did other things, or changed its clock, while it was measured."""
        timing = self.scenario(scenario)
        return timing is not None and timing.disturbed

    def doubtful(self, scenario: Scenario) -> bool:
        """Whether a figure is marked: see `unsettled` and `disturbed`."""
        return self.unsettled(scenario) or self.disturbed(scenario)

    def doubtful_tail(self, scenario: Scenario) -> bool:
        return self.unsettled_tail(scenario) or self.disturbed(scenario)

    def unsettled_tail(self, scenario: Scenario) -> bool:
        """Whether the p99 is less than that of a steady tail of enough queries."""
        timing = self.scenario(scenario)
        return isinstance(timing, LatencyFigures) and not timing.tail_steady


@dataclass(frozen=True)
class RankedSpeedUp:
    """A speed-up that may be held against others."""

    value: float
    low: float
    high: float

    def above(self, other: RankedSpeedUp) -> bool:
        """As a fact: of two whose intervals overlap, none is faster."""
        return self.low > other.high


class ExternalTask(Task):
    """A task whose outputs came from files, under a name of their own."""

    unit = "example"
    verified_score = None


class TaskView:
    """One task of the results."""

    def __init__(self, name: str, result: TaskResults, timings: Mapping[str, DeploymentPerformance]) -> None:
        self.name = name
        self.kind: type[Task] = task_class(name) if name in TASKS else ExternalTask
        self.result = result
        self.reference = result.reference
        self.notes = tuple(words(note) for note in result.notes)
        self.deployments = _ordered(result, timings)
        self.by_name = {deployment.name: deployment for deployment in self.deployments}

    @property
    def unit(self) -> str:
        """What one example is called."""
        return self.kind.unit

    def unit_of(self, role: str) -> str:
        """What one example of a data set is called."""
        return self.unit if role == "evaluation" or self.kind.other_unit is None else self.kind.other_unit

    @property
    def score_name(self) -> str:
        """What the share of examples that are right is called."""
        return self.kind.score_name

    @property
    def score_heading(self) -> str:
        """The same above a column."""
        return {"exact match": "EM"}.get(self.score_name, self.score_name)

    @property
    def main_figure(self) -> tuple[str, str] | None:
        """By which people know the task, beside that share: its field of `Quality`, and its heading."""
        name = self.kind.main_figure
        return None if name is None else (name, self.kind.figures[name])

    @property
    def external(self) -> bool:
        """Whether its outputs came from files: no model was run, so there is no speed, memory or format."""
        return self.result.family == "external"

    @cached_property
    def reference_deployment(self) -> DeploymentView | None:
        return self.by_name.get(self.reference)

    @cached_property
    def measured(self) -> tuple[DeploymentView, ...]:
        """Those with results that are no second run of another."""
        return tuple(d for d in self.deployments if d.has_results and d.replicate_kind != "execution")

    @cached_property
    def candidates(self) -> tuple[DeploymentView, ...]:
        """Those that one would deploy instead of the reference and whose answers mean something."""
        return tuple(d for d in self.measured if d.replicate_kind is None and not d.random and d.name != self.reference)

    @cached_property
    def replicates(self) -> dict[tuple[str, str], tuple[DeploymentView, ...]]:
        """The second runs with results, by kind and by the name of the first."""
        replicates: dict[tuple[str, str], tuple[DeploymentView, ...]] = {}
        for d in self.deployments:
            if d.has_results and d.replicate_of is not None:
                place = str(d.replicate_kind), d.replicate_of
                replicates[place] = (*replicates.get(place, ()), d)
        return replicates

    @cached_property
    def backends(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(d.backend for d in self.deployments))

    @property
    def characteristics(self) -> CharacteristicResults:
        return self.result.characteristics

    @cached_property
    def strata(self) -> dict[str, Stratum]:
        """Of the prediction errors: "all" and, for question answering, the two kinds of questions."""
        errors = self.characteristics.prediction_errors
        return {} if errors is None else errors.strata

    @property
    def recalls(self) -> dict[str, ClassRecall]:
        """By class, in the order of the labels; by type, where entities, or labels, have one and not examples."""
        parts = self.characteristics.entities or self.characteristics.label_sets
        errors = parts.errors if parts else self.characteristics.prediction_errors
        return {} if errors is None else errors.recalls

    @property
    def recalled(self) -> str:
        """What of a class is right or not."""
        if self.characteristics.label_sets:
            return "labels"
        return "entities" if self.characteristics.entities else "examples"

    @property
    def overall(self) -> Stratum | None:
        """Prediction errors over all examples."""
        return self.strata.get("all")

    @property
    def labelled(self) -> bool:
        """Whether it is known what is right; else predictions are compared, and no errors."""
        return self.overall is None or bool(self.overall.errors)

    @property
    def examples(self) -> int | None:
        """How many were compared."""
        return None if self.overall is None else self.overall.n

    @property
    def reference_errors(self) -> int | None:
        """How many examples the reference gets wrong."""
        errors = self.overall.errors if self.overall else {}
        return errors[self.reference].count if self.reference in errors else None

    @cached_property
    def error_pairs(self) -> dict[str, Pairs[ErrorPair]]:
        return {name: Pairs(stratum.pairs) for name, stratum in self.strata.items()}

    @cached_property
    def representation_pairs(self) -> Pairs[RepresentationPair]:
        representation = self.characteristics.data_representation
        return Pairs(representation.pairs if representation else ())

    @cached_property
    def distribution_pairs(self) -> Pairs[DistributionPair]:
        distribution = self.characteristics.data_distribution
        return Pairs(distribution.pairs if distribution else ())

    @cached_property
    def attack_pairs(self) -> Pairs[OutcomeAgreement]:
        attack = self.characteristics.adversarial_attack
        return Pairs(attack.pairs if attack else ())

    @cached_property
    def attacked(self) -> dict[str, Vulnerability]:
        """Figures of the deployments that were attacked themselves, by name."""
        attack = self.characteristics.adversarial_attack
        return attack.deployments if attack else {}

    @cached_property
    def transfers(self) -> dict[str, Transfer]:
        """Rows of the transfer matrix by the deployment that the texts were crafted on."""
        attack = self.characteristics.adversarial_attack
        return {row.source: row for row in attack.transfers} if attack else {}

    @cached_property
    def neighbour_counts(self) -> tuple[str, ...]:
        """The values of K, as the keys of the results, ascending."""
        representation = self.characteristics.data_representation
        return tuple(sorted(representation.chance_jaccard, key=int)) if representation else ()

    @property
    def neighbours_shown(self) -> str | None:
        """The one K that summaries show: the middle one."""
        counts = self.neighbour_counts
        return counts[len(counts) // 2] if counts else None

    @cached_property
    def timed_in_pairs(self) -> bool:
        """Whether any deployment was, with the reference."""
        return any(self._paired(d) is not None for d in self.deployments if d.name != self.reference)

    @cached_property
    def speed_measure(self) -> SpeedMeasure:
        """What every speed-up of the task is of: requests timed in pairs with the reference, where any were.

        Else the p50, or throughput where the reference has no latency. What was not measured so has no speed-up.
        """
        if self.timed_in_pairs:
            return "single requests, timed in pairs with the reference"
        base = self.reference_deployment
        offline_alone = base is not None and base.latency("p50") is None and base.samples_per_second is not None
        return "offline throughput" if offline_alone else "p50"

    @property
    def speed_scenario(self) -> Scenario:
        """Where speed-ups are measured."""
        return "offline" if self.speed_measure == "offline throughput" else "single_stream"

    def speed_up(self, deployment: DeploymentView, against: DeploymentView | None = None) -> float | None:
        """Times as fast as the reference, or as another, by `speed_measure`."""
        base = against or self.reference_deployment
        if base is None:
            return None
        if self.timed_in_pairs:
            return quotient(self._paired(deployment), self._paired(base))
        if self.speed_scenario == "single_stream":
            return quotient(base.latency("p50"), deployment.latency("p50"))
        return quotient(deployment.samples_per_second, base.samples_per_second)

    def speed_up_interval(self, deployment: DeploymentView) -> Interval | None:
        """Of 95 %, of the speed-up over the reference; None where that was not measured in pairs of several processes.

        The reference's own 1 is certain.
        """
        if deployment.name == self.reference:
            return 1.0, 1.0
        paired = deployment.timings.paired if deployment.timings else None
        return paired.interval if paired and paired.against == self.reference else None

    def doubtful_speed_up(self, deployment: DeploymentView, against: DeploymentView | None = None) -> bool:
        """Whether a speed-up is that of pairs that scatter, or of two timings of which one is marked.

        It is printed with a mark, and ranks nothing.
        """
        base = against or self.reference_deployment
        if base is None or base is deployment:
            return False
        if self.timed_in_pairs:
            intervals = [self.speed_up_interval(d) for d in (deployment, base)]
            return any(interval[1] > SCATTERED * interval[0] for interval in intervals if interval is not None)
        return any(d.doubtful(self.speed_scenario) for d in (deployment, base))

    def ranked_speed_up(self, deployment: DeploymentView) -> RankedSpeedUp | None:
        """The speed-up over the reference, with the interval of one figure itself; None where it ranks nothing."""
        speed = None if self.doubtful_speed_up(deployment) else self.speed_up(deployment)
        return None if not speed else RankedSpeedUp(speed, *(self.speed_up_interval(deployment) or (speed, speed)))

    def _paired(self, deployment: DeploymentView) -> float | None:
        """Times as fast as the reference, as measured in pairs; 1 of the reference itself."""
        if deployment.name == self.reference:
            return 1.0
        paired = deployment.timings.paired if deployment.timings else None
        return paired.ratio if paired and paired.against == self.reference else None

    def score_change(self, deployment: DeploymentView) -> float | None:
        """Of the score, against the reference's, in points."""
        base = self.reference_deployment
        if base is None or base.score is None or deployment.score is None:
            return None
        return 100 * (deployment.score - base.score)

    def size_ratio(self, deployment: DeploymentView) -> float | None:
        base = self.reference_deployment
        return None if base is None else quotient(deployment.bytes, base.bytes)


def tasks_of(run: RunResults) -> tuple[TaskView, ...]:
    return tuple(TaskView(name, task, run.timings(name)) for name, task in run.results.tasks.items())


def _ordered(task: TaskResults, timings: Mapping[str, DeploymentPerformance]) -> tuple[DeploymentView, ...]:
    """The reference first, then its model, then models from large to small; second runs come last."""
    deployments, reference = task.deployments, task.deployments.get(task.reference)
    sizes: dict[str, int] = {}
    for one in deployments.values():
        parameters = (one.artifact.parameters if one.artifact else None) or 0
        sizes[one.model] = max(parameters, sizes.get(one.model, 0))
    appearance = list(sizes)

    def place(name: str) -> tuple[Any, ...]:
        one = deployments[name]
        form, backend = one.format or "", one.backend or ""
        return (
            {"seed": 1, "execution": 2}.get(str(one.replicate_kind), 0),
            reference is None or one.model != reference.model,
            -sizes[one.model],
            appearance.index(one.model),
            reference is None or one.backend != reference.backend,
            backend,
            name != task.reference,
            FORMAT_ORDER.index(form) if form in FORMAT_ORDER else len(FORMAT_ORDER),
            form,
            name,
        )

    several = len({one.backend for one in deployments.values()}) > 1
    ordered = []
    for index, name in enumerate(sorted(deployments, key=place), start=1):
        one = deployments[name]
        model, form, backend = words(one.model), words(one.format), words(one.backend)
        rerun = EXECUTION_REPLICATE if one.replicate_kind == "execution" else ""
        shown = short_format(form)
        short = (f"{model}/{shown}" if shown else model) + (f"@{backend}" if several and backend else "") + rerun
        view = DeploymentView(name, index, short, shown or model, model, form, backend, one, timings.get(name))
        ordered.append(view)
    return tuple(ordered)


def short_format(name: str) -> str:
    """A format in tables; one that is not known here by its whole name."""
    return ALL[name].short if name in ALL else name
