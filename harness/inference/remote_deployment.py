"""A live deployment in a process of its own, asked for probabilities by another process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.inference.child_process import Ask, child_process
from harness.inference.options import DeploymentOptions
from harness.tasks.task import ModelInput

Predict = Callable[[Sequence[ModelInput]], NDArray[np.float64]]
"""Texts or questions to their scores, see `harness.tasks.task.Task.scores`."""


@dataclass(frozen=True)
class RemoteDeployment:
    """A `Predict`, and what else can be asked of the process."""

    ask: Ask

    def __call__(self, inputs: Sequence[ModelInput]) -> NDArray[np.float64]:
        return np.asarray(self.ask(("scores", list(inputs))), np.float64)

    def predictions(self, inputs: Sequence[ModelInput]) -> list[Any]:
        """What is said about each: of a question the text of its answer, where "" is no answer."""
        return list(self.ask(("predictions", list(inputs))))


@contextmanager
def remote_deployment(
    artifact: Path, options: DeploymentOptions, corpus: Path | None = None
) -> Iterator[RemoteDeployment]:
    """Open ``artifact`` in a child process, with its outputs on a ``corpus``; yield what can be asked of it.

    An attack brings TextAttack and a masked language model, which have no place in the deployment's process.

    Raises:
        StepFailed: the deployment cannot be opened, refuses a call, or its process dies.
    """
    with child_process(_opened, artifact, options, corpus) as ask:
        ask(("scores", []))  # it shall open before anything is built on it
        yield RemoteDeployment(ask)


@contextmanager
def _opened(artifact: Path, options: DeploymentOptions, corpus: Path | None) -> Iterator[Ask]:
    from harness.inference.deployment import one_session_a_thread, open_deployment

    with open_deployment(artifact, one_session_a_thread(options), corpus=corpus) as deployment:

        def answer(question: tuple[str, Sequence[ModelInput]]) -> Any:
            what, inputs = question
            return deployment.predictions(inputs) if what == "predictions" else deployment.scores(inputs)

        yield answer
