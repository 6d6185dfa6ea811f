"""Which comparisons a run can make: one step for each characteristic, over the outputs that are there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.config.deployments import EXECUTION_REPLICATE, represented
from harness.config.study import Study
from harness.planning.noise import floors
from harness.planning.plan import TaskPlan
from harness.planning.step import plan_step
from harness.planning.transfers import attacked, transfers
from harness.store.steps import Step, Store

Present = dict[str, dict[str, Step]]
"""By name of a deployment, or of an execution replicate: the steps that are there, by role. The reference is first."""


def comparisons(task: TaskPlan, study: Study, store: Store) -> dict[str, Step]:
    """The comparison steps of a task, by characteristic. One whose inputs are not there is left out."""
    evaluation = _with_outputs(task, store, "evaluation")
    if not evaluation:
        return {}
    settings = task.task.characteristics
    overlap = {"overlap_margin": settings.overlap_margin}
    margins = {"margin": settings.margin, **overlap}
    steps = {"prediction_errors": _comparison(task, study, "prediction_errors", evaluation, margins)}
    if with_representation := _represented(task, evaluation):
        neighbours = {**overlap, "k": list(settings.representation.k)}
        steps["data_representation"] = _comparison(task, study, "data_representation", with_representation, neighbours)
    steps["calibration"] = _comparison(task, study, "calibration", evaluation, {})
    labels = {"labels": list(task.task.labels or ())}
    texts = {"examples": task.examples["evaluation"]}
    steps["affected"] = _comparison(task, study, "affected", evaluation, labels, texts)
    if everywhere := _represented(task, _with_outputs(task, store, "bank", "evaluation", "out-of-distribution")):
        detector = {**overlap, "k": settings.distribution.k, "kept": settings.distribution.kept}
        steps["data_distribution"] = _comparison(task, study, "data_distribution", everywhere, detector)
    if attacks := attacked(task, store):
        method = {**overlap, "method": _method(task)}
        beside = _beside_attacks(task, store, attacks)
        steps["adversarial_attack"] = _comparison(task, study, "adversarial_attack", attacks, method, beside)
    if settings.explanation is not None and (explained := _explained(task, store)):
        weightiest = {"k": list(settings.explanation.k)}
        steps["explanation"] = _comparison(task, study, "explanation", explained, weightiest)
    return steps


def _comparison(
    task: TaskPlan,
    study: Study,
    characteristic: str,
    present: Present,
    options: Mapping[str, Any],
    beside: Mapping[str, Step] = {},
) -> Step:
    """``options`` are the characteristic's own. It needs what is ``present``, and the steps ``beside`` by role."""
    names = list(present)
    deployments = {planned.deployment.name: planned.deployment for planned in task.deployments}
    return plan_step(
        "comparison",
        title=f"compare {characteristic.replace('_', ' ')} on {task.name}",
        group=f"comparison {task.name}",
        subject={"task": task.name, "characteristic": characteristic},
        options={
            "characteristic": characteristic,
            "task": task.name,
            "deployments": names,
            "reference": names[0],
            "floors": floors(task.task, deployments, names[0], names),
            "resamples": task.task.characteristics.bootstrap,
            "seed": study.seed,
            **options,
        },
        needs={**_by_role(present), **beside},
    )


def _with_outputs(task: TaskPlan, store: Store, *roles: str) -> Present:
    """Each deployment whose outputs for ``roles`` are all there, and behind them each such execution replicate."""
    found: Present = {}
    replicates: Present = {}
    for planned in task.deployments:
        name = planned.deployment.name
        if _there(planned.outputs, roles, store):
            found[name] = {role: planned.outputs[role] for role in roles}
            if _there(planned.again, roles, store):
                replicates[name + EXECUTION_REPLICATE] = {role: planned.again[role] for role in roles}
    return {**found, **replicates}


def _there(steps: Mapping[str, Step], roles: tuple[str, ...], store: Store) -> bool:
    return all(role in steps and store.has(steps[role].kind, steps[role].key) for role in roles)


def _represented(task: TaskPlan, present: Present) -> Present:
    """Those of ``present`` that give a representation; none where the reference does not."""
    without = {
        planned.deployment.name for planned in task.deployments if not represented(task.task, planned.deployment.model)
    }
    if task.deployments[0].deployment.name in without:
        return {}
    return {name: steps for name, steps in present.items() if name.removesuffix(EXECUTION_REPLICATE) not in without}


def _beside_attacks(task: TaskPlan, store: Store, attacks: Present) -> dict[str, Step]:
    """The random swaps of deployments that were attacked, and what any deployment said to the crafted texts."""
    swapped = {
        planned.deployment.name: {f"random {number}": step for number, step in enumerate(planned.random_swaps)}
        for planned in task.deployments
        if planned.deployment.name in attacks and all(store.has(step.kind, step.key) for step in planned.random_swaps)
    }
    shown = {
        name: {"transfer": step} for name, step in transfers(task, store).items() if store.has(step.kind, step.key)
    }
    return {**_by_role(swapped), **_by_role(shown)}


def _explained(task: TaskPlan, store: Store) -> Present:
    """Each deployment that was explained; the second explanation of the reference follows its first."""
    found: Present = {}
    for planned in task.deployments:
        for step, suffix in zip(planned.explanations, ("", EXECUTION_REPLICATE), strict=False):
            if not store.has(step.kind, step.key):
                break  # a second one without the first is no floor
            found[planned.deployment.name + suffix] = {"explanation": step}
    return found


def _method(task: TaskPlan) -> str:
    attack = task.task.characteristics.attack
    assert attack is not None
    if attack.recipe is not None:
        return f"TextAttack's {attack.recipe}"
    return f"BERT-ATTACK of the {attack.target}" if task.name == "question-answering" else "BERT-ATTACK"


def _by_role(present: Present) -> dict[str, Step]:
    return {f"{name} {role}": step for name, steps in present.items() for role, step in steps.items()}
