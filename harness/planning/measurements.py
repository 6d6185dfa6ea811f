"""The steps that run a deployment over the data, explain what it decides, and measure how fast it is."""

from __future__ import annotations

from collections.abc import Mapping

from harness.config.deployments import represented
from harness.planning.deployed import Deployed
from harness.planning.step import InputsT, OptionsT, without
from harness.steps import (
    explanation,
    outputs,
    paired_speed_up,
    performance,
    search_speed,
    tuned_throughput,
    tuning_search,
)
from harness.steps.registry import StepKind
from harness.store.step import Step, StepRef


def plan_outputs(deployed: Deployed, *, rerun: bool = False) -> dict[str, Step]:
    """By role: what the deployment says about each data set. ``rerun`` is the execution replicate."""
    task, name = deployed.context.task, deployed.context.name
    sources = {"evaluation": "evaluation"}
    if "out-of-distribution" in deployed.examples and represented(task, deployed.deployment.model):
        sources = {"bank": "train", **sources, "out-of-distribution": "out-of-distribution"}
    if "corpus" in deployed.examples:
        sources = {"corpus": "corpus", **sources}
    bank = outputs.SampleOptions(size=task.data.bank, seed=deployed.context.study.seed)
    planned: dict[str, Step] = {}
    for role, source in sources.items():
        planned[role] = deployed.step(
            outputs,
            title=f"run {deployed.deployment.name} on the {role} data of {name}",
            group=f"deployment {name} {deployed.deployment.name}",
            options=outputs.Options(
                deployment=deployed.options,
                sample=bank if role == "bank" else None,
                rerun=rerun,
            ),
            inputs=outputs.Inputs(
                artifact=deployed.artifact.ref,
                evaluation=deployed.evaluation,
                examples=deployed.examples[source].ref,
                corpus=planned["corpus"].ref if role == "evaluation" and "corpus" in planned else None,
            ),
            rerun=rerun,
        )
    return planned


def corpus_of(deployed: Deployed) -> StepRef | None:
    """Its outputs on the documents that are looked for; None where nothing is."""
    corpus = plan_outputs(deployed).get("corpus")
    return None if corpus is None else corpus.ref


def plan_tuning(deployed: Deployed) -> Step | None:
    """The search for the fastest setting; None where the study asks for none."""
    context = deployed.context
    settings = deployed.performance
    if settings is None or not settings.tune or "offline" not in settings.scenarios:
        return None
    return deployed.step(
        tuning_search,
        title=f"tune {deployed.deployment.name} on {context.name}",
        group=f"deployment {context.name} {deployed.deployment.name} tuning",
        options=tuning_search.Options(
            deployment=deployed.options,
            samples=settings.samples,
            seed=context.study.seed,
            machine=context.machine.facts,
        ),
        inputs=tuning_search.Inputs(
            artifact=deployed.artifact.ref,
            evaluation=deployed.evaluation,
            examples=deployed.examples["evaluation"].ref,
        ),
    )


def plan_performance(deployed: Deployed) -> tuple[Step, ...]:
    """One step a fresh process."""
    context = deployed.context
    settings = deployed.performance
    if settings is None:
        return ()
    inputs = performance.Inputs(
        artifact=deployed.artifact.ref,
        evaluation=deployed.evaluation,
        examples=deployed.examples["evaluation"].ref,
    )
    each = [
        performance.Options(
            deployment=deployed.options,
            performance=without(settings, "replicates", "tune", "paired_processes"),
            replicate=number,
            seed=context.study.seed,
            machine=context.machine.facts,
        )
        for number in range(settings.replicates)
    ]
    return _in_fresh_processes(deployed, performance, f"measure {deployed.deployment.name}", each, inputs)


def plan_tuned(deployed: Deployed, tuning: Step | None) -> tuple[Step, ...]:
    """One step a fresh process. `plan_performance` does not need it: a tuning that fails takes nothing along."""
    context = deployed.context
    settings = deployed.performance
    if settings is None or tuning is None:
        return ()
    inputs = tuned_throughput.Inputs(
        artifact=deployed.artifact.ref,
        evaluation=deployed.evaluation,
        examples=deployed.examples["evaluation"].ref,
        tuning=tuning.ref,
    )
    each = [
        tuned_throughput.Options(
            deployment=deployed.options,
            samples=settings.samples,
            min_seconds=settings.min_seconds,
            replicate=number,
            seed=context.study.seed,
            machine=context.machine.facts,
        )
        for number in range(settings.replicates)
    ]
    title = f"measure {deployed.deployment.name} as tuned"
    return _in_fresh_processes(deployed, tuned_throughput, title, each, inputs)


def plan_paired(deployed: Deployed, reference: Deployed) -> tuple[Step, ...]:
    """One step a pair of fresh processes; none for the reference itself."""
    context = deployed.context
    settings = deployed.performance
    if settings is None or "single-stream" not in settings.scenarios or deployed.is_reference:
        return ()
    count = settings.paired_processes
    return tuple(
        deployed.step(
            paired_speed_up,
            title=f"measure {deployed.deployment.name} against the reference on {context.name}"
            + (f", processes {number + 1}" if count > 1 else ""),
            group="pairs",
            options=paired_speed_up.Options(
                deployment=deployed.options,
                reference=reference.options,
                samples=settings.samples,
                min_seconds=settings.min_seconds,
                replicate=number,
                seed=context.study.seed,
                machine=context.machine.facts,
            ),
            inputs=paired_speed_up.Inputs(
                artifact=deployed.artifact.ref,
                reference=reference.artifact.ref,
                evaluation=deployed.evaluation,
                examples=deployed.examples["evaluation"].ref,
            ),
        )
        for number in range(count)
    )


def plan_searches(deployed: Deployed, evaluated: Mapping[str, Step]) -> tuple[Step, ...]:
    """One step a fresh process; ``evaluated`` are the deployment's outputs. None where nothing is looked for."""
    context = deployed.context
    settings, indexes = deployed.performance, context.task.characteristics.indexes
    if settings is None or "single-stream" not in settings.scenarios or "corpus" not in evaluated or not indexes:
        return ()
    count = settings.paired_processes
    return tuple(
        deployed.step(
            search_speed,
            title=f"time searches of {deployed.deployment.model} on {context.name}"
            + (f", process {number + 1}" if count > 1 else ""),
            group=f"searches {context.name} {deployed.deployment.model} {number}",
            options=search_speed.Options(
                indexes=indexes,
                replicate=number,
                seed=context.study.seed,
                machine=context.machine.facts,
            ),
            inputs=search_speed.Inputs(queries=evaluated["evaluation"].ref, corpus=evaluated["corpus"].ref),
        )
        for number in range(count)
    )


def _in_fresh_processes(
    deployed: Deployed, kind: StepKind[OptionsT, InputsT], title: str, each: list[OptionsT], inputs: InputsT
) -> tuple[Step, ...]:
    """``each``: the options of one process."""
    context = deployed.context
    return tuple(
        deployed.step(
            kind,
            title=f"{title} on {context.name}" + (f", process {number + 1}" if len(each) > 1 else ""),
            group=f"deployment {context.name} {deployed.deployment.name}" + (f" {number}" if number else ""),
            options=options,
            inputs=inputs,
        )
        for number, options in enumerate(each)
    )


def plan_explanations(deployed: Deployed) -> tuple[Step, ...]:
    """Explanations of its decisions. The reference has two: the second, from other samples, is its floor."""
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
