"""Comparisons that a run can make: a step for each characteristic, over the outputs that are there, and its floors."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from benchmarks.statistics.equivalence import Floor
from harness.config.deployments import EXECUTION_REPLICATE, Deployment, represented
from harness.config.study import Study
from harness.config.task_registry import task_class
from harness.config.tasks import TaskSettings
from harness.planning.plan import TaskPlan
from harness.planning.step import InputsT, OptionsT, plan_step
from harness.planning.transfers import attacked, transfers
from harness.steps import compare_adversarial_attack, compare_explanation
from harness.steps.comparison import ComparisonOptions, EvaluationInputs, FlooredOptions
from harness.steps.registry import KINDS, StepKind, kind_name, step_kind
from harness.store.step import Step, StepRef
from harness.store.steps import Store
from harness.tasks.attacked import target_of


def comparisons(task: TaskPlan, study: Study, store: Store) -> dict[str, Step]:
    """The comparison steps of a task, by characteristic. One whose inputs are not there is left out."""
    if not _outputs(task, store, "evaluation"):
        return {}
    kinds = [step_kind(name) for name in KINDS if name.startswith(PREFIX)]
    left_out = {PREFIX + name for name in task_class(task.name).left_out}
    kinds = [kind for kind in kinds if kind_name(kind) not in left_out]
    steps = [
        *(_over_outputs(task, study, store, kind) for kind in kinds),
        _adversarial_attack(task, study, store),
        _explanation(task, study, store),
    ]
    return {step.subject["characteristic"]: step for step in steps if step is not None}


PREFIX = "compare_"

Outputs = dict[str, StepRef]
"""By name of a deployment, or of an execution replicate. The reference is first."""


def _over_outputs(task: TaskPlan, study: Study, store: Store, kind: StepKind[Any, Any]) -> Step | None:
    if not issubclass(kind.Inputs, EvaluationInputs) or not issubclass(kind.Options, ComparisonOptions):
        return None  # planned below
    own = kind.Options.of_study(task.task)
    if own is None or not kind.Options.is_for(task_class(task.name)):
        return None
    roles = {field: field.replace("_", "-") for field in kind.Inputs.model_fields if field != "examples"}
    outputs_by_field = {field: _outputs(task, store, role, *roles.values()) for field, role in roles.items()}
    if kind.Inputs.needs_representation:
        outputs_by_field = {field: _represented(task, outputs) for field, outputs in outputs_by_field.items()}
    if not outputs_by_field["evaluation"]:
        return None
    common = _floored if issubclass(kind.Options, FlooredOptions) else _common
    inputs: dict[str, Any] = {**outputs_by_field}
    if "examples" in kind.Inputs.model_fields:
        inputs["examples"] = task.examples["evaluation"].ref
    return _comparison(
        task,
        kind,
        kind.Options(**common(task, study, outputs_by_field["evaluation"]), **own),
        kind.Inputs(**inputs),
    )


def _adversarial_attack(task: TaskPlan, study: Study, store: Store) -> Step | None:
    attacks = attacked(task, store)
    if not attacks:
        return None
    swapped = {
        planned.deployment.name: tuple(step.ref for step in planned.random_swaps)
        for planned in task.deployments
        if planned.deployment.name in attacks and planned.random_swaps
        if all(store.has(step.kind, step.key) for step in planned.random_swaps)
    }
    transferred = {name: step.ref for name, step in transfers(task, store).items() if store.has(step.kind, step.key)}
    return _comparison(
        task,
        compare_adversarial_attack,
        compare_adversarial_attack.Options(
            **_common(task, study, attacks),
            overlap_margin=task.task.characteristics.overlap_margin,
            method=_method(task),
        ),
        compare_adversarial_attack.Inputs(attacks=attacks, random_swaps=swapped, transfers=transferred),
    )


def _explanation(task: TaskPlan, study: Study, store: Store) -> Step | None:
    settings, explanations = task.task.characteristics.explanation, _explanations(task, store)
    if settings is None or not explanations:
        return None
    return _comparison(
        task,
        compare_explanation,
        compare_explanation.Options(**_common(task, study, explanations), k=settings.k),
        compare_explanation.Inputs(explanations=explanations),
    )


def _comparison(task: TaskPlan, kind: StepKind[OptionsT, InputsT], options: OptionsT, inputs: InputsT) -> Step:
    characteristic = kind_name(kind).removeprefix(PREFIX)
    return plan_step(
        kind,
        title=f"compare {characteristic.replace('_', ' ')} on {task.name}",
        group=f"comparison {task.name}",
        subject={"task": task.name, "characteristic": characteristic},
        options=options,
        inputs=inputs,
    )


def _common(task: TaskPlan, study: Study, names: Iterable[str]) -> dict[str, Any]:
    """The options of every comparison of these deployments, the reference first."""
    return {
        "task": task.name,
        "deployments": tuple(names),
        "resamples": task.task.characteristics.bootstrap,
        "seed": study.seed,
    }


def _floored(task: TaskPlan, study: Study, names: Collection[str]) -> dict[str, Any]:
    """The options of every comparison that holds differences against floors."""
    deployments = {planned.deployment.name: planned.deployment for planned in task.deployments}
    return {
        **_common(task, study, names),
        "floors": floors(task.task, deployments, next(iter(names)), names),
        "overlap_margin": task.task.characteristics.overlap_margin,
    }


def _outputs(task: TaskPlan, store: Store, role: str, *needed: str) -> Outputs:
    """Outputs for ``role`` of each deployment, and behind them each execution replicate, that has all ``needed``."""
    first: Outputs = {}
    rerun: Outputs = {}
    for planned in task.deployments:
        name = planned.deployment.name
        if _there(planned.outputs, (role, *needed), store):
            first[name] = planned.outputs[role].ref
            if _there(planned.rerun, (role, *needed), store):
                rerun[name + EXECUTION_REPLICATE] = planned.rerun[role].ref
    return {**first, **rerun}


def _there(steps: Mapping[str, Step], roles: Collection[str], store: Store) -> bool:
    return all(role in steps and store.has(steps[role].kind, steps[role].key) for role in roles)


def _represented(task: TaskPlan, outputs: Outputs) -> Outputs:
    """Those that give a representation; none where the reference does not."""
    without = {
        planned.deployment.name for planned in task.deployments if not represented(task.task, planned.deployment.model)
    }
    if task.deployments[0].deployment.name in without:
        return {}
    return {name: ref for name, ref in outputs.items() if name.removesuffix(EXECUTION_REPLICATE) not in without}


def _explanations(task: TaskPlan, store: Store) -> dict[str, StepRef]:
    """Of each deployment that was explained; the second explanation of the reference follows its first."""
    explanations: dict[str, StepRef] = {}
    for planned in task.deployments:
        for step, suffix in zip(planned.explanations, ("", EXECUTION_REPLICATE), strict=False):
            if not store.has(step.kind, step.key):
                break  # a second one without the first is no floor
            explanations[planned.deployment.name + suffix] = step.ref
    return explanations


def _method(task: TaskPlan) -> str:
    attack = task.task.characteristics.attack
    assert attack is not None
    if attack.recipe is not None:
        return f"TextAttack's {attack.recipe}"
    of = f" of the {target_of(task.name, attack)}" if len(task_class(task.name).attack_targets) > 1 else ""
    return f"BERT-ATTACK{of}"


def floors(
    task: TaskSettings, deployments: Mapping[str, Deployment], reference: str, present: Collection[str]
) -> dict[str, Floor]:
    """For every deployment that may be judged, its floor. Only deployments that are ``present`` count.

    Models of another architecture are held against the *seed floor*, the reference's seed replicates in its own format
    and on its backend, where there are any. All else is held against the *execution floor*, the reference's own second
    run: neither a seed nor the noise of a format excuses what a format changes. Replicates, a student's too, are held
    against what they replicate, and are not judged.
    """
    first = deployments[reference]
    same_recipe = {name for name, model in task.models.items() if model.replicate_of == first.model}
    seeds = tuple(
        name
        for name, other in deployments.items()
        if other.format == first.format and other.backend == first.backend and name in present
        if other.model in same_recipe
    )
    rerun = tuple(name for name in (reference + EXECUTION_REPLICATE,) if name in present)
    floors_by_deployment: dict[str, Floor] = {}
    for name, deployment in deployments.items():
        if name == reference or name not in present or task.models[deployment.model].replicate_of is not None:
            continue
        if deployment.model != first.model and seeds:
            floors_by_deployment[name] = Floor("seed", seeds)
        elif rerun:
            floors_by_deployment[name] = Floor("execution", rerun)
    return floors_by_deployment
