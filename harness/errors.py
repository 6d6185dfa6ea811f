"""Errors that a person can mend, and statuses of a step that did not succeed."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from backends.errors import BackendError, OutOfMemory
from benchmarks.errors import BenchmarkError
from exporters.errors import ExportError

REFUSED = "refused"  # the input or the machine does not allow it; the reason says the way out
CRASHED = "crashed"  # the process died of a signal
OUT_OF_MEMORY = "out of memory"
TIMED_OUT = "timed out"
DISK_FULL = "disk full"  # stops the run: every other step would meet it too
ERROR = "error"  # an exception that nobody foresaw; the log has the traceback
NOT_FINITE = "not finite"  # NaN or infinity among the outputs: a wrong artifact, not a slow one
SKIPPED = "skipped"  # a step that it needs failed


class UserError(Exception):
    """Bad input. Each of its lines, mostly one, names the thing, the value and the way out."""

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines


@contextmanager
def errors_at(place: str) -> Iterator[None]:
    """A `UserError` inside is told with the study's field that it is about."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{place}: {error}") from None


class StepFailed(Exception):
    """A step of a run failed. ``status`` is a word above, the message its reason."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class RunStopped(Exception):
    """A run that cannot go on (a full disk). One line, exit status 3; finished steps are kept."""


def status_of(error: BaseException) -> tuple[str, str]:
    """The status of an exception, and its reason in one line."""
    reason = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, StepFailed):
        return error.status, reason
    if isinstance(error, MemoryError | OutOfMemory):
        return OUT_OF_MEMORY, reason
    if isinstance(error, UserError | ExportError | BackendError | BenchmarkError):
        return REFUSED, reason
    full = os.strerror(errno.ENOSPC)
    if (isinstance(error, OSError) and error.errno == errno.ENOSPC) or full in reason:  # libraries wrap it in their own
        return DISK_FULL, full.lower()
    if isinstance(error, OSError) and error.errno is not None:
        return ERROR, f"{error.strerror}: {error.filename}" if error.filename else reason
    return ERROR, f"{type(error).__name__}: {reason}"


def status_of_exit(code: int) -> tuple[str, str]:
    """The status of a worker that ended without a word, from its exit code (negative: a signal)."""
    if code == -signal.SIGKILL:
        return CRASHED, "the process was killed (SIGKILL), as the kernel does when memory runs out"
    if code < 0:
        return CRASHED, f"the process died of {signal.Signals(-code).name}"
    return CRASHED, f"the process ended with exit code {code}"
