"""Names in a study that must refer to something: checked once the shape of the file is right."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

from backends.errors import BackendError
from backends.registry import backend_class, unsupported_reason
from exporters.formats import FORMATS, lineage
from exporters.prebuilt.graph import KNOWN_INPUTS
from exporters.prebuilt.outputs import LEFT_OUT
from exporters.tasks import TASKS as HEADS
from harness.config.characteristics import Attack
from harness.config.checkpoints import CutCheckpoint, EmbeddedCheckpoint, PrunedCheckpoint
from harness.config.data import EmbeddedSource
from harness.config.deployments import deployments, formats_of
from harness.config.models import Claimed, Model
from harness.config.names import TaskName
from harness.config.slips import meant
from harness.config.study import Study
from harness.config.task_registry import task_class
from harness.config.tasks import TaskSettings
from harness.errors import UserError

LOGITS = tuple(dict.fromkeys(name for head in HEADS.values() for name in head.outputs))
"""Of any task; fields of `harness.config.models.PrebuiltArtifact`."""


def check_references(study: Study, path: Path) -> None:
    """Raise a `UserError` for the first name that refers to nothing, or option that does not fit its task."""
    _names_once(f"{path}: formats", study.formats)
    _names_once(f"{path}: backends", study.backends)
    _check_performance(path, study)
    for name, options in study.backend_options.items():
        if name not in study.backends:
            raise UserError(f"{path}: backend_options.{name}: not a backend of the study; add it to backends")
        try:
            backend_class(name).check_options(options)
        except BackendError as error:
            raise UserError(f"{path}: backend_options: {error}") from None
    for name, task in study.tasks.items():
        place = f"{path}: tasks.{name}"
        _check_models(place, name, task)
        _check_task(place, name, task)
        _check_deployments(place, study, name, task)
        check_training_data(place, study, task)


def _check_performance(path: Path, study: Study) -> None:
    performance = study.performance
    if performance is None:
        return
    _names_once(f"{path}: performance.scenarios", performance.scenarios)
    if not performance.scenarios and performance.sweep is None:
        raise UserError(
            f"{path}: performance.scenarios: names none, so nothing is timed; name one, or say performance: null"
        )
    if performance.sweep is not None:
        _names_once(f"{path}: performance.sweep.batch", performance.sweep.batch)
        _names_once(f"{path}: performance.sweep.length", performance.sweep.length)
    asked_to_tune = performance.tune and "tune" in performance.model_fields_set
    if asked_to_tune and "offline" not in performance.scenarios:
        raise UserError(f"{path}: performance.tune: searches what is fastest offline; add offline to scenarios")
    asked_for_pairs = performance.paired_processes and "paired_processes" in performance.model_fields_set
    if asked_for_pairs and "single-stream" not in performance.scenarios:
        raise UserError(
            f"{path}: performance.paired_processes: times single requests; add single-stream to scenarios, or say 0"
        )
    if "server" in performance.model_fields_set and "server" not in performance.scenarios:
        raise UserError(
            f"{path}: performance.server: nobody asks for that scenario; add server to performance.scenarios"
        )
    if performance.max_warmup_seconds < performance.min_warmup_seconds:
        raise UserError(
            f"{path}: performance.max_warmup_seconds: {performance.max_warmup_seconds:g} is less than "
            f"min_warmup_seconds ({performance.min_warmup_seconds:g}); raise it"
        )


def _check_models(place: str, task_name: str, task: TaskSettings) -> None:
    _refers(f"{place}.reference", task.reference, task.models)
    for name, model in task.models.items():
        here = f"{place}.models.{name}"
        if (model.checkpoint is None) == (model.artifact is None):
            raise UserError(f"{here}: needs a checkpoint or an artifact, and not both")
        _names_once(f"{here}.formats", model.formats or ())
        if model.artifact is not None:
            _check_artifact(here, task_name, task, model)
        if isinstance(model.checkpoint, CutCheckpoint):
            _refers(f"{here}.checkpoint.cut", model.checkpoint.cut, task.models)
            _names_once(f"{here}.checkpoint.layers", model.checkpoint.layers)
            if isinstance(task.models[model.checkpoint.cut].checkpoint, CutCheckpoint):
                raise UserError(
                    f"{here}.checkpoint.cut: {model.checkpoint.cut!r} is itself cut; name the model it was cut from"
                )
            if task.models[model.checkpoint.cut].artifact is not None:
                raise UserError(
                    f"{here}.checkpoint.cut: {model.checkpoint.cut!r} is a finished file, no layers can be cut from "
                    "it; name a model with a checkpoint"
                )
            if isinstance(task.models[model.checkpoint.cut].checkpoint, PrunedCheckpoint):
                raise UserError(f"{here}.checkpoint.cut: {model.checkpoint.cut!r} is pruned; cut first, prune after")
        if isinstance(model.checkpoint, PrunedCheckpoint):
            _check_pruned(f"{here}.checkpoint", name, model.checkpoint, task)
        if isinstance(model.checkpoint, EmbeddedCheckpoint):
            from harness.demo import embedded_names

            there = embedded_names(task_class(task_name).head.task)
            _refers(f"{here}.checkpoint.embedded", model.checkpoint.embedded, there)
        if model.replicate_of is not None:
            _refers(f"{here}.replicate_of", model.replicate_of, task.models)
            if model.replicate_of == name:
                raise UserError(f"{here}.replicate_of: names the model itself; name another")
            original = task.models[model.replicate_of]
            if model.training is not None and model.checkpoint != original.checkpoint:
                raise UserError(
                    f"{here}.replicate_of: {model.replicate_of!r} starts from another checkpoint; a replicate is the "
                    "same recipe with another seed"
                )
            if (task.models[model.replicate_of].artifact is None) != (model.artifact is None):
                raise UserError(
                    f"{here}.replicate_of: replicates are compared in one format, and of {name!r} and "
                    f"{model.replicate_of!r} only one is a finished file; name one of its kind"
                )
        if model.claimed is not None:
            _check_claimed(f"{here}.claimed", task_name, model, model.claimed)
        if model.training is not None:
            if task.recipe is None:
                raise UserError(f"{here}.training: the task has no recipe; add {place}.recipe")
            if model.training.distillation is not None and name == task.reference:
                raise UserError(f"{here}.training.distillation: the reference cannot be its own teacher; remove it")
            if model.training.distillation is not None and model.training.distillation.hidden_states:
                _check_hidden_states(f"{here}.training.distillation.hidden_states", model, task.reference)
            if model.training.distillation is not None and task.models[task.reference].artifact is not None:
                raise UserError(
                    f"{here}.training.distillation: the teacher is the reference, which is a finished file; make a "
                    "model with a checkpoint the reference"
                )


def _check_hidden_states(here: str, model: Model, reference: str) -> None:
    """A layer of the student has to stand for one of the teacher's."""
    source = model.checkpoint
    parent = getattr(source, "cut", None) or getattr(source, "pruned", None)
    if parent != reference:
        raise UserError(f"{here}: is for students cut or pruned from the reference {reference!r}; remove it")
    if isinstance(source, CutCheckpoint) and list(source.layers) != sorted(source.layers):
        raise UserError(f"{here}: the layers {list(source.layers)} are not in order; name them from the first on")


def _check_pruned(here: str, name: str, checkpoint: PrunedCheckpoint, task: TaskSettings) -> None:
    if (checkpoint.sparsity is None) == (checkpoint.heads is None):
        raise UserError(f"{here}: needs sparsity or heads, and not both")
    _refers(f"{here}.pruned", checkpoint.pruned, task.models)
    if name == task.reference:
        raise UserError(f"{here}: the reference is what pruned models are compared with; make another the reference")
    if isinstance(task.models[checkpoint.pruned].checkpoint, PrunedCheckpoint):
        raise UserError(f"{here}.pruned: {checkpoint.pruned!r} is itself pruned; name the model that it was made of")
    if task.models[checkpoint.pruned].artifact is not None:
        raise UserError(f"{here}.pruned: {checkpoint.pruned!r} is a finished file; name a model with a checkpoint")


def _check_artifact(here: str, task_name: str, task: TaskSettings, model: Model) -> None:
    """What does not go together with a finished file; the file itself is looked at when the study is planned."""
    artifact = model.artifact
    assert artifact is not None
    if model.training is not None:
        raise UserError(f"{here}.training: a finished file cannot be trained; give a checkpoint, or remove it")
    if model.formats is not None:
        raise UserError(
            f"{here}.formats: a finished file has a format of its own (onnx-prebuilt, tensorrt-prebuilt); drop them"
        )
    if (artifact.onnx is None) == (artifact.tensorrt is None):
        raise UserError(f"{here}.artifact: needs onnx or tensorrt, and not both")
    if artifact.tensorrt is not None:
        for name in (*LOGITS, *KNOWN_INPUTS, "representation"):
            if getattr(artifact, name) not in (None, LEFT_OUT if name == "representation" else None):
                raise UserError(
                    f"{here}.artifact.{name}: an engine cannot be changed, its inputs and outputs must have the usual "
                    "names; remove it, or give the ONNX file"
                )
    outputs = task_class(task_name).head.outputs
    for name in LOGITS:
        if name not in outputs and getattr(artifact, name) is not None:
            raise UserError(f"{here}.artifact.{name}: {task_name} has {' and '.join(outputs)}; remove it")


def _check_claimed(place: str, task_name: str, model: Model, claimed: Claimed) -> None:
    task = task_class(task_name)
    of_task = (task.score_name.replace(" ", "_"), task.verified_score[0] if task.verified_score else "")
    known = [name for name in Claimed.model_fields if name in of_task]
    named = [name for name in Claimed.model_fields if name != "within" and getattr(claimed, name) is not None]
    how = f"name {' or '.join(known)}, in percent" if known else "remove it"
    if model.training is not None:
        raise UserError(f"{place}: no card speaks of a model that this study trains; remove it")
    for name in named:
        if name not in known:
            raise UserError(f"{place}.{name}: {task_name} has no such score; {how}")
    if not named:
        raise UserError(f"{place}: names no score; {how}")


def _check_task(place: str, name: str, task: TaskSettings) -> None:
    task_class(name).check_settings(place, task)
    if task.characteristics.attack is not None:
        _check_attack(f"{place}.characteristics.attack", name, task.characteristics.attack)
    _names_once(f"{place}.characteristics.indexes", task.characteristics.indexes)
    if "indexes" in task.characteristics.model_fields_set and task.data.corpus is None:
        raise UserError(f"{place}.characteristics.indexes: there is no data.corpus that they could hold; remove it")
    if task.threshold is not None and not task_class(name).thresholded:
        raise UserError(f"{place}.threshold: {name} scores nothing that it could divide; remove it")
    explanation = task.characteristics.explanation
    if explanation is not None and find_spec(explanation.method) is None:
        raise UserError(
            f"{place}.characteristics.explanation.method: the package {explanation.method!r} is not installed; "
            "install it with: pip install -e '.[explain]'"
        )
    if isinstance(task.data.evaluation, EmbeddedSource) and task.data.evaluation.embedded == "train":
        raise UserError(
            f"{place}.data.evaluation.embedded: 'train' is what the family was trained on; use 'evaluation'"
        )


WITH_A_RECIPE = {"recipe", "data", "sample", "deployments", "token_budget"}


def _check_attack(place: str, task_name: str, attack: Attack) -> None:
    targets = task_class(task_name).attack_targets
    if attack.target is not None and attack.target not in targets:
        raise UserError(f"{place}.target: {attack.target!r} is no part of {task_name}; it has {' and '.join(targets)}")
    if attack.recipe is None:
        if attack.masked_language_model is None:
            raise UserError(
                f"{place}.masked_language_model: is missing; BERT-ATTACK takes its words from one (or name a recipe)"
            )
        return
    if beside := sorted(attack.model_fields_set - WITH_A_RECIPE):
        raise UserError(f"{place}.{beside[0]}: the recipe {attack.recipe!r} brings its own; remove it")
    from benchmarks.attack.recipes import missing_resources

    if missing := missing_resources(attack.recipe):
        more = f" (and {len(missing) - 1} more: {', '.join(one.what for one in missing[1:])})" if missing[1:] else ""
        raise UserError(
            f"{place}.recipe: {attack.recipe!r} needs {missing[0].what}, not found on this machine{more}; "
            f"{missing[0].get}"
        )


def check_bank(place: str, task: TaskSettings, training_examples: int) -> None:
    """Raise a `UserError` where the bank of the out-of-distribution detector cannot hold k neighbours."""
    bank, k = min(task.data.bank, training_examples), task.characteristics.distribution.k
    if task.data.out_of_distribution is not None and bank < k:
        raise UserError(
            f"{place}.characteristics.distribution.k: the {k}-th neighbour in a bank of {bank} training examples "
            f"(data.train has {training_examples}, data.bank takes {task.data.bank}); set k to {bank} or less"
        )


def _check_export(place: str, where: str, task: TaskSettings, format: str) -> None:
    """What a format, or one that it is made from, needs and does not find."""
    for step in lineage(format):
        if (reason := step.missing()) is not None:
            raise UserError(f"{where}: {format!r} cannot be made: {reason}")
        if step.needs_calibration and task.calibration.method not in step.calibration_methods:
            raise UserError(
                f"{place}.calibration.method: {task.calibration.method!r} is not for {step.name!r}, which takes "
                f"{' or '.join(step.calibration_methods)}"
            )


def _check_deployments(place: str, study: Study, name: TaskName, task: TaskSettings) -> None:
    for model_name, model in task.models.items():
        for format in formats_of(study, model):
            where = f"{place}.models.{model_name}.formats" if model.formats else f"{place.split(':')[0]}: formats"
            if model.artifact is not None:
                where = f"{place}.models.{model_name}.artifact"
            reasons = [unsupported_reason(backend, format) for backend in study.backends]
            if all(reason is not None for reason in reasons):
                first = f"{study.backends[0]}: {reasons[0]}"
                raise UserError(f"{where}: no backend of the study serves {format!r}; {first}")
            if model.artifact is None:
                _check_export(place, where, task, format)
    attack = task.characteristics.attack
    if attack is not None:
        names = [deployment.name for deployment in deployments(study, name)]
        for pattern in attack.deployments:
            if not fnmatch.filter(names, pattern):
                raise UserError(
                    f"{place}.characteristics.attack.deployments: {pattern!r} matches none of the deployments, "
                    f"which are {', '.join(names[:4])}, ..."
                )


def _names_once(where: str, values: Sequence[object]) -> None:
    if twice := [value for value in values if values.count(value) > 1]:
        raise UserError(f"{where}: names {twice[0]!r} twice; name each once")


def _refers(where: str, name: str, known: Iterable[str]) -> None:
    options = list(known)
    if name not in options:
        match = meant(name, options)
        hint = f"did you mean {match!r}?" if match else f"known: {', '.join(options)}"
        raise UserError(f"{where}: {name!r} refers to nothing; {hint}")


def check_training_data(place: str, study: Study, task: TaskSettings) -> None:
    """Raise a `UserError` where something needs training examples and the task names none."""
    if task.data.train is None and (needing := _first_that_needs(study, task)):
        raise UserError(f"{place}.data.train: is missing, and {needing}; add it, or leave that out")


def _first_that_needs(study: Study, task: TaskSettings) -> str | None:
    for name, model in task.models.items():
        if model.training is not None:
            return f"models.{name}.training is done on it"
    for name, model in task.models.items():
        for format in formats_of(study, model):
            if format in FORMATS and any(step.needs_calibration for step in lineage(format)):
                return f"the format {format!r} of {name!r} is calibrated on it"
    if task.data.out_of_distribution is not None:
        return "data.out_of_distribution is told apart by its distance to it"
    attack = task.characteristics.attack
    if attack is not None and attack.masked_language_model and attack.masked_language_model.training is not None:
        return "characteristics.attack.masked_language_model.training is done on its texts"
    return None
