"""The command line, as a person drives it."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from unittest.mock import patch

from harness.cli.main import main

COLUMNS = "100"


def command(*arguments: str | Path) -> list[str]:
    return [str(Path(sysconfig.get_path("scripts")) / "scalemodel"), *map(str, arguments)]


def scalemodel(*arguments: str | Path, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own."""
    return subprocess.run(
        command(*arguments),
        cwd=cwd,
        env={**os.environ, "COLUMNS": COLUMNS, **environment},
        capture_output=True,
        text=True,
        timeout=580,
    )


def in_process(*arguments: str | Path, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """In this process, without the second of imports: for what only reads, or is refused."""
    line = command(*arguments)
    out, errors, status = io.StringIO(), io.StringIO(), None
    with (
        contextlib.chdir(cwd or Path.cwd()),
        patch.dict(os.environ, {"COLUMNS": COLUMNS, **environment}),
        patch.object(sys, "argv", line),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(errors),
    ):
        try:
            main()
        except SystemExit as end:
            status = end.code
    assert isinstance(status, int)
    return subprocess.CompletedProcess(line, status, out.getvalue(), errors.getvalue())
