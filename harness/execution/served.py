"""A live deployment in a process of its own, asked for probabilities by another process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import StepFailed
from harness.execution.status import status_of, status_of_exit
from harness.tasks.examples import QuestionExample

Asked = str | QuestionExample
Predict = Callable[[Sequence[Asked]], NDArray[np.float64]]
"""Texts to the probabilities of their classes, or questions to how wrong and how right their answers are."""


@contextmanager
def served_deployment(artifact: Path, options: Mapping[str, Any]) -> Iterator[Predict]:
    """Open ``artifact`` in a child process; yield what answers a `Predict`.

    The caller keeps its own libraries (an attack brings TextAttack and a masked language model) out of the
    deployment's process, and outlives its crash.

    Raises:
        StepFailed: the deployment cannot be opened, refuses a call, or its process dies.
    """
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, artifact, dict(options)), daemon=True)
    process.start()
    theirs.close()

    def ask(asked: Sequence[Asked]) -> NDArray[np.float64]:
        try:
            ours.send(list(asked))
            answer = ours.recv()
        except (EOFError, BrokenPipeError, ConnectionResetError):
            process.join()
            raise StepFailed(*status_of_exit(process.exitcode or 0)) from None
        if isinstance(answer, tuple):
            raise StepFailed(*answer)
        return np.asarray(answer, np.float64)

    try:
        ask([])
        yield ask
    finally:
        ours.close()
        process.join(timeout=10)
        process.kill()
        process.join()


def _serve(asked: Connection, artifact: Path, options: Mapping[str, Any]) -> None:
    from harness.execution.worker import die_with_parent
    from harness.live import one_session_a_thread, open_deployment

    die_with_parent()
    try:
        with open_deployment(artifact, one_session_a_thread(options)) as deployment:
            while True:
                try:
                    items = asked.recv()
                except EOFError:
                    return
                answering = deployment.task.name == "question-answering"
                asked.send(deployment.right_answers(items) if answering else deployment.probabilities(items))
    except Exception as error:
        asked.send(status_of(error))
