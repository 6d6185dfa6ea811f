"""Standard output and standard error of a run that may outlast their reader."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer


class _Outlet(io.FileIO):
    """A file descriptor whose reader may leave (`| head -1`): what is written after that goes nowhere."""

    def write(self, data: Buffer, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return len(memoryview(data))


def outlast_readers() -> None:
    """Let neither standard stream end the process when its reader leaves: progress is never worth a run."""
    sys.stdout, sys.stderr = _outlasting(sys.stdout, 1), _outlasting(sys.stderr, 2)


def _outlasting(stream: TextIO, descriptor: int) -> TextIO:
    with contextlib.suppress(AttributeError, ValueError, OSError):  # no stream of this process: a test's, say
        if stream.fileno() == descriptor:
            return io.TextIOWrapper(
                io.BufferedWriter(_Outlet(descriptor, "w", closefd=False)),
                encoding=stream.encoding,
                errors=stream.errors,
                line_buffering=descriptor == 2 or stream.isatty(),
            )
    return stream
