"""The steps that explain a deployment's decisions."""

from __future__ import annotations

from harness.planning.deployed import Deployed
from harness.planning.step import without
from harness.steps import explanation
from harness.store.step import Step


def plan_explanations(deployed: Deployed) -> tuple[Step, ...]:
    """The reference has two: the second, from other samples, is its floor."""
    context = deployed.context
    settings = context.task.characteristics.explanation
    if settings is None:
        return ()
    return tuple(
        deployed.step(
            explanation,
            title=f"explain {deployed.deployment.name}",
            group=f"deployment {context.name} {deployed.deployment.name}",
            options=explanation.Options(
                deployment=deployed.options,
                explanation=without(settings, "k"),
                # Other variants of the texts: how far the method is from itself.
                draw=context.study.seed + rerun,
                seed=context.study.seed,
            ),
            inputs=explanation.Inputs(
                artifact=deployed.artifact.ref,
                evaluation=deployed.evaluation,
                examples=deployed.examples["evaluation"].ref,
            ),
            rerun=rerun,
        )
        for rerun in ((False, True) if deployed.is_reference else (False,))
    )
