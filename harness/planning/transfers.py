"""The replay of attacked texts: planned once it is known where an attack came to its end."""

from __future__ import annotations

from harness.planning.attacks import token_budget
from harness.planning.examples import attacked_examples
from harness.planning.plan import DeploymentPlan, TaskPlan
from harness.store.steps import Step, Store


def transfers(task: TaskPlan, store: Store) -> dict[str, Step]:
    """By name of the deployment, for each whose artifact is there: all crafted texts, shown to it."""
    crafted = {
        f"{name} {source}": step for name, steps in attacked(task, store).items() for source, step in steps.items()
    }
    if not crafted:
        return {}
    examples = {f"examples {number}": step for number, step in enumerate(attacked_examples(task.examples))}
    return {
        planned.deployment.name: _transfer(task, planned, {**examples, **crafted})
        for planned in task.deployments
        if store.has(planned.artifact.kind, planned.artifact.key)
    }


def attacked(task: TaskPlan, store: Store) -> dict[str, dict[str, Step]]:
    """For each deployment that was attacked on all sources of texts: its steps, by the number of the source."""
    return {
        planned.deployment.name: {str(number): step for number, step in enumerate(planned.attacks)}
        for planned in task.deployments
        if planned.attacks and all(store.has(step.kind, step.key) for step in planned.attacks)
    }


def _transfer(task: TaskPlan, planned: DeploymentPlan, crafted: dict[str, Step]) -> Step:
    """``crafted``: the attacks by deployment and number of the source of texts, and ``examples NUMBER``."""
    attack = task.task.characteristics.attack
    assert attack is not None
    return planned.deployed.step(
        "transfer",
        title=f"show {planned.deployment.name} what was crafted on {task.name}",
        group=f"transfer {task.name}",
        options={"target": attack.target, "token_budget": token_budget(planned.deployed)},
        needs=crafted,
    )
