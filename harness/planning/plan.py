"""A study as steps: what must be there, in which order, and the key under which each result is kept."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Literal

from exporters.prebuilt.onnx import FORMAT as PREBUILT_ONNX
from harness.config.deployments import Deployment, deployments
from harness.config.names import TaskName
from harness.config.study import Study
from harness.config.tasks import TaskSettings
from harness.planning.artifacts import Refused, plan_artifacts, refused_formats
from harness.planning.attacks import plan_attacks, plan_random_swaps
from harness.planning.checkpoints import plan_checkpoints
from harness.planning.context import Machine, TaskContext, this_machine
from harness.planning.deployed import Deployed
from harness.planning.examples import plan_examples
from harness.planning.measurements import (
    plan_explanations,
    plan_outputs,
    plan_paired,
    plan_performance,
    plan_searches,
    plan_tuned,
    plan_tuning,
)
from harness.planning.proposals import ProposalSteps, plan_proposals
from harness.planning.step import once
from harness.planning.verification import plan_expected, plan_expected_of_graph, plan_verification
from harness.steps import checkpoint_outputs, graph_outputs
from harness.steps.registry import kind_name
from harness.store.step import Step


@dataclass(frozen=True)
class DeploymentPlan:
    """The steps of one deployment of a task."""

    deployed: Deployed
    expected: Step | None  # what its checkpoint says, or the graph of a finished file; an engine has neither
    verification: Step
    outputs: dict[str, Step]  # role -> step
    rerun: dict[str, Step]  # the execution replicate's outputs, for the reference model
    tuning: Step | None  # the search for the fastest setting
    performance: tuple[Step, ...]  # one a fresh process
    tuned: tuple[Step, ...]  # beside each of them, the setting that was found
    paired: tuple[Step, ...]  # beside the reference, one a pair of fresh processes
    searches: tuple[Step, ...]  # in indexes of its documents, one a fresh process; of the first deployment of a model
    attacks: tuple[Step, ...]  # one a source of texts; none where it is not attacked itself
    random_swaps: tuple[Step, ...]  # one an attack, but none for a recipe's
    explanations: tuple[Step, ...]  # the reference has two: the second, from other samples, is its floor

    @property
    def deployment(self) -> Deployment:
        return self.deployed.deployment

    @property
    def artifact(self) -> Step:
        return self.deployed.artifact

    @property
    def verified_first(self) -> tuple[Step, ...]:
        """What is done only with a deployment that passed its verification.

        None of them has the verification among its inputs: what they find does not depend on how strict it is.
        """
        return (
            *self.outputs.values(),
            *self.rerun.values(),
            *((self.tuning,) if self.tuning else ()),
            *self.performance,
            *self.tuned,
            *self.paired,
            *self.searches,
            *self.attacks,
            *self.random_swaps,
            *self.explanations,
        )

    @property
    def rounds(self) -> tuple[tuple[Step, ...], ...]:
        """What is timed in each of the fresh processes."""
        return tuple(zip(*filter(None, (self.performance, self.tuned)), strict=True))

    @property
    def first_measurements(self) -> tuple[Step, ...]:
        """All but the further processes of its performance."""
        tuning = () if self.tuning is None else (self.tuning,)
        timed = (step for steps in self.rounds[:1] for step in steps)
        return (*tuning, *timed, *self.outputs.values(), *self.rerun.values())


@dataclass(frozen=True)
class TaskPlan:
    name: TaskName
    task: TaskSettings
    examples: dict[str, Step]  # role -> step
    checkpoints: tuple[Step, ...]
    artifacts: tuple[Step, ...]
    candidates: tuple[Step, ...]  # words for the attacks: one a source of texts
    deployments: tuple[DeploymentPlan, ...]  # the reference deployment is first
    refused: Refused  # formats that are left out


Until = Literal["checkpoints", "artifacts", "results"]


@dataclass(frozen=True)
class Plan:
    """Steps in stages: whatever a step needs stands in an earlier stage, or before it in its own."""

    study: Study
    machine: Machine
    tasks: tuple[TaskPlan, ...]

    @property
    def deployments(self) -> list[DeploymentPlan]:
        return [planned for task in self.tasks for planned in task.deployments]

    def stages(self, until: Until = "results") -> dict[str, tuple[Step, ...]]:
        """By name, up to and with the stage named; without those that can be planned only when the rest is done."""
        stages = {"examples": self.examples, "checkpoints": self.checkpoints}
        if until != "checkpoints":
            stages |= {
                "checkpoint_outputs": self.checkpoint_outputs,
                "artifacts": self.artifacts,
                "verifications": self.verifications,
            }
        if until == "results":
            stages |= {
                "measurements": self.measurements,
                "attacks": self.attacks,
                "explanations": self.explanations,
            }
        return stages

    @property
    def examples(self) -> tuple[Step, ...]:
        return once(step for task in self.tasks for step in task.examples.values())

    @property
    def checkpoints(self) -> tuple[Step, ...]:
        return once(step for task in self.tasks for step in task.checkpoints)

    @property
    def artifacts(self) -> tuple[Step, ...]:
        return once(step for task in self.tasks for step in task.artifacts)

    @property
    def checkpoint_outputs(self) -> tuple[Step, ...]:
        """What the checkpoints say that deployments are held against."""
        return once(step for step in self._expected if step.kind == kind_name(checkpoint_outputs))

    @property
    def verifications(self) -> tuple[Step, ...]:
        """Those of one group in sequence, so that they share a process; before them, what graphs of files say."""
        graphs = [step for step in self._expected if step.kind == kind_name(graph_outputs)]
        verifications = [planned.verification for planned in self.deployments]
        return once([*graphs, *sorted(verifications, key=lambda step: step.group)])

    @property
    def _expected(self) -> list[Step]:
        return [planned.expected for planned in self.deployments if planned.expected is not None]

    @property
    def measurements(self) -> tuple[Step, ...]:
        """Each round goes once over all deployments, so that a drift of the machine hits all alike."""
        first = [step for planned in self.deployments for step in planned.first_measurements]
        rounds = zip(*(planned.rounds[1:] for planned in self.deployments if planned.rounds), strict=True)
        pairs = zip(*(planned.paired for planned in self.deployments if planned.paired), strict=True)
        searches = zip(*(planned.searches for planned in self.deployments if planned.searches), strict=True)
        return once([*first, *chain(*(steps for round in rounds for steps in round), *pairs, *searches)])

    @property
    def attacks(self) -> tuple[Step, ...]:
        steps: list[Step] = []
        for task in self.tasks:
            steps += task.candidates
            for planned in task.deployments:
                steps += [*planned.attacks, *planned.random_swaps]
        return once(steps)

    @property
    def explanations(self) -> tuple[Step, ...]:
        return once(step for planned in self.deployments for step in planned.explanations)


def make_plan(study: Study, machine: Machine | None = None) -> Plan:
    """Plan a study for a ``machine``; None: this one. Reads the files that it names, to hash them; writes nothing.

    Raises:
        UserError: a file that the study names cannot be read.
    """
    machine = machine or this_machine()
    contexts = [TaskContext(study, name, task, machine) for name, task in study.tasks.items()]
    return Plan(study, machine, tuple(_plan_task(context) for context in contexts))


def _plan_task(context: TaskContext) -> TaskPlan:
    examples = plan_examples(context)
    checkpoints = plan_checkpoints(context, examples)
    refused = refused_formats(context)
    artifacts = plan_artifacts(context, checkpoints.exported, examples, refused)
    proposals = plan_proposals(context, examples)
    planned: list[DeploymentPlan] = []
    for deployment in deployments(context.study, context.name):
        if (deployment.model, deployment.format) in refused:
            continue
        artifact = artifacts[deployment.model, deployment.format][-1]
        deployed = Deployed(context, deployment, artifact, examples, is_reference=not planned)
        reference = planned[0].deployed if planned else deployed
        first = deployment.model not in {one.deployment.model for one in planned}
        planned.append(
            _plan_deployment(deployed, reference, checkpoints.exported.get(deployment.model), proposals, searched=first)
        )
    exported = [step for steps in artifacts.values() for step in steps]
    return TaskPlan(
        context.name,
        context.task,
        examples,
        checkpoints=(*checkpoints.steps, *proposals.checkpoints),
        artifacts=(*exported, *proposals.artifacts),
        candidates=proposals.candidates,
        deployments=tuple(planned),
        refused=refused,
    )


def _plan_deployment(
    deployed: Deployed, reference: Deployed, checkpoint: Step | None, proposals: ProposalSteps, *, searched: bool
) -> DeploymentPlan:
    """``searched``: whether searches of its documents are timed; they take as long whatever the model's format."""
    task = deployed.context.task
    expected = None
    if checkpoint is not None:
        expected = plan_expected(deployed, checkpoint)
    elif deployed.deployment.format == PREBUILT_ONNX.name:
        expected = plan_expected_of_graph(deployed)
    floor = task.execution_floor and deployed.deployment.model == task.reference
    tuning = plan_tuning(deployed)
    attacks = plan_attacks(deployed, proposals)
    evaluated = plan_outputs(deployed)
    return DeploymentPlan(
        deployed,
        expected,
        plan_verification(deployed, expected),
        outputs=evaluated,
        rerun=plan_outputs(deployed, rerun=True) if floor else {},
        tuning=tuning,
        performance=plan_performance(deployed),
        tuned=plan_tuned(deployed, tuning),
        paired=plan_paired(deployed, reference),
        searches=plan_searches(deployed, evaluated) if searched else (),
        attacks=attacks,
        random_swaps=plan_random_swaps(deployed, proposals, attacks),
        explanations=plan_explanations(deployed),
    )
