"""A deployment with the options and inputs that its steps share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from backends.registry import backend_class
from harness.config.deployments import EXECUTION_REPLICATE, Deployment, represented
from harness.config.performance import Performance
from harness.inference.options import BackendOptions, DeploymentOptions
from harness.planning.context import TaskContext
from harness.planning.step import InputsT, OptionsT, installed, plan_step
from harness.steps.registry import StepKind
from harness.store.step import Step, StepRef

TOKEN_BUDGETS = {"cpu": 1024, "cuda": 16384}
"""Tokens of a batch, where the study does not say. On a CPU what fits into the caches, measured on two cores
(docs/performance.md); on a GPU enough to keep it busy, not measured yet."""


@dataclass(frozen=True)
class Deployed:
    context: TaskContext
    deployment: Deployment
    artifact: Step
    examples: dict[str, Step]
    """By role."""
    is_reference: bool
    """Whether it is the reference deployment: the first one of the reference model."""

    @cached_property
    def backend_options(self) -> BackendOptions:
        """What every step that opens the artifact depends on."""
        study, context = self.context.study, self.context
        backend = backend_class(self.deployment.backend)
        settings = backend.check_options(study.backend_options.get(self.deployment.backend, {}))
        return BackendOptions(
            backend=self.deployment.backend,
            backend_options=settings.model_dump(mode="json"),
            format=self.deployment.format,
            task=context.options(context.decoding),
            pooling=context.pooling,
            threads=study.threads or context.machine.cores,
            representation=represented(context.task, self.deployment.model),
            isa=context.machine.isa,
            versions=installed(backend.packages),
        )

    @cached_property
    def options(self) -> DeploymentOptions:
        """What every step of the live deployment depends on, beside its artifact and its data."""
        device = backend_class(self.deployment.backend).device
        budget = self.context.study.token_budget or TOKEN_BUDGETS[device]
        return DeploymentOptions(**dict(self.backend_options), token_budget=budget)

    @property
    def performance(self) -> Performance | None:
        """What is timed of it, if anything: not of a seed replicate, which nobody would deploy instead."""
        replicate = self.context.task.models[self.deployment.model].replicate_of is not None
        return None if replicate else self.context.study.performance

    @property
    def evaluation(self) -> StepRef | None:
        """The evaluation data, where it says whether "" may be an answer."""
        decoding = self.context.decoding
        if decoding is None or decoding.version_2_with_negative is not None:
            return None
        return self.examples["evaluation"].ref

    def step(
        self,
        kind: StepKind[OptionsT, InputsT],
        *,
        title: str,
        group: str,
        options: OptionsT,
        inputs: InputsT,
        rerun: bool = False,
    ) -> Step:
        """A step that runs the deployment; a ``rerun`` is told apart from the first time by its subject."""
        return plan_step(
            kind,
            title=title + (" again" if rerun else ""),
            group=group,
            subject={
                "task": self.context.name,
                "deployment": self.deployment.name + (EXECUTION_REPLICATE if rerun else ""),
            },
            options=options,
            inputs=inputs,
        )
