"""A live deployment in a process of its own, asked for probabilities by another process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import StepFailed, status_of, status_of_exit
from harness.inference.options import DeploymentOptions
from harness.process import die_with_parent
from harness.tasks.task import ModelInput

Predict = Callable[[Sequence[ModelInput]], NDArray[np.float64]]
"""Texts or questions to their scores, see `harness.tasks.task.Task.scores`."""


@dataclass(frozen=True)
class RemoteDeployment:
    """A `Predict`, and what else can be asked of the process."""

    ask: Callable[[str, Sequence[ModelInput]], Any]

    def __call__(self, inputs: Sequence[ModelInput]) -> NDArray[np.float64]:
        return np.asarray(self.ask("scores", inputs), np.float64)

    def predictions(self, inputs: Sequence[ModelInput]) -> list[Any]:
        """What is said about each: of a question the text of its answer, where "" is no answer."""
        return list(self.ask("predictions", inputs))


@contextmanager
def remote_deployment(artifact: Path, options: DeploymentOptions) -> Iterator[RemoteDeployment]:
    """Open ``artifact`` in a child process; yield what can be asked of it.

    The caller keeps its own libraries (an attack brings TextAttack and a masked language model) out of the
    deployment's process, and outlives its crash.

    Raises:
        StepFailed: the deployment cannot be opened, refuses a call, or its process dies.
    """
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, artifact, options), daemon=True)
    process.start()
    theirs.close()

    def ask(what: str, inputs: Sequence[ModelInput]) -> Any:
        try:
            ours.send((what, list(inputs)))
            answer = ours.recv()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            process.join()
            raise StepFailed(*status_of_exit(process.exitcode or 0)) from None
        if isinstance(answer, tuple):
            raise StepFailed(*answer)
        return answer

    try:
        ask("scores", [])
        yield RemoteDeployment(ask)
    finally:
        ours.close()
        process.join(timeout=10)
        process.kill()
        process.join()


def _serve(connection: Connection, artifact: Path, options: DeploymentOptions) -> None:
    die_with_parent()
    from harness.inference.deployment import one_session_a_thread, open_deployment

    try:
        with open_deployment(artifact, one_session_a_thread(options)) as deployment:
            while True:
                try:
                    what, items = connection.recv()
                except EOFError:
                    return
                connection.send(deployment.predictions(items) if what == "predictions" else deployment.scores(items))
    except Exception as error:
        connection.send(status_of(error))
