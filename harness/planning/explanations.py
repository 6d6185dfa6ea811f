"""The steps that explain a deployment's decisions."""

from __future__ import annotations

from harness.planning.deployed import Deployed
from harness.store.steps import Step


def plan_explanations(deployed: Deployed) -> tuple[Step, ...]:
    """The reference has two: the second, from other samples, is its floor."""
    context = deployed.context
    explanation = context.task.characteristics.explanation
    if explanation is None:
        return ()
    return tuple(
        deployed.step(
            "explanation",
            title=f"explain {deployed.deployment.name}",
            group=f"deployment {context.name} {deployed.deployment.name}",
            options={
                "explanation": explanation.model_dump(mode="json", exclude={"k"}),
                # Other variants of the texts: how far the method is from itself.
                "draw": context.study.seed + again,
                "seed": context.study.seed,
            },
            needs={"examples": deployed.examples["evaluation"]},
            again=again,
        )
        for again in ((False, True) if deployed.is_reference else (False,))
    )
