"""Which comparisons a run can make: one step for each characteristic, over the outputs that are there.

The replay of attacked texts is planned here too: it takes what was crafted wherever an attack came to its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.config.deployments import represented
from harness.config.study import Study
from harness.noise import floors
from harness.plan import EXECUTION_REPLICATE, Need, TaskPlan, comparison_step, transfer_step
from harness.store.steps import Step, Store


def transfers(task: TaskPlan, store: Store) -> dict[str, Step]:
    """The replay of all crafted texts on each deployment whose artifact is there, by its name."""
    crafted = {
        f"{name} {source}": need for name, needs in _attacked(task, store).items() for source, need in needs.items()
    }
    if not crafted:
        return {}
    # The examples of each source, as every attack has them.
    steps = next(plan.attacks for plan in task.deployments if plan.attacks)
    examples = {f"examples {source}": step.needs["examples"] for source, step in enumerate(steps)}
    return {
        plan.deployment.name: transfer_step(task, plan, {**examples, **crafted})
        for plan in task.deployments
        if store.has(plan.artifact.kind, plan.artifact.key)
    }


def _attacked(task: TaskPlan, store: Store) -> dict[str, dict[str, Need]]:
    """For each deployment that was attacked on all sources of texts: its steps, by the number of the source."""
    return {
        plan.deployment.name: {str(index): (step.kind, step.key) for index, step in enumerate(plan.attacks)}
        for plan in task.deployments
        if plan.attacks and all(store.has(step.kind, step.key) for step in plan.attacks)
    }


def comparisons(task: TaskPlan, study: Study, store: Store) -> dict[str, Step]:
    """The comparison steps of a task, by characteristic. One whose inputs are not there is left out."""
    evaluation = _present(task, store, ("evaluation",))
    if len(evaluation) == 0:
        return {}
    settings = task.task.characteristics
    common = _common(task, study, evaluation)
    margins = {"margin": settings.margin, "overlap_margin": settings.overlap_margin}
    steps = {
        "prediction_errors": comparison_step(task, "prediction_errors", {**common, **margins}, _needs(evaluation)),
    }
    represented = _represented(task, evaluation)
    if represented:
        options = {
            **_common(task, study, represented),
            "overlap_margin": settings.overlap_margin,
            "k": list(settings.representation.k),
        }
        steps["data_representation"] = comparison_step(task, "data_representation", options, _needs(represented))
    steps["calibration"] = comparison_step(task, "calibration", common, _needs(evaluation))
    answers = task.examples["evaluation"]
    steps["affected"] = comparison_step(
        task,
        "affected",
        {**common, "labels": list(task.task.labels or ())},
        {**_needs(evaluation), "examples": (answers.kind, answers.key)},
    )
    everywhere = _represented(task, _present(task, store, ("bank", "evaluation", "out-of-distribution")))
    if everywhere:
        options = {
            **_common(task, study, everywhere),
            "overlap_margin": settings.overlap_margin,
            "k": settings.distribution.k,
            "kept": settings.distribution.kept,
        }
        steps["data_distribution"] = comparison_step(task, "data_distribution", options, _needs(everywhere))
    attacks = _attacked(task, store)
    if attacks:
        shown = {
            name: {"transfer": (step.kind, step.key)}
            for name, step in transfers(task, store).items()
            if store.has(step.kind, step.key)
        }
        swapped = {
            plan.deployment.name: {
                f"random {index}": (step.kind, step.key) for index, step in enumerate(plan.random_swaps)
            }
            for plan in task.deployments
            if plan.deployment.name in attacks and all(store.has(step.kind, step.key) for step in plan.random_swaps)
        }
        options = {
            **_common(task, study, attacks),
            "overlap_margin": settings.overlap_margin,
            "method": _method(task),
        }
        needs = {**_needs(attacks), **_needs(swapped), **_needs(shown)}
        steps["adversarial_attack"] = comparison_step(task, "adversarial_attack", options, needs)
    explained: dict[str, dict[str, Need]] = {}
    for plan in task.deployments:
        for step, suffix in zip(plan.explanations, ("", EXECUTION_REPLICATE), strict=False):
            if store.has(step.kind, step.key):
                explained[plan.deployment.name + suffix] = {"explanation": (step.kind, step.key)}
    if explained and settings.explanation is not None:
        options = {**_common(task, study, explained), "k": list(settings.explanation.k)}
        steps["explanation"] = comparison_step(task, "explanation", options, _needs(explained))
    return steps


def _method(task: TaskPlan) -> str:
    attack = task.task.characteristics.attack
    assert attack is not None
    if attack.recipe is not None:
        return f"TextAttack's {attack.recipe}"
    return f"BERT-ATTACK of the {attack.target}" if task.name == "question-answering" else "BERT-ATTACK"


def _represented(task: TaskPlan, present: dict[str, dict[str, Need]]) -> dict[str, dict[str, Need]]:
    """Those of ``present`` that give a representation; none where the reference does not."""
    without = {plan.deployment.name for plan in task.deployments if not represented(task.task, plan.deployment.model)}
    if task.deployments[0].deployment.name in without:
        return {}
    return {name: needs for name, needs in present.items() if name.removesuffix(EXECUTION_REPLICATE) not in without}


def _common(task: TaskPlan, study: Study, present: Mapping[str, object]) -> dict[str, Any]:
    """What all comparisons are told: who takes part, the reference, noise floors, and the bootstrap."""
    names = list(present)
    planned = {plan.deployment.name: plan.deployment for plan in task.deployments}
    return {
        "deployments": names,
        "reference": names[0],
        "floors": floors(task.task, planned, names[0], present.keys()),
        "resamples": task.task.characteristics.bootstrap,
        "seed": study.seed,
    }


def _present(task: TaskPlan, store: Store, roles: tuple[str, ...]) -> dict[str, dict[str, Need]]:
    """For each deployment, and each execution replicate, whose outputs for ``roles`` are all there: their steps."""
    found: dict[str, dict[str, Need]] = {}
    replicates: dict[str, dict[str, Need]] = {}
    for plan in task.deployments:
        for steps, suffix, into in ((plan.outputs, "", found), (plan.again, EXECUTION_REPLICATE, replicates)):
            chosen = [steps.get(role) for role in roles]
            if all(step is not None and store.has(step.kind, step.key) for step in chosen):
                into[plan.deployment.name + suffix] = {
                    role: (step.kind, step.key) for role, step in zip(roles, chosen, strict=True) if step is not None
                }
    return {**found, **{name: needs for name, needs in replicates.items() if name.removesuffix("#again") in found}}


def _needs(present: dict[str, dict[str, Need]]) -> dict[str, Need]:
    return {f"{name} {role}": need for name, roles in present.items() for role, need in roles.items()}
