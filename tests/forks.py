"""Processes forked from one that has imported the harness: its imports take longer than what most of them do.

Streams, environment, folder and exit status are their own. What is read when an interpreter starts is as it was there,
but for `PYTHONIOENCODING`. Libraries that read the environment when they are imported are not among what is imported.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from io import TextIOWrapper
from pathlib import Path
from typing import Any

ENCODING = "PYTHONIOENCODING"
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload([f"harness.cli.{name}" for name in ("main", "run", "validate", "show", "compare")])


def forked(
    work: Callable[[Any], None],
    given: Any,
    *,
    environment: Mapping[str, str],
    cwd: Path | None = None,
    stderr: Path | None = None,
    seconds: float,
) -> subprocess.CompletedProcess[str]:
    """``work(given)`` in a process; both are pickled. ``stderr`` may be a terminal."""
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder) / "stdout", stderr or Path(folder) / "stderr"]
        process = _forks.Process(target=_call, args=(work, given, cwd or Path.cwd(), dict(environment), streams))
        process.start()
        process.join(seconds)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(str(given), seconds)
        told = [stream.read_text() if stream.is_file() else "" for stream in streams]
        return subprocess.CompletedProcess(given, process.exitcode, *told)


def _call(work: Callable[[Any], None], given: Any, cwd: Path, environment: dict[str, str], streams: list[Path]) -> None:
    for descriptor, stream in enumerate(streams, start=1):
        file = os.open(stream, os.O_WRONLY | os.O_CREAT)
        os.dup2(file, descriptor)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    if ENCODING in environment:
        for text in (sys.stdout, sys.stderr):
            assert isinstance(text, TextIOWrapper)
            text.reconfigure(encoding=environment[ENCODING])
    os.chdir(cwd)
    work(given)
