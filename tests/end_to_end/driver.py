"""The command line, as a person drives it: each call a process of its own.

The interpreter and the imports take longer than most commands do, so that `scalemodel` forks its process from one that
has imported already: streams, environment, folder and exit status are its own all the same. What depends on how a
process starts, or is about signals and pipes, takes `started` or `command`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.forks import ENCODING, forked

SECONDS = 580


def command(*arguments: str | Path) -> list[str]:
    return [str(Path(sysconfig.get_path("scripts")) / "scalemodel"), *map(str, arguments)]


def started(*arguments: str | Path, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """By a new interpreter, as the installed script does it."""
    return subprocess.run(
        command(*arguments),
        cwd=cwd,
        env=_environment(environment),
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def scalemodel(*arguments: str | Path, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    fixed = [name for name in environment if name.startswith("PYTHON") and name != ENCODING]
    assert not fixed, "read when an interpreter starts: use `started`"
    return forked(_main, command(*arguments), cwd=cwd, environment=_environment(environment), seconds=SECONDS)


def run_study(folder: Path) -> Path:
    """Run ``study.yaml`` of ``folder`` with the store ``runs`` beside it; the run's folder."""
    done = scalemodel("run", "study.yaml", "--store", "runs", "--quiet", cwd=folder)
    assert done.returncode == 0, done.stderr
    (found,) = (path.parent for path in folder.glob("runs/*/results.json"))
    return found


def _environment(changed: dict[str, str]) -> dict[str, str]:
    return {**os.environ, "COLUMNS": "100", **changed}


def _main(line: list[str]) -> None:
    from harness.cli import main

    sys.argv = line
    main()
