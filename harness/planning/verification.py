"""The steps that hold a deployment against its checkpoint, or its graph, before anything of it is timed."""

from __future__ import annotations

from backends.onnxruntime.cpu import WHEELS
from harness.config.deployments import random_weights, represented
from harness.planning.deployed import Deployed
from harness.planning.step import MODELS, installed, plan_step
from harness.steps import checkpoint_outputs, graph_outputs, verification
from harness.store.step import Step


def plan_expected(deployed: Deployed, checkpoint: Step) -> Step:
    """What the deployment's ``checkpoint`` itself says, which all deployments of the model share."""
    context, model = deployed.context, deployed.deployment.model
    return plan_step(
        checkpoint_outputs,
        title=f"run the checkpoint {model} itself on {context.name}",
        group=MODELS,
        subject={"task": context.name, "model": model},
        options=checkpoint_outputs.Options(
            task=context.options(context.windows),
            pooling=context.pooling,
            verification_examples=context.task.verification_examples,
            seed=context.study.seed,
        ),
        inputs=checkpoint_outputs.Inputs(checkpoint=checkpoint.ref, evaluation=deployed.examples["evaluation"].ref),
    )


def plan_expected_of_graph(deployed: Deployed) -> Step:
    """What the graph of a finished ONNX file says, which the file is held against on every backend."""
    context, deployment = deployed.context, deployed.deployment
    return plan_step(
        graph_outputs,
        title=f"run the graph of {deployment.model} as it is written on {context.name}",
        group=f"expected {context.name}",
        subject={"task": context.name, "model": deployment.model},
        options=graph_outputs.Options(
            format=deployment.format,
            task=context.options(context.windows),
            representation=represented(context.task, deployment.model),
            verification_examples=context.task.verification_examples,
            seed=context.study.seed,
            isa=context.machine.isa,
            versions=installed(WHEELS),
        ),
        inputs=graph_outputs.Inputs(artifact=deployed.artifact.ref, evaluation=deployed.examples["evaluation"].ref),
    )


def plan_verification(deployed: Deployed, expected: Step | None) -> Step:
    """``expected`` is None for a finished engine, which nothing but itself can be held against."""
    context, deployment = deployed.context, deployed.deployment
    finished = context.task.models[deployment.model].artifact is not None
    trained = not finished and not random_weights(context.task, deployment.model)
    return plan_step(
        verification,
        title=f"verify {deployment.name} on {context.name}",
        group=f"verification {context.name} {deployment.backend}",
        subject={"task": context.name, "deployment": deployment.name},
        options=verification.Options(
            deployment=deployed.backend_options,
            verification_examples=context.task.verification_examples,
            seed=context.study.seed,
            quality_loss=context.task.quality_loss if trained else None,
        ),
        inputs=verification.Inputs(
            artifact=deployed.artifact.ref,
            evaluation=deployed.examples["evaluation"].ref,
            expected=None if expected is None else expected.ref,
        ),
    )
