"""A fresh interpreter that answers another process: ``python -P -m harness.inference.child_process FD``.

It imports what it answers with, and no more; `multiprocessing` would import the caller's main module in it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any

from harness.errors import StepFailed, status_of, status_of_exit
from harness.inference.process import die_with_parent

Ask = Callable[[Any], Any]
"""From a question to its answer, which is no tuple: that is the status and the reason of a failure."""


@contextmanager
def child_process(opened: Callable[..., AbstractContextManager[Ask]], *arguments: Any) -> Iterator[Ask]:
    """Open ``opened(*arguments)``, a function of a module, in a child process; yield how to ask it.

    The caller keeps its own libraries out of that process, and outlives its crash. It may go on while the child opens:
    the first question waits for that.

    Raises:
        StepFailed: by a question: it cannot be opened, refuses the question, or its process dies.
    """
    ours, theirs = Pipe()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "harness.inference.child_process", str(theirs.fileno())],
        stdin=subprocess.DEVNULL,
        pass_fds=[theirs.fileno()],
    )
    theirs.close()

    def send(what: Any) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):  # its end is heard when one listens: it may say why
            ours.send(what)

    def ask(question: Any) -> Any:
        send(question)
        try:
            answer = ours.recv()
        except (EOFError, ConnectionResetError):
            raise StepFailed(*status_of_exit(process.wait())) from None
        if isinstance(answer, tuple):
            raise StepFailed(*answer)
        return answer

    try:
        send((opened, arguments))
        yield ask
    finally:
        ours.close()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _answer(connection: Connection) -> None:
    try:
        opened, arguments = connection.recv()
        with opened(*arguments) as answer:
            while True:
                try:
                    question = connection.recv()
                except EOFError:
                    return
                connection.send(answer(question))
    except Exception as error:
        connection.send(status_of(error))


if __name__ == "__main__":
    die_with_parent()
    _answer(Connection(int(sys.argv[1])))
