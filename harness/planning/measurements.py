"""The steps that run a deployment over the data, and measure how fast it is."""

from __future__ import annotations

from typing import Any

from harness.config.deployments import represented
from harness.planning.deployed import Deployed
from harness.store.steps import Step


def plan_outputs(deployed: Deployed, *, again: bool = False) -> dict[str, Step]:
    """By role: what the deployment says about each data set. ``again`` is the execution replicate."""
    task, name = deployed.context.task, deployed.context.name
    sources = {"evaluation": "evaluation"}
    if "out-of-distribution" in deployed.examples and represented(task, deployed.deployment.model):
        sources = {"bank": "train", **sources, "out-of-distribution": "out-of-distribution"}
    sampled = {"sample": task.data.bank, "seed": deployed.context.study.seed}
    return {
        role: deployed.step(
            "outputs",
            title=f"run {deployed.deployment.name} on the {role} data of {name}",
            group=f"deployment {name} {deployed.deployment.name}",
            options={"again": again, **(sampled if role == "bank" else {})},
            needs={"examples": deployed.examples[source]},
            again=again,
        )
        for role, source in sources.items()
    }


def plan_tuning(deployed: Deployed) -> Step | None:
    """The search for the fastest setting; None where the study asks for none."""
    context = deployed.context
    performance = context.study.performance
    if performance is None or not performance.tune or "offline" not in performance.scenarios:
        return None
    return deployed.step(
        "tuning_search",
        title=f"tune {deployed.deployment.name} on {context.name}",
        group=f"deployment {context.name} {deployed.deployment.name} tuning",
        options={
            "performance": performance.model_dump(mode="json", include={"samples"}),
            "seed": context.study.seed,
            "machine": context.machine.facts,
        },
        needs={"examples": deployed.examples["evaluation"]},
    )


def plan_performance(deployed: Deployed) -> tuple[Step, ...]:
    """One step a fresh process."""
    performance = deployed.context.study.performance
    if performance is None:
        return ()
    settings = performance.model_dump(mode="json", exclude={"replicates", "tune"})
    title = f"measure {deployed.deployment.name}"
    return _in_fresh_processes(performance.replicates, deployed, "performance", title, settings)


def plan_tuned(deployed: Deployed, tuning: Step | None) -> tuple[Step, ...]:
    """One step a fresh process. `plan_performance` does not need it: a tuning that fails takes nothing along."""
    performance = deployed.context.study.performance
    if performance is None or tuning is None:
        return ()
    settings = performance.model_dump(mode="json", include={"samples", "min_seconds"})
    title = f"measure {deployed.deployment.name} as tuned"
    return _in_fresh_processes(performance.replicates, deployed, "tuned_throughput", title, settings, tuning=tuning)


def _in_fresh_processes(
    processes: int, deployed: Deployed, kind: str, title: str, settings: dict[str, Any], **needs: Step
) -> tuple[Step, ...]:
    context = deployed.context
    return tuple(
        deployed.step(
            kind,
            title=f"{title} on {context.name}" + (f", process {number + 1}" if processes > 1 else ""),
            group=f"deployment {context.name} {deployed.deployment.name}" + (f" {number}" if number else ""),
            options={
                "performance": settings,
                "replicate": number,
                "seed": context.study.seed,
                "machine": context.machine.facts,
            },
            needs={"examples": deployed.examples["evaluation"], **needs},
        )
        for number in range(processes)
    )
