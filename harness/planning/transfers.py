"""The replay of attacked texts: planned once it is known where an attack came to its end."""

from __future__ import annotations

from harness.planning.attacks import attacked_deployment
from harness.planning.examples import attacked_examples
from harness.planning.measurements import corpus_of
from harness.planning.plan import DeploymentPlan, TaskPlan
from harness.steps import transfer
from harness.store.step import Step, StepRef
from harness.store.steps import Store
from harness.tasks.attacked import target_of


def transfers(task: TaskPlan, store: Store) -> dict[str, Step]:
    """By name of the deployment, for each whose artifact is there: the adversarial texts of all, as it answers them.

    ``task``: with the deployments that passed their verification.
    """
    attacks = attacked(task, store)
    if not attacks:
        return {}
    return {
        planned.deployment.name: _transfer(task, planned, attacks)
        for planned in task.deployments
        if store.has(planned.artifact.kind, planned.artifact.key)
    }


def attacked(task: TaskPlan, store: Store) -> dict[str, tuple[StepRef, ...]]:
    """For each deployment that was attacked on all sources of texts: its attacks, in the order of the sources."""
    return {
        planned.deployment.name: tuple(step.ref for step in planned.attacks)
        for planned in task.deployments
        if planned.attacks and all(store.has(step.kind, step.key) for step in planned.attacks)
    }


def _transfer(task: TaskPlan, planned: DeploymentPlan, attacks: dict[str, tuple[StepRef, ...]]) -> Step:
    deployed = planned.deployed
    settings = task.task.characteristics.attack
    assert settings is not None
    return deployed.step(
        transfer,
        title=f"transfer attacks to {planned.deployment.name} on {task.name}",
        group=f"transfer {task.name}",
        options=transfer.Options(
            deployment=attacked_deployment(deployed),
            name=planned.deployment.name,
            target=target_of(task.name, settings),
        ),
        inputs=transfer.Inputs(
            artifact=deployed.artifact.ref,
            evaluation=deployed.evaluation,
            corpus=corpus_of(deployed),
            examples=tuple(step.ref for step in attacked_examples(task.examples)),
            attacks=attacks,
        ),
    )
