"""A study as steps: what must be there, in which order, and the key under which each result is kept."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from backends.machine import environment
from backends.registry import backend_class
from benchmarks.characteristics.attack.results import AttackSettings
from exporters.formats import FORMATS
from harness.checkpoints.digest import source_digest
from harness.checkpoints.own_artifact import look_at_own, own_file, tokenizer_folder
from harness.config.deployments import Deployment, deployments, formats_of, random_weights, represented
from harness.config.study import (
    Attack,
    CheckpointSource,
    CutCheckpoint,
    DataSource,
    EmbeddedCheckpoint,
    OwnArtifact,
    PrunedCheckpoint,
    QuestionAnswering,
    Study,
    Task,
    TaskName,
)
from harness.data.load import source_files
from harness.errors import UserError
from harness.store.content import file_digest, key_of
from harness.store.steps import Step

# Raise a number when the same inputs come to give another result: old results are then made again.
VERSIONS = {
    "examples": 1,
    "checkpoint": 1,
    "training": 1,
    "masked_language_model": 1,
    "masked_language_model_artifact": 1,
    "artifact": 2,
    "expected": 1,
    "verification": 1,
    "outputs": 2,
    "tuning": 1,
    "performance": 2,
    "candidates": 1,
    "attack": 2,
    "random_swaps": 1,
    "recipe": 1,
    "transfer": 1,
    "explanation": 1,
    "comparison": 6,
}

# The packages whose version a kind of step's result depends on.
LIBRARIES = {
    "examples": (),
    "checkpoint": ("torch", "transformers"),
    "training": ("torch", "transformers", "accelerate"),
    "masked_language_model": ("torch", "transformers", "accelerate"),
    "artifact": ("torch", "transformers", "optimum", "optimum-onnx", "onnx", "onnxruntime", "onnxruntime-gpu"),
    "expected": ("torch", "transformers", "tokenizers"),
    "verification": ("tokenizers",),
    "outputs": ("tokenizers",),
    "tuning": ("tokenizers",),
    "performance": ("tokenizers", "mlcommons-loadgen"),
    "masked_language_model_artifact": ("torch", "transformers", "optimum", "optimum-onnx", "onnx"),
    "candidates": ("tokenizers", "onnxruntime", "onnxruntime-gpu"),
    "attack": ("tokenizers", "onnxruntime", "onnxruntime-gpu"),
    "random_swaps": ("tokenizers", "numpy", "onnxruntime", "onnxruntime-gpu"),
    "recipe": ("tokenizers", "textattack", "nltk", "torch", "transformers"),
    "transfer": ("tokenizers",),
    "explanation": ("tokenizers", "lime", "shap"),
    "comparison": ("numpy", "scipy", "faiss-cpu"),
}

EXECUTION_REPLICATE = "#again"

Need = tuple[str, str]


@dataclass(frozen=True)
class DeploymentPlan:
    """The steps of one deployment of a task."""

    deployment: Deployment
    artifact: Step
    verification: Step
    outputs: dict[str, Step]  # role -> step
    again: dict[str, Step]  # the execution replicate's outputs, for the reference model
    tuning: Step | None  # the search for the fastest setting
    performance: tuple[Step, ...]  # one a fresh process
    attacks: tuple[Step, ...]  # one a source of texts; none where it is not attacked itself
    random_swaps: tuple[Step, ...]  # one an attack, but none for a recipe's
    explanations: tuple[Step, ...]  # the reference has two: the second, from other samples, is its floor
    deployed: dict[str, Any]  # the options of a live deployment, for steps that are planned later

    @property
    def verified_first(self) -> tuple[Step, ...]:
        """What is done only with a deployment that passed its verification.

        None of them has the verification among its needs: what they find does not depend on how strict it is.
        """
        return (
            *self.outputs.values(),
            *self.again.values(),
            *((self.tuning,) if self.tuning else ()),
            *self.performance,
            *self.attacks,
            *self.random_swaps,
            *self.explanations,
        )


@dataclass(frozen=True)
class TaskPlan:
    name: str
    task: Task
    examples: dict[str, Step]  # role -> step
    checkpoints: dict[str, Step]  # model -> the checkpoint that is exported; a finished file has none
    deployments: tuple[DeploymentPlan, ...]


@dataclass(frozen=True)
class Plan:
    """Steps in stages: whatever a step needs stands in an earlier stage, or before it in its own."""

    study: Study
    tasks: tuple[TaskPlan, ...]
    checkpoints: tuple[Step, ...]
    artifacts: tuple[Step, ...]
    verifications: tuple[Step, ...]
    measurements: tuple[Step, ...]
    attacks: tuple[Step, ...]
    explanations: tuple[Step, ...]

    @property
    def examples(self) -> list[Step]:
        return [step for task in self.tasks for step in task.examples.values()]


def make_plan(study: Study) -> Plan:
    """Plan a study. Reads the files that it names, to hash them; writes nothing.

    Raises:
        UserError: a file that the study names cannot be read.
    """
    planner = _Planner(study)
    tasks = tuple(planner.task(name, task) for name, task in study.tasks.items())
    return Plan(
        study,
        tasks,
        tuple(planner.checkpoints.values()),
        tuple(planner.artifacts.values()),
        (*planner.expected.values(), *_by_group(planner.verifications.values())),
        tuple(planner.measurements()),
        tuple(planner.attacks.values()),
        tuple(step for task in tasks for planned in task.deployments for step in planned.explanations),
    )


def data_sources(task: Task) -> dict[str, DataSource]:
    """The data sets of a task by role; the texts to attack, where they have sources of their own, are numbered."""
    sources = {"train": task.data.train, "evaluation": task.data.evaluation}
    if task.data.out_of_distribution is not None:
        sources["out-of-distribution"] = task.data.out_of_distribution
    attack = task.characteristics.attack
    if attack is not None:
        sources |= {f"attack-{number}": source for number, source in enumerate(attack.data or (), start=1)}
    return sources


def comparison_step(task: TaskPlan, characteristic: str, options: dict[str, Any], needs: dict[str, Need]) -> Step:
    """One characteristic over the outputs that are there; planned once it is known which are."""
    return _step(
        "comparison",
        title=f"compare {characteristic.replace('_', ' ')} on {task.name}",
        group=f"comparison {task.name}",
        subject={"task": task.name, "characteristic": characteristic},
        options={"characteristic": characteristic, "task": task.name, **options},
        needs=needs,
    )


def transfer_step(task: TaskPlan, planned: DeploymentPlan, crafted: dict[str, Need]) -> Step:
    """What was crafted on all deployments, shown to one; planned once it is known which attacks are there.

    ``crafted``: the attacks by deployment and number of the source of texts, and ``examples NUMBER``.
    """
    return _step(
        "transfer",
        title=f"show {planned.deployment.name} what was crafted on {task.name}",
        group=f"transfer {task.name}",
        subject={"task": task.name, "deployment": planned.deployment.name},
        options={**planned.deployed, "target": _target(task.task)},
        needs={"artifact": _need(planned.artifact), **crafted},
    )


@dataclass
class _Planner:
    study: Study
    checkpoints: dict[str, Step] = field(default_factory=dict)
    artifacts: dict[str, Step] = field(default_factory=dict)
    expected: dict[str, Step] = field(default_factory=dict)
    verifications: dict[str, Step] = field(default_factory=dict)
    first_measurements: list[Step] = field(default_factory=list)
    replicates: list[list[Step]] = field(default_factory=list)
    attacks: dict[str, Step] = field(default_factory=dict)

    def __post_init__(self) -> None:
        facts = environment()
        self.isa = facts["cpu"]["isa"]
        # Timings of unlike machines, or of one machine set up otherwise, are never taken for each other.
        self.machine = {name: facts[name] for name in ("cpu", "memory_limit", "variables", "gpu")}
        self.threads = self.study.threads or facts["cpu"]["cores"]

    def task(self, name: TaskName, task: Task) -> TaskPlan:
        examples = self._examples(name, task)
        checkpoints = self._checkpoints(name, task, examples)
        artifacts = {
            (model, format): self._artifact(name, task, model, format, checkpoints[model], examples)
            if entry.artifact is None
            else self._own_artifact(name, task, model, entry.artifact, examples)
            for model, entry in task.models.items()
            for format in formats_of(self.study, entry)
        }
        plans: list[DeploymentPlan] = []
        proposals = self._proposals(name, task, examples)
        for deployment in deployments(self.study, name):
            artifact = artifacts[deployment.model, deployment.format]
            verification = self._verification(name, task, deployment, artifact, checkpoints, examples)
            tuning = self._tuning(name, task, deployment, artifact, examples)
            performance = self._performance(name, task, deployment, artifact, examples, tuning)
            outputs = self._outputs(name, task, deployment, artifact, examples, again=False)
            again: dict[str, Step] = {}
            if task.execution_floor and deployment.model == task.reference:
                again = self._outputs(name, task, deployment, artifact, examples, again=True)
            attacks = self._attacks(name, task, deployment, artifact, examples, proposals, reference=not plans)
            random_swaps = self._random_swaps(name, task, deployment, attacks)
            self.first_measurements += [
                *([tuning] if tuning else []),
                *performance[:1],
                *outputs.values(),
                *again.values(),
            ]
            for number, step in enumerate(performance[1:]):
                while len(self.replicates) <= number:
                    self.replicates.append([])
                self.replicates[number].append(step)
            explanations = self._explanations(name, task, deployment, artifact, examples, reference=not plans)
            deployed = self._deployed(name, task, deployment)
            plans.append(
                DeploymentPlan(
                    deployment,
                    artifact,
                    verification,
                    outputs,
                    again,
                    tuning,
                    performance,
                    attacks,
                    random_swaps,
                    explanations,
                    deployed,
                )
            )
        return TaskPlan(name, task, examples, checkpoints, tuple(plans))

    def measurements(self) -> list[Step]:
        """Each round goes once over all deployments, so that a drift of the machine hits all alike."""
        return [*self.first_measurements, *(step for round in self.replicates for step in round)]

    # -- data ---------------------------------------------------------------------------------

    def _examples(self, name: str, task: Task) -> dict[str, Step]:
        return {role: self._example_step(name, task, role, source) for role, source in data_sources(task).items()}

    def _example_step(self, name: str, task: Task, role: str, source: DataSource) -> Step:
        content = [file_digest(path) for path in source_files(source)]
        description = source.model_dump(mode="json")
        if content:  # a file: its bytes count, not its place
            description = {key: value for key, value in description.items() if key not in ("squad", "table")}
        return _step(
            "examples",
            title=f"read the {role} data of {name}",
            group="examples",
            subject={"task": name, "role": role},
            options={
                "task": name,
                "labels": list(task.labels or ()),
                "source": description,
                "suffix": [path.suffix for path in source_files(source)],
                "content": content,
                "seed": self.study.seed,
                "role": role,
            },
            places={"source": source.model_dump(mode="json")},
        )

    # -- checkpoints --------------------------------------------------------------------------

    def _checkpoints(self, name: str, task: Task, examples: dict[str, Step]) -> dict[str, Step]:
        starting: dict[str, Step] = {}
        sources = {model: entry.checkpoint for model, entry in task.models.items() if entry.checkpoint is not None}
        pruned = {model for model, source in sources.items() if isinstance(source, PrunedCheckpoint)}
        for model in sorted(sources, key=lambda model: isinstance(sources[model], CutCheckpoint)):
            if model in pruned:
                continue
            starting[model] = self._starting(name, task, model, sources[model], starting)
        final: dict[str, Step] = {}
        for model in sorted(sources, key=lambda model: (model in pruned, model != task.reference)):
            if model in pruned:  # made of what the other model has become, by its training if it has one
                starting[model] = self._starting(name, task, model, sources[model], final)
            training = task.models[model].training
            if training is None or task.recipe is None:
                final[model] = starting[model]
                continue
            needs = {"starting": _need(starting[model]), "examples": _need(examples["train"])}
            if training.distillation is not None:
                needs["teacher"] = _need(final[task.reference])
            final[model] = self._keep(
                self.checkpoints,
                _step(
                    "training",
                    title=f"train {model} on {name}",
                    group=f"training {name} {model}",
                    subject={"task": name, "model": model},
                    options={
                        "task": name,
                        "labels": list(task.labels or ()),
                        "recipe": task.recipe.model_dump(mode="json"),
                        "seed": task.recipe.seed if training.seed is None else training.seed,
                        "distillation": _dump(training.distillation),
                        "question_answering": _windows(name, task),
                    },
                    needs=needs,
                ),
            )
        return final

    def _starting(self, name: str, task: Task, model: str, source: CheckpointSource, made: dict[str, Step]) -> Step:
        training = task.models[model].training
        needs = {"cut": _need(made[source.cut])} if isinstance(source, CutCheckpoint) else {}
        if isinstance(source, PrunedCheckpoint):
            needs = {"pruned": _need(made[source.pruned])}
        return self._keep(
            self.checkpoints,
            _step(
                "checkpoint",
                title=f"get the checkpoint {model} for {name}",
                group="checkpoint",
                subject={"task": name, "model": model},
                options={
                    "task": name,
                    "labels": list(task.labels or ()),
                    "digest": _checkpoint_digest(source, name),
                    "new_head": training is not None,
                    # A replicate by another seed starts from another head as well.
                    "seed": self.study.seed if training is None or training.seed is None else training.seed,
                },
                needs=needs,
                places={"source": source.model_dump(mode="json")},
            ),
        )

    def _masked_language_model(self, name: str, task: Task, examples: dict[str, Step]) -> Step | None:
        """The checkpoint that proposes an attack's words; None where nothing is attacked."""
        attack = task.characteristics.attack
        if attack is None or attack.masked_language_model is None:
            return None
        chosen = attack.masked_language_model
        starting = self._keep(
            self.checkpoints,
            _step(
                "checkpoint",
                title=f"get the masked language model for {name}",
                group="checkpoint",
                subject={"task": name, "model": "masked-language-model"},
                options={
                    "task": "masked-language-model",
                    "labels": [],
                    "digest": _checkpoint_digest(chosen.checkpoint, "masked-language-model"),
                    "new_head": chosen.training is not None,
                    "seed": self.study.seed,
                },
                places={"source": chosen.checkpoint.model_dump(mode="json")},
            ),
        )
        if chosen.training is None:
            return starting
        return self._keep(
            self.checkpoints,
            _step(
                "masked_language_model",
                title=f"train the masked language model for {name}",
                group=f"training {name} masked-language-model",
                subject={"task": name, "model": "masked-language-model"},
                options={"task": name, "recipe": chosen.training.model_dump(mode="json")},
                needs={"starting": _need(starting), "examples": _need(examples["train"])},
            ),
        )

    # -- artifacts ----------------------------------------------------------------------------

    def _artifact(
        self, name: str, task: Task, model: str, format: str, checkpoint: Step, examples: dict[str, Step]
    ) -> Step:
        chosen = FORMATS[format]
        needs = {"checkpoint": _need(checkpoint)}
        options: dict[str, Any] = {
            "format": format,
            "task": name,
            "labels": list(task.labels or ()),
            "pooling": task.pooling,
            "max_length": task.max_length,
            "question_answering": _windows(name, task),
            "seed": self.study.seed,
        }
        if chosen.parent is not None:
            needs["parent"] = _need(self._artifact(name, task, model, chosen.parent, checkpoint, examples))
        if chosen.needs_calibration:
            needs["train"] = _need(examples["train"])
            options["calibration"] = task.calibration.model_dump(mode="json")
        if format.startswith("tensorrt"):
            options |= {"gpu": self.machine["gpu"], "tensorrt": _versions(("tensorrt",))}
        elif "int8" in format:
            options["isa"] = self.isa
        return self._keep(
            self.artifacts,
            _step(
                "artifact",
                title=f"export {model} to {format} for {name}",
                group="artifact",
                subject={"task": name, "model": model, "format": format},
                options=options,
                needs=needs,
            ),
        )

    def _own_artifact(
        self, name: TaskName, task: Task, model: str, artifact: OwnArtifact, examples: dict[str, Step]
    ) -> Step:
        try:
            content = look_at_own(artifact, task=name, labels=task.labels or (), pooling=task.pooling)
        except UserError as error:
            raise UserError(f"tasks.{name}.models.{model}.artifact: {error}") from None
        (format,) = formats_of(self.study, task.models[model])
        options = {
            "format": format,
            "task": name,
            "labels": list(task.labels or ()),
            "pooling": task.pooling,
            "max_length": task.max_length,
            "question_answering": _windows(name, task),
            "seed": self.study.seed,
            "files": content.files,
            "tokenizer": content.tokenizer,
            "told": artifact.model_dump(mode="json", exclude={"onnx", "tensorrt", "tokenizer"}),
            **_without_representation(task, model),
        }
        kind = "onnx" if artifact.tensorrt is None else "tensorrt"
        places = {kind: str(own_file(artifact)), "tokenizer": str(tokenizer_folder(artifact))}
        return self._keep(
            self.artifacts,
            _step(
                "artifact",
                title=f"take in {model} for {name}",
                group="artifact",
                subject={"task": name, "model": model, "format": format},
                options=options,
                needs={"evaluation": _need(examples["evaluation"])},
                places={"artifact": {**artifact.model_dump(mode="json"), **places}},
            ),
        )

    # -- deployments --------------------------------------------------------------------------

    def _deployed(self, name: str, task: Task, deployment: Deployment) -> dict[str, Any]:
        """What every step of a live deployment depends on, beside its artifact and its data."""
        backend = backend_class(deployment.backend)
        settings = backend.check_options(self.study.backend_options.get(deployment.backend, {}))
        return {
            "backend": deployment.backend,
            "backend_options": settings.model_dump(mode="json"),
            "format": deployment.format,
            "task": name,
            "labels": list(task.labels or ()),
            "pooling": task.pooling,
            "max_length": task.max_length,
            "question_answering": _dump(_decoding(name, task)),
            "threads": self.threads,
            "token_budget": self.study.token_budget,
            "isa": self.isa,
            "runtime": _versions(backend.packages),
            **_without_representation(task, deployment.model),
        }

    def _verification(
        self,
        name: str,
        task: Task,
        deployment: Deployment,
        artifact: Step,
        checkpoints: dict[str, Step],
        examples: dict[str, Step],
    ) -> Step:
        deployed = self._deployed(name, task, deployment)
        options = {key: value for key, value in deployed.items() if key != "token_budget"}
        options |= {"parity": task.parity, "seed": self.study.seed, "quality_loss": None}
        needs = {"artifact": _need(artifact), "evaluation": _need(examples["evaluation"])}
        if deployment.model in checkpoints:
            needs["expected"] = _need(self._expected(name, task, deployment.model, checkpoints, examples))
            if not random_weights(task, deployment.model):
                options["quality_loss"] = task.quality_loss
        return self._keep(
            self.verifications,
            _step(
                "verification",
                title=f"verify {deployment.name} on {name}",
                group=f"verification {name} {deployment.backend}",
                subject={"task": name, "deployment": deployment.name},
                options=options,
                needs=needs,
            ),
        )

    def _expected(
        self, name: str, task: Task, model: str, checkpoints: dict[str, Step], examples: dict[str, Step]
    ) -> Step:
        return self._keep(
            self.expected,
            _step(
                "expected",
                title=f"run the checkpoint {model} itself on {name}",
                group=f"expected {name}",
                subject={"task": name, "model": model},
                options={
                    "task": name,
                    "pooling": task.pooling,
                    "max_length": task.max_length,
                    "question_answering": _windows(name, task),
                    "parity": task.parity,
                    "seed": self.study.seed,
                },
                needs={"checkpoint": _need(checkpoints[model]), "evaluation": _need(examples["evaluation"])},
            ),
        )

    def _outputs(
        self,
        name: str,
        task: Task,
        deployment: Deployment,
        artifact: Step,
        examples: dict[str, Step],
        *,
        again: bool,
    ) -> dict[str, Step]:
        sources = {"evaluation": "evaluation"}
        if "out-of-distribution" in examples and represented(task, deployment.model):
            sources = {"bank": "train", **sources, "out-of-distribution": "out-of-distribution"}
        steps = {}
        for role, source in sources.items():
            options = {**self._deployed(name, task, deployment), "again": again}
            if role == "bank":
                options |= {"sample": task.data.bank, "seed": self.study.seed}
            steps[role] = _step(
                "outputs",
                title=f"run {deployment.name} on the {role} data of {name}" + (" again" if again else ""),
                group=f"deployment {name} {deployment.name}",
                subject={"task": name, "deployment": deployment.name + (EXECUTION_REPLICATE if again else "")},
                options=options,
                needs={"artifact": _need(artifact), "examples": _need(examples[source])},
            )
        return steps

    def _tuning(
        self, name: str, task: Task, deployment: Deployment, artifact: Step, examples: dict[str, Step]
    ) -> Step | None:
        performance = self.study.performance
        if performance is None or not performance.tune or "offline" not in performance.scenarios:
            return None
        return _step(
            "tuning",
            title=f"tune {deployment.name} on {name}",
            group=f"deployment {name} {deployment.name} tuning",
            subject={"task": name, "deployment": deployment.name},
            options={
                **self._deployed(name, task, deployment),
                "performance": performance.model_dump(mode="json", include={"samples"}),
                "seed": self.study.seed,
                "machine": self.machine,
            },
            needs={"artifact": _need(artifact), "examples": _need(examples["evaluation"])},
        )

    def _performance(
        self,
        name: str,
        task: Task,
        deployment: Deployment,
        artifact: Step,
        examples: dict[str, Step],
        tuning: Step | None,
    ) -> tuple[Step, ...]:
        performance = self.study.performance
        if performance is None:
            return ()
        return tuple(
            _step(
                "performance",
                title=f"measure {deployment.name} on {name}"
                + (f", process {number + 1}" if performance.replicates > 1 else ""),
                group=f"deployment {name} {deployment.name}" + (f" {number}" if number else ""),
                subject={"task": name, "deployment": deployment.name},
                options={
                    **self._deployed(name, task, deployment),
                    "performance": performance.model_dump(mode="json", exclude={"replicates"}),
                    "replicate": number,
                    "seed": self.study.seed,
                    "machine": self.machine,
                },
                needs={
                    "artifact": _need(artifact),
                    "examples": _need(examples["evaluation"]),
                    **({"tuning": _need(tuning)} if tuning else {}),
                },
            )
            for number in range(performance.replicates)
        )

    # -- attack -------------------------------------------------------------------------------

    def _proposals(self, name: str, task: Task, examples: dict[str, Step]) -> list[Step]:
        """What may replace the words of the attacked texts, a step a source of texts."""
        attack = task.characteristics.attack
        proposer = self._masked_language_model(name, task, examples)
        if attack is None or proposer is None:
            return []
        artifact = self._keep(
            self.artifacts,
            _step(
                "masked_language_model_artifact",
                title=f"export the masked language model for {name}",
                group="masked language model",
                subject={"task": name, "model": "masked-language-model"},
                options={},
                needs={"checkpoint": _need(proposer)},
            ),
        )
        roles = _attacked_roles(examples)
        steps = [
            _step(
                "candidates",
                title=f"propose words for the attack on {name}" + _text_source(number, roles),
                group=f"attack {name}",
                subject={"task": name, "model": "masked-language-model"},
                options=self._attack_options(attack, "mode", "candidates", "sub_word_candidates", "combinations"),
                needs={"examples": _need(examples[role]), "masked_language_model": _need(artifact)},
            )
            for number, role in enumerate(roles)
        ]
        return [self._keep(self.attacks, step) for step in steps]

    def _attack_options(self, attack: Attack, *settings: str) -> dict[str, Any]:
        return {
            "settings": attack.model_dump(mode="json", include=set(settings)),
            "target": attack.target,
            "sample": attack.sample,
            "seed": self.study.seed,
        }

    def _attacks(
        self,
        name: str,
        task: Task,
        deployment: Deployment,
        artifact: Step,
        examples: dict[str, Step],
        proposals: list[Step],
        *,
        reference: bool,
    ) -> tuple[Step, ...]:
        attack = task.characteristics.attack
        if attack is None:
            return ()
        if not reference and not any(fnmatch.fnmatch(deployment.name, pattern) for pattern in attack.deployments):
            return ()
        own = self._deployed(name, task, deployment)
        if attack.recipe is not None:
            own |= {"recipe": attack.recipe, **self._attack_options(attack)}
            inputs = [{"examples": _need(examples[role])} for role in _attacked_roles(examples)]
        else:
            own |= self._attack_options(attack, *(setting.name for setting in fields(AttackSettings)))
            own |= {"examples_at_once": attack.examples_at_once}
            inputs = [{**proposed.needs, "candidates": _need(proposed)} for proposed in proposals]
        return tuple(
            self._keep(
                self.attacks,
                _step(
                    "attack" if attack.recipe is None else "recipe",
                    title=f"attack {deployment.name}" + _text_source(number, inputs),
                    group=f"attack {name}",
                    subject={"task": name, "deployment": deployment.name},
                    options=own,
                    needs={"artifact": _need(artifact), **needs},
                ),
            )
            for number, needs in enumerate(inputs)
        )

    def _random_swaps(
        self, name: str, task: Task, deployment: Deployment, attacks: tuple[Step, ...]
    ) -> tuple[Step, ...]:
        """What as many queries find that nothing guides: beside each attack that takes words from a model."""
        attack = task.characteristics.attack
        if attack is None or attack.recipe is not None or not attack.random_swaps:
            return ()
        return tuple(
            self._keep(
                self.attacks,
                _step(
                    "random_swaps",
                    title=f"swap words at random on {deployment.name}" + _text_source(number, attacks),
                    group=f"attack {name}",
                    subject={"task": name, "deployment": deployment.name},
                    options=step.options,
                    needs={**step.needs, "attacked": _need(step)},
                ),
            )
            for number, step in enumerate(attacks)
        )

    def _explanations(
        self,
        name: str,
        task: Task,
        deployment: Deployment,
        artifact: Step,
        examples: dict[str, Step],
        *,
        reference: bool,
    ) -> tuple[Step, ...]:
        explanation = task.characteristics.explanation
        if explanation is None:
            return ()
        return tuple(
            _step(
                "explanation",
                title=f"explain {deployment.name}" + (" again" if again else ""),
                group=f"deployment {name} {deployment.name}",
                subject={"task": name, "deployment": deployment.name + (EXECUTION_REPLICATE if again else "")},
                options={
                    **self._deployed(name, task, deployment),
                    "explanation": explanation.model_dump(mode="json", exclude={"k"}),
                    # Other variants of the texts: how far the method is from itself.
                    "draw": self.study.seed + again,
                    "seed": self.study.seed,
                },
                needs={"artifact": _need(artifact), "examples": _need(examples["evaluation"])},
            )
            for again in ((False, True) if reference else (False,))
        )

    @staticmethod
    def _keep(kept: dict[str, Step], step: Step) -> Step:
        return kept.setdefault(step.key, step)


def _target(task: Task) -> str | None:
    return None if task.characteristics.attack is None else task.characteristics.attack.target


def _attacked_roles(examples: dict[str, Step]) -> list[str]:
    return [role for role in examples if role.startswith("attack-")] or ["evaluation"]


def _text_source(number: int, sources: Sequence[object]) -> str:
    return f" on text source {number + 1}" if len(sources) > 1 else ""


def _step(
    kind: str,
    *,
    title: str,
    group: str,
    subject: dict[str, str],
    options: dict[str, Any],
    needs: dict[str, Need] | None = None,
    places: dict[str, Any] | None = None,
) -> Step:
    needs = needs or {}
    inputs = {
        "kind": kind,
        "version": VERSIONS[kind],
        "libraries": _versions(LIBRARIES[kind]),
        "options": options,
        "needs": {role: key for role, (_, key) in needs.items()},
    }
    return Step(kind, key_of(inputs), title, group, subject, json.loads(json.dumps(options)), needs, places or {})


def _by_group(steps: Iterable[Step]) -> list[Step]:
    """Steps of one group in sequence, so that they share a process."""
    return sorted(steps, key=lambda step: step.group)


def _need(step: Step) -> Need:
    return step.kind, step.key


def _decoding(name: str, task: Task) -> QuestionAnswering | None:
    if name != "question-answering":
        return None
    return task.question_answering or QuestionAnswering()


def _windows(name: str, task: Task) -> dict[str, int] | None:
    """How long contexts are cut, without how answers are decoded: all that training and export depend on."""
    decoding = _decoding(name, task)
    return None if decoding is None else {"max_length": decoding.max_length, "stride": decoding.stride}


def _checkpoint_digest(source: CheckpointSource, task: str) -> str:
    if isinstance(source, EmbeddedCheckpoint):
        from harness.embedded import files

        return key_of([file_digest(path) for path in files(source.embedded, task)])
    return source_digest(source)


def _without_representation(task: Task, model: str) -> dict[str, bool]:
    return {} if represented(task, model) else {"representation": False}


def _dump(model: Any) -> Any:
    return None if model is None else model.model_dump(mode="json")


def _versions(packages: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
