"""A deployment with what all of its steps are told and need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from backends.registry import backend_class
from harness.config.deployments import EXECUTION_REPLICATE, Deployment
from harness.planning.context import TaskContext
from harness.planning.step import plan_step
from harness.planning.versions import installed
from harness.store.steps import Step

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
    def options(self) -> dict[str, Any]:
        """What every step of a live deployment depends on, beside its artifact and its data."""
        study, task, decoding = self.context.study, self.context.task, self.context.decoding
        backend = backend_class(self.deployment.backend)
        settings = backend.check_options(study.backend_options.get(self.deployment.backend, {}))
        return {
            "backend": self.deployment.backend,
            "backend_options": settings.model_dump(mode="json"),
            "format": self.deployment.format,
            "task": self.context.name,
            "labels": self.context.labels,
            "pooling": task.pooling,
            "max_length": task.max_length,
            "question_answering": None if decoding is None else decoding.model_dump(mode="json"),
            "threads": study.threads or self.context.machine.cores,
            "token_budget": study.token_budget or TOKEN_BUDGETS[backend.device],
            "isa": self.context.machine.isa,
            "runtime": installed(backend.packages),
            **self.context.without_representation(self.deployment.model),
        }

    def step(
        self,
        kind: str,
        *,
        title: str,
        group: str,
        options: Mapping[str, Any] = {},
        needs: Mapping[str, Step] = {},
        again: bool = False,
    ) -> Step:
        """A step that runs the deployment; ``again`` is told apart from the first time by its subject.

        Where the evaluation data says whether "" may be an answer, it is needed, as ``evaluation``.
        """
        decoding = self.context.decoding
        if decoding is not None and decoding.version_2_with_negative is None:
            needs = {"evaluation": self.examples["evaluation"], **needs}
        return plan_step(
            kind,
            title=title + (" again" if again else ""),
            group=group,
            subject={
                "task": self.context.name,
                "deployment": self.deployment.name + (EXECUTION_REPLICATE if again else ""),
            },
            options={**self.options, **options},
            needs={"artifact": self.artifact, **needs},
        )
