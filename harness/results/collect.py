"""Results of a run, collected from its steps into the run's folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.performance.paired import speed_up
from exporters.files import BESIDE_THE_MODEL
from exporters.formats import ALL
from exporters.manifest import Manifest, read_manifest
from exporters.work import Work
from harness.config.checkpoints import EmbeddedCheckpoint, FolderCheckpoint, PrunedCheckpoint, RandomCheckpoint
from harness.config.deployments import EXECUTION_REPLICATE, random_weights, represented
from harness.config.models import Model
from harness.config.task_registry import task_class
from harness.config.tasks import TaskSettings
from harness.data.beir import AbsentDocuments
from harness.data.load import describe
from harness.errors import SKIPPED
from harness.examples.records import QuestionExample, TextExample
from harness.execution.processes import StepFailure
from harness.execution.run import Execution
from harness.planning.examples import data_sources
from harness.planning.plan import DeploymentPlan, Plan, TaskPlan
from harness.results.deployments import (
    ArtifactFacts,
    ClaimedScores,
    DeploymentResult,
    Quality,
    SensitivitySummary,
)
from harness.results.environment import Environment
from harness.results.performance import search_speed_up, summarise
from harness.results.read import PERFORMANCE_FILE, RESULTS_FILE
from harness.results.schema import (
    RESULTS_VERSION,
    CharacteristicResults,
    DataFacts,
    FailedStep,
    Family,
    PerformanceResults,
    Results,
    TaskResults,
)
from harness.results.timings import DeploymentPerformance, PairedSpeedUp, SearchSpeedUp
from harness.steps import checkpoint_outputs
from harness.steps.checkpoint_outputs import read_work
from harness.steps.comparison import FILE as COMPARISON
from harness.steps.paired_speed_up import read_pairs
from harness.steps.registry import kind_name
from harness.steps.search_speed import read_searches
from harness.steps.tuned_throughput import TunedPairs, read_tuned_pairs
from harness.store.examples import FILE as EXAMPLES
from harness.store.examples import read_examples, read_ids
from harness.store.inventory import KeptStep
from harness.store.outputs import FILE as OUTPUTS
from harness.store.outputs import read_outputs
from harness.store.process_timings import NOTHING, ProcessTimings, read_timings, read_unfinished
from harness.store.run_folder import PLAN, RunFolder, examples_in, outputs_in
from harness.store.runtime_facts import read_runtime
from harness.store.step import Step
from harness.store.steps import Store
from harness.tasks.columns import numbers
from harness.verification.result import read_verification


def collect(run: Execution) -> None:
    """Write results.json, performance.json, environment.json, plan.json, the manifests and the outputs of a run."""
    plan, folder = run.plan, run.folder
    machine = plan.machine.environment
    collector = _Collector(plan, run.failures, run.store, folder)
    tasks: dict[str, TaskResults] = {task.name: collector.task(task, run.comparisons[task.name]) for task in plan.tasks}
    folder.write("environment.json", machine)
    compared = [step for steps in run.comparisons.values() for step in steps.values()]
    folder.write(PLAN, plan_as_json({**plan.stages(), "transfers": run.transfers, "comparisons": compared}))
    took = [
        seconds
        for steps in plan.stages().values()
        for step in steps
        if (seconds := KeptStep(step.kind, step.key, run.store.path(step.kind, step.key)).seconds) is not None
    ]
    performance = PerformanceResults(
        version=RESULTS_VERSION, seconds=sum(took) if took else None, tasks=collector.performance
    )
    folder.write(PERFORMANCE_FILE, performance.model_dump(mode="json"))
    results = Results(
        version=RESULTS_VERSION,
        study=plan.study.study,
        description=plan.study.description,
        environment=Environment.model_validate(machine),
        settings=None,
        tasks=tasks,
    )
    folder.write(RESULTS_FILE, results.model_dump(mode="json"))


def plan_as_json(stages: Mapping[str, Sequence[Step]]) -> dict[str, Any]:
    """The steps by stage: what each makes, and the key it is kept under."""
    return {
        "version": RESULTS_VERSION,
        "stages": {
            name: [{"kind": step.kind, "key": step.key, "title": step.title} for step in steps]
            for name, steps in stages.items()
        },
    }


class _Collector:
    def __init__(self, plan: Plan, failures: Mapping[str, StepFailure], store: Store, folder: RunFolder) -> None:
        self.plan = plan
        self.failures = failures
        self.store = store
        self.folder = folder
        self.performance: dict[str, dict[str, DeploymentPerformance]] = {}

    def task(self, task: TaskPlan, comparisons: Mapping[str, Step]) -> TaskResults:
        self.performance[task.name] = {}
        deployments: dict[str, DeploymentResult] = {}
        replicates: dict[str, DeploymentResult] = {}
        for plan in task.deployments:
            deployment = self._deployment(task, plan)
            deployments[plan.deployment.name] = deployment
            if plan.rerun and self._present(plan.rerun["evaluation"]):
                replicates[plan.deployment.name + EXECUTION_REPLICATE] = self._replicate(task, plan, deployment)
        evaluation = task.examples["evaluation"]
        if self._present(evaluation):
            self.folder.take(self._path(evaluation) / EXAMPLES, str(examples_in(Path(), task.name, "evaluation")))
        return TaskResults(
            reference=task.deployments[0].deployment.name,
            family=_family(task.task),
            notes=[
                *_notes(task.task),
                *judgement_notes({role: self._path(step) for role, step in task.examples.items()}),
            ],
            data=self._data(task),
            deployments={**deployments, **replicates},
            characteristics=self._characteristics(comparisons),
            failures=[
                _failed_step(failure)
                for failure in self.failures.values()
                if failure.step.subject["task"] == task.name and failure.status != SKIPPED
            ],
        )

    def _characteristics(self, comparisons: Mapping[str, Step]) -> CharacteristicResults:
        """As their steps wrote them; dataclasses are made of JSON, not of dictionaries, where all is strict."""
        texts = {
            name: self._text(comparisons[name], COMPARISON) if name in comparisons else None
            for name in CharacteristicResults.model_fields
        }
        text = ", ".join(f'"{name}": {one or "null"}' for name, one in texts.items())
        return CharacteristicResults.model_validate_json(f"{{{text}}}")

    def _deployment(self, task: TaskPlan, plan: DeploymentPlan) -> DeploymentResult:
        deployment = plan.deployment
        model = task.task.models[deployment.model]
        own = (step for step in plan.verified_first if step not in plan.paired)  # which the reference may have failed
        steps = [plan.artifact, plan.verification, *own]
        failure = next((self.failures[step.key] for step in steps if step.key in self.failures), None)
        replicated = model.replicate_of
        for role, step in plan.outputs.items():
            if self._present(step):
                place = outputs_in(Path(), task.name, deployment.name, role)
                self.folder.take(self._path(step) / OUTPUTS, str(place))
        evaluation = plan.outputs["evaluation"]
        answered = self._present(evaluation)
        processes, tuned = self._processes(plan)
        paired, searches = self._paired(task, plan), self._searches(task, plan)
        if processes or paired or searches:
            self.performance[task.name][deployment.name] = summarise(
                processes, paired, self._work(plan), ALL[deployment.format].precision, searches, tuned
            )
        return DeploymentResult(
            model=deployment.model,
            format=deployment.format,
            backend=deployment.backend,
            status="failed" if failure else "ok",
            reason=failure.reason if failure else None,
            step=failure.step.title if failure else None,
            command=failure.command if failure else None,
            replicate_of=None if replicated is None else f"{replicated}/{deployment.format}@{deployment.backend}",
            replicate_kind=None if replicated is None else "seed",
            random=random_weights(task.task, deployment.model),
            pruned_of=model.checkpoint.pruned if isinstance(model.checkpoint, PrunedCheckpoint) else None,
            claimed=_claimed(model, task.task),
            artifact=self._artifact(task, plan) if self._present(plan.artifact) else None,
            verification=read_verification(self._path(plan.verification)) if self._present(plan.verification) else None,
            quality=_quality(task.name, self._path(evaluation)) if answered else None,
            runtime=read_runtime(self._path(evaluation)) if answered else None,
            sources=[],
        )

    def _processes(self, plan: DeploymentPlan) -> tuple[list[ProcessTimings], list[TunedPairs]]:
        """What the fresh processes measured, those of tuned settings apart.

        A process that measured nothing itself counts where its tuned setting was timed.
        """
        processes, pairs = [], []
        for number, step in enumerate(plan.performance):
            timings = self._timings(step)
            tuned = plan.tuned[number] if plan.tuned else None
            if tuned is not None and self._present(tuned):
                pairs.append(read_tuned_pairs(self._path(tuned)))
                timings = timings or NOTHING
            if timings is not None:
                processes.append(timings)
        return processes, pairs

    def _timings(self, step: Step) -> ProcessTimings | None:
        """Of a process that failed, what it had measured before; None where that is nothing."""
        if step.key in self.failures:
            return read_unfinished(self.store.unfinished(step.key))
        return read_timings(self._path(step)) if self._present(step) else None

    def _paired(self, task: TaskPlan, plan: DeploymentPlan) -> PairedSpeedUp | None:
        """Over the pairs of processes that were timed to their end; None where there is none."""
        processes = [read_pairs(self._path(step)) for step in plan.paired if self._present(step)]
        if not processes:
            return None
        return PairedSpeedUp(against=task.deployments[0].deployment.name, **asdict(speed_up(processes)))

    def _searches(self, task: TaskPlan, plan: DeploymentPlan) -> dict[str, SearchSpeedUp]:
        """Of the first deployment of its model, by kind of index, over the processes that came to their end."""
        first = next(one for one in task.deployments if one.deployment.model == plan.deployment.model)
        processes = [read_searches(self._path(step)) for step in first.searches if self._present(step)]
        if not processes or plan.deployed.performance is None:
            return {}
        return {kind: search_speed_up([one[kind] for one in processes]) for kind in processes[0]}

    def _work(self, plan: DeploymentPlan) -> Work | None:
        """What its checkpoint does; None of a finished file."""
        if plan.expected is None or plan.expected.kind != kind_name(checkpoint_outputs):
            return None
        return read_work(self._path(plan.expected)) if self._present(plan.expected) else None

    def _replicate(self, task: TaskPlan, plan: DeploymentPlan, first: DeploymentResult) -> DeploymentResult:
        return first.model_copy(
            update={
                "replicate_of": plan.deployment.name,
                "replicate_kind": "execution",
                "quality": _quality(task.name, self._path(plan.rerun["evaluation"])),
            }
        )

    def _artifact(self, task: TaskPlan, plan: DeploymentPlan) -> ArtifactFacts:
        folder = self._path(plan.artifact)
        manifest = read_manifest(folder)
        name = f"{plan.deployment.model}--{plan.deployment.format}"
        self.folder.take(folder / "manifest.json", f"manifests/{task.name}/{name}.json")
        # A finished file's weights may lie in files of any name.
        weights = {name: file for name, file in manifest.files.items() if name not in BESIDE_THE_MODEL}
        return ArtifactFacts(
            bytes=sum(file["bytes"] for file in weights.values()),
            sha256=next(iter(weights.values()))["sha256"],
            precision=manifest.precision,
            parameters=manifest.parameters,
            layers=manifest.layers,
            hidden=manifest.hidden,
            source=_source(task.task.models[plan.deployment.model], manifest),
            isa=manifest.isa,
            rounding=manifest.rounding,
            sensitivity=_sensitivity(manifest),
            warnings=manifest.warnings,
        )

    def _data(self, task: TaskPlan) -> dict[str, DataFacts]:
        facts_by_role = {}
        tokens = self._mean_tokens(task)
        for role, step in task.examples.items():
            examples = read_examples(self._path(step))
            questions = [example for example in examples if isinstance(example, QuestionExample)]
            labels = Counter(example.label for example in examples if isinstance(example, TextExample))
            facts_by_role[role] = DataFacts(
                source=describe(data_sources(task.task)[role]),
                examples=len(examples),
                groups=len({example.group for example in examples}),
                mean_tokens=tokens.get(role),
                answerable=sum(example.answerable for example in questions) / len(questions) if questions else None,
                commonest_label=max(labels.values()) / len(examples) if labels else None,
            )
        return facts_by_role

    def _mean_tokens(self, task: TaskPlan) -> dict[str, float]:
        """By role, as the first deployment that ran over the data counted them."""
        means: dict[str, float] = {}
        for plan in task.deployments:
            for role, step in plan.outputs.items():
                name = "train" if role == "bank" else role
                if name not in means and self._present(step):
                    means[name] = float(np.mean(numbers(read_outputs(self._path(step), "tokens"), "tokens")))
        return means

    def _present(self, step: Step) -> bool:
        return step.key not in self.failures and self.store.has(step.kind, step.key)

    def _path(self, step: Step) -> Path:
        return self.store.path(step.kind, step.key)

    def _text(self, step: Step, file: str) -> str | None:
        return (self._path(step) / file).read_text(encoding="utf-8") if self._present(step) else None


def _failed_step(failure: StepFailure) -> FailedStep:
    subject = failure.step.subject
    return FailedStep(
        step=failure.step.title,
        status=failure.status,
        reason=failure.reason,
        command=failure.command,
        deployment=subject.get("deployment"),
        model=subject.get("model"),
        format=subject.get("format"),
        role=subject.get("role"),
        characteristic=subject.get("characteristic"),
    )


def _source(model: Model, manifest: Manifest) -> dict[str, Any]:
    """What the study names, a folder by its name alone, and what the manifest knows of it."""
    named = {} if model.checkpoint is None else model.checkpoint.model_dump(mode="json", exclude_none=True)
    if isinstance(model.checkpoint, FolderCheckpoint):
        named = {"folder": model.checkpoint.folder.name}
    return {**named, "trained_here": model.training is not None, **manifest.source}


def _claimed(model: Model, task: TaskSettings) -> ClaimedScores | None:
    """Two standard errors of a share in a sample of n are 1/sqrt(n) at most."""
    if model.claimed is None:
        return None
    exact, f1, accuracy, within = (
        None if points is None else points / 100
        for points in (model.claimed.exact_match, model.claimed.f1, model.claimed.accuracy, model.claimed.within)
    )
    sample = task.data.evaluation.sample
    return ClaimedScores(
        exact=exact, f1=f1, accuracy=accuracy, within=(within or 0.0) + (0.0 if sample is None else sample**-0.5)
    )


def _sensitivity(manifest: Manifest) -> SensitivitySummary | None:
    """Of static INT8; what each group of matmuls costs is in the manifest alone."""
    if manifest.sensitivity is None:
        return None
    return SensitivitySummary(**{name: manifest.sensitivity[name] for name in SensitivitySummary.model_fields})


def _quality(task: str, outputs: Path) -> Quality:
    return Quality.known(**task_class(task).metrics(read_outputs(outputs)))


def _family(task: TaskSettings) -> Family:
    checkpoints = [model.checkpoint for model in task.models.values()]
    if any(isinstance(checkpoint, EmbeddedCheckpoint) for checkpoint in checkpoints):
        return "demonstration"
    if any(model.training is not None for model in task.models.values()):
        return "trained"
    if any(isinstance(checkpoint, RandomCheckpoint) for checkpoint in checkpoints):
        return "random"
    return "pretrained"


def _notes(task: TaskSettings) -> list[str]:
    notes = []
    if _family(task) == "demonstration":
        notes.append(
            "A demonstration family: small BERTs trained on a corpus that scalemodel writes itself. "
            "It shows the method; it says nothing about BERT-large."
        )
    if any(random_weights(task, name) for name in task.models):
        notes.append("Models with random weights are here for speed only: their quality and side effects mean nothing.")
    finished = [name for name, model in task.models.items() if model.artifact is not None]
    if finished:
        notes.append(
            "Models in the format onnx-prebuilt are finished files, with no checkpoint to be held against: their "
            "parity is with what their graph says, run by ONNX Runtime without optimisation."
        )
    without = [name for name in finished if not represented(task, name)]
    if without:
        notes.append(
            f"Without a representation, as the study says: {', '.join(without)}. Data representation and data "
            "distribution leave them out" + (", and so everything." if task.reference in without else ".")
        )
    return notes


def judgement_notes(examples: Mapping[str, Path]) -> list[str]:
    """Notes on the judgements that queries were scored by. ``examples``: the folders of a task's data sets, by role."""
    if not {"evaluation", "corpus"} <= set(examples):
        return []
    absent = AbsentDocuments.of(read_examples(examples["evaluation"]), read_ids(examples["corpus"]))
    if absent is None or not absent.ids:
        return []
    return [f"{absent.sentence}: nDCG and recall are lower than on the corpus that the judgements (qrels) are of."]
