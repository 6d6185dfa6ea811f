"""One place turns whatever goes wrong into a status and one line."""

from __future__ import annotations

import errno
import signal
from collections.abc import Callable

import pytest

import backends.errors
import exporters.errors
from backends.errors import BackendError, OutOfMemory
from exporters.errors import ExportError
from harness.errors import (
    CRASHED,
    DISK_FULL,
    ERROR,
    OUT_OF_MEMORY,
    REFUSED,
    StepFailed,
    UserError,
    status_of,
    status_of_exit,
)


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (UserError("no such\nfile"), REFUSED, "no such file"),
        (ExportError("needs a head"), REFUSED, "needs a head"),
        (BackendError("no CUDA"), REFUSED, "no CUDA"),
        (OutOfMemory("the arena is full"), OUT_OF_MEMORY, "the arena is full"),
        (MemoryError(), OUT_OF_MEMORY, "MemoryError"),
        (StepFailed("not finite", "NaN"), "not finite", "NaN"),
        (OSError(errno.ENOSPC, "No space left on device"), DISK_FULL, "no space left on device"),
        (RuntimeError("write failed: No space left on device (os error 28)"), DISK_FULL, "no space left on device"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "a.onnx"), ERROR, "a.onnx"),
        (KeyError("logits"), ERROR, "KeyError: 'logits'"),
    ],
)
def test_errors(error: Exception, status: str, reason: str) -> None:
    found, line = status_of(error)
    assert found == status and reason in line and "\n" not in line


@pytest.mark.parametrize(
    ("code", "part"), [(-signal.SIGKILL, "memory"), (-signal.SIGSEGV, "SIGSEGV"), (7, "exit code 7")]
)
def test_a_worker_that_ends_without_a_word(code: int, part: str) -> None:
    status, reason = status_of_exit(code)
    assert status == CRASHED and part in reason


@pytest.mark.parametrize("quoted", [backends.errors.one_line, exporters.errors.one_line])
def test_of_a_long_message_of_a_library_both_ends_are_kept(quoted: Callable[[BaseException], str]) -> None:
    first, last = "Error(s) in loading state_dict for BertModel:", "expected 312, got 128"
    told = quoted(RuntimeError(f"{first}\n\tsize mismatch for {'encoder.' * 100}weight:\n{last}"))
    assert told.startswith(first)
    assert told.endswith(last)
    assert len(told) <= 300
    assert "\n" not in told
    assert quoted(RuntimeError()) == "RuntimeError"
    assert quoted(ValueError("short\nand whole")) == "short and whole"
