"""The steps that hold a deployment against its checkpoint, or its graph, before anything of it is timed."""

from __future__ import annotations

from backends.onnxruntime.cpu import WHEELS
from harness.config.deployments import random_weights
from harness.planning.deployed import Deployed
from harness.planning.step import plan_step
from harness.planning.versions import installed
from harness.store.steps import Step


def plan_expected(deployed: Deployed, checkpoint: Step) -> Step:
    """What the deployment's ``checkpoint`` itself says, which all deployments of the model share."""
    context, model = deployed.context, deployed.deployment.model
    return plan_step(
        "checkpoint_outputs",
        title=f"run the checkpoint {model} itself on {context.name}",
        group=f"expected {context.name}",
        subject={"task": context.name, "model": model},
        options={
            "task": context.name,
            "pooling": context.task.pooling,
            "max_length": context.task.max_length,
            "question_answering": context.windows,
            "verification_examples": context.task.verification_examples,
            "seed": context.study.seed,
        },
        needs={"checkpoint": checkpoint, "evaluation": deployed.examples["evaluation"]},
    )


def plan_expected_of_graph(deployed: Deployed) -> Step:
    """What the graph of a finished ONNX file says, which the file is held against on every backend."""
    context, deployment = deployed.context, deployed.deployment
    return plan_step(
        "checkpoint_outputs",
        title=f"run the graph of {deployment.model} as it is written on {context.name}",
        group=f"expected {context.name}",
        subject={"task": context.name, "model": deployment.model},
        options={
            "task": context.name,
            "format": deployment.format,
            "max_length": context.task.max_length,
            "question_answering": context.windows,
            "verification_examples": context.task.verification_examples,
            "seed": context.study.seed,
            "isa": context.machine.isa,
            "runtime": installed(WHEELS),
            **context.without_representation(deployment.model),
        },
        needs={"artifact": deployed.artifact, "evaluation": deployed.examples["evaluation"]},
    )


def plan_verification(deployed: Deployed, expected: Step | None) -> Step:
    """``expected`` is None for a finished engine, which nothing but itself can be held against."""
    context, deployment = deployed.context, deployed.deployment
    finished = context.task.models[deployment.model].artifact is not None
    trained = not finished and not random_weights(context.task, deployment.model)
    return plan_step(
        "verification",
        title=f"verify {deployment.name} on {context.name}",
        group=f"verification {context.name} {deployment.backend}",
        subject={"task": context.name, "deployment": deployment.name},
        options={
            # It makes batches of its own.
            **{key: value for key, value in deployed.options.items() if key != "token_budget"},
            "verification_examples": context.task.verification_examples,
            "seed": context.study.seed,
            "quality_loss": context.task.quality_loss if trained else None,
        },
        needs={
            "artifact": deployed.artifact,
            "evaluation": deployed.examples["evaluation"],
            **({} if expected is None else {"expected": expected}),
        },
    )
