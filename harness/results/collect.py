"""What a run found, gathered from its steps into the run's folder."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from backends.host.machine import environment
from exporters.manifest import Manifest, read_manifest
from harness.config.checkpoints import EmbeddedCheckpoint, FolderCheckpoint, PrunedCheckpoint, RandomCheckpoint
from harness.config.deployments import EXECUTION_REPLICATE, random_weights, represented
from harness.config.models import Model
from harness.config.tasks import Task
from harness.data.load import describe
from harness.errors import SKIPPED
from harness.examples import QuestionExample, TextExample
from harness.execution.processes import StepFailure
from harness.execution.run import Execution
from harness.planning.examples import data_sources
from harness.planning.plan import DeploymentPlan, Plan, TaskPlan
from harness.results.performance import summarise
from harness.results.read import RESULTS_VERSION
from harness.steps.tuned_throughput import FILE as TUNED
from harness.store.examples import read_examples
from harness.store.outputs import FILE as OUTPUTS
from harness.store.outputs import numbers, read_outputs
from harness.store.run_folder import RunFolder
from harness.store.step import Step
from harness.store.steps import Store
from harness.store.timings import FILE as MEASURED
from harness.store.timings import read_so_far

CHARACTERISTICS = (
    "prediction_errors",
    "data_representation",
    "data_distribution",
    "adversarial_attack",
    "calibration",
    "affected",
    "explanation",
)


def collect(run: Execution) -> None:
    """Write results.json, performance.json, environment.json, plan.json, the manifests and the outputs of a run."""
    machine, plan, folder = environment(), run.plan, run.folder
    collector = _Collector(plan, run.failures, run.store, folder)
    tasks = {task.name: collector.task(task, run.comparisons[task.name]) for task in plan.tasks}
    folder.write("environment.json", machine)
    folder.write("plan.json", plan_as_json(plan))
    folder.write("performance.json", {"version": RESULTS_VERSION, "tasks": collector.performance})
    folder.write(
        "results.json",
        {
            "version": RESULTS_VERSION,
            "study": plan.study.study,
            "description": plan.study.description,
            "environment": machine,
            "tasks": tasks,
        },
    )


def plan_as_json(plan: Plan) -> dict[str, Any]:
    """The steps by stage: what each makes, and the key it is kept under."""
    stages = {
        "examples": plan.examples,
        "checkpoints": plan.checkpoints,
        "artifacts": plan.artifacts,
        "verifications": plan.verifications,
        "measurements": plan.measurements,
        "attacks": plan.attacks,
        "explanations": plan.explanations,
    }
    return {
        "version": RESULTS_VERSION,
        "stages": {
            name: [{"kind": step.kind, "key": step.key, "title": step.title} for step in steps]
            for name, steps in stages.items()
        },
    }


BESIDE_THE_MODEL = ("config.json", "tokenizer.json", "tokenizer_config.json")


class _Collector:
    def __init__(self, plan: Plan, failures: Mapping[str, StepFailure], store: Store, folder: RunFolder) -> None:
        self.plan = plan
        self.failures = failures
        self.store = store
        self.folder = folder
        self.performance: dict[str, dict[str, Any]] = {}

    def task(self, task: TaskPlan, comparisons: Mapping[str, Step]) -> dict[str, Any]:
        self.performance[task.name] = {}
        deployments: dict[str, Any] = {}
        replicates: dict[str, Any] = {}
        for plan in task.deployments:
            entry = self._deployment(task, plan)
            deployments[plan.deployment.name] = entry
            if plan.rerun and self._present(plan.rerun["evaluation"]):
                replicates[plan.deployment.name + EXECUTION_REPLICATE] = self._replicate(task, plan, entry)
        return {
            "reference": task.deployments[0].deployment.name,
            "family": _family(task.task),
            "notes": _notes(task.task),
            "data": self._data(task),
            "deployments": {**deployments, **replicates},
            "characteristics": {name: self._read(comparisons.get(name), "comparison.json") for name in CHARACTERISTICS},
            "failures": [
                {
                    **{key: value for key, value in failure.step.subject.items() if key != "task"},
                    "step": failure.step.title,
                    "status": failure.status,
                    "reason": failure.reason,
                    "command": failure.command,
                }
                for failure in self.failures.values()
                if failure.step.subject.get("task") == task.name and failure.status != SKIPPED
            ],
        }

    def _deployment(self, task: TaskPlan, plan: DeploymentPlan) -> dict[str, Any]:
        deployment = plan.deployment
        model = task.task.models[deployment.model]
        steps = [plan.artifact, plan.verification, *plan.verified_first]
        failure = next((self.failures[step.key] for step in steps if step.key in self.failures), None)
        entry: dict[str, Any] = {
            "model": deployment.model,
            "format": deployment.format,
            "backend": deployment.backend,
            "status": "failed" if failure else "ok",
            "reason": failure.reason if failure else None,
            "step": failure.step.title if failure else None,
            "command": failure.command if failure else None,
            "replicate_of": None,
            "replicate_kind": None,
            "random": random_weights(task.task, deployment.model),
            "pruned_of": model.checkpoint.pruned if isinstance(model.checkpoint, PrunedCheckpoint) else None,
            "artifact": None,
            "parity": None,
            "verification": None,
            "quality": None,
            "describe": None,
        }
        if model.replicate_of is not None:
            entry["replicate_of"] = f"{model.replicate_of}/{deployment.format}@{deployment.backend}"
            entry["replicate_kind"] = "seed"
        if self._present(plan.artifact):
            entry |= self._artifact(task, plan)
        if (verified := self._read(plan.verification, "verification.json")) is not None:
            entry |= {"parity": verified["parity"], "verification": verified}
        for role, step in plan.outputs.items():
            if self._present(step):
                name = deployment.name.replace("/", "--")
                self.folder.take(self._path(step) / OUTPUTS, f"outputs/{task.name}/{name}/{role}.parquet")
        if self._present(plan.outputs["evaluation"]):
            evaluation = self._path(plan.outputs["evaluation"])
            entry["quality"] = _quality(evaluation)
            entry["describe"] = json.loads((evaluation / "describe.json").read_text())
        if measured := self._measured(plan):
            self.performance[task.name][deployment.name] = summarise(measured)
        return entry

    def _measured(self, plan: DeploymentPlan) -> list[dict[str, Any]]:
        """What each fresh process found: of one that failed, what it found before."""
        found = []
        for number, step in enumerate(plan.performance):
            figures = self._read(step, MEASURED)
            if step.key in self.failures:
                figures = read_so_far(self.store.unfinished(step.key))
            tuned = self._read(plan.tuned[number], TUNED) if plan.tuned else None
            if figures or tuned:
                found.append({**(figures or {}), **({} if tuned is None else {"tuned": tuned})})
        return found

    def _replicate(self, task: TaskPlan, plan: DeploymentPlan, entry: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **entry,
            "replicate_of": plan.deployment.name,
            "replicate_kind": "execution",
            "quality": _quality(self._path(plan.rerun["evaluation"])),
        }

    def _artifact(self, task: TaskPlan, plan: DeploymentPlan) -> dict[str, Any]:
        folder = self._path(plan.artifact)
        manifest = read_manifest(folder)
        name = f"{plan.deployment.model}--{plan.deployment.format}"
        self.folder.take(folder / "manifest.json", f"manifests/{task.name}/{name}.json")
        # A finished file's weights may lie in files of any name.
        weights = {name: file for name, file in manifest.files.items() if name not in BESIDE_THE_MODEL}
        return {
            "artifact": {
                "bytes": sum(file["bytes"] for file in weights.values()),
                "sha256": next(iter(weights.values()))["sha256"],
                "precision": manifest.precision,
                "parameters": manifest.parameters,
                "layers": manifest.layers,
                "hidden": manifest.hidden,
                "source": _source(task.task.models[plan.deployment.model], manifest),
                "isa": manifest.isa,
                "rounding": manifest.rounding,
                "sensitivity": _sensitivity(manifest),
                "warnings": manifest.warnings,
            },
        }

    def _data(self, task: TaskPlan) -> dict[str, Any]:
        found = {}
        tokens = self._mean_tokens(task)
        for role, step in task.examples.items():
            examples = read_examples(self._path(step))
            questions = [example for example in examples if isinstance(example, QuestionExample)]
            labels = Counter(example.label for example in examples if isinstance(example, TextExample))
            found[role] = {
                "source": describe(data_sources(task.task)[role]),
                "examples": len(examples),
                "groups": len({example.group for example in examples}),
                "mean_tokens": tokens.get(role),
                "answerable": (
                    sum(example.answerable for example in questions) / len(questions) if questions else None
                ),
                "commonest_label": max(labels.values()) / len(examples) if labels else None,
            }
        return found

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

    def _read(self, step: Step | None, file: str) -> Any:
        if step is None or not self._present(step):
            return None
        return json.loads((self._path(step) / file).read_text(encoding="utf-8"))


def _source(model: Model, manifest: Manifest) -> dict[str, Any]:
    """What the study names, a folder by its name alone, and what the manifest knows of it."""
    named = {} if model.checkpoint is None else model.checkpoint.model_dump(mode="json", exclude_none=True)
    if isinstance(model.checkpoint, FolderCheckpoint):
        named = {"folder": model.checkpoint.folder.name}
    return {**named, "trained_here": model.training is not None, **manifest.source}


def _sensitivity(manifest: Manifest) -> dict[str, Any] | None:
    """Of static INT8; what each group of products costs is in the manifest alone."""
    if manifest.sensitivity is None:
        return None
    return {key: manifest.sensitivity[key] for key in ("rows", "tokens", "together", "left_float")}


def _quality(outputs: Path) -> dict[str, float | None]:
    table = read_outputs(outputs)
    if "correct" in table.column_names:
        return {"accuracy": _mean(numbers(table, "correct"))}
    exact, answerable = numbers(table, "exact"), numbers(table, "answerable").astype(bool)
    return {
        "exact": _mean(exact),
        "f1": _mean(numbers(table, "f1")),
        "exact_answerable": _mean(exact[answerable]),
        "exact_unanswerable": _mean(exact[~answerable]),
    }


def _mean(values: Any) -> float | None:
    return float(np.mean(values)) if len(values) else None


def _family(task: Task) -> str:
    checkpoints = [model.checkpoint for model in task.models.values()]
    if any(isinstance(checkpoint, EmbeddedCheckpoint) for checkpoint in checkpoints):
        return "demonstration"
    if any(model.training is not None for model in task.models.values()):
        return "trained"
    if any(isinstance(checkpoint, RandomCheckpoint) for checkpoint in checkpoints):
        return "random"
    return "pretrained"


def _notes(task: Task) -> list[str]:
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
