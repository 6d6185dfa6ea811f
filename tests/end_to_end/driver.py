"""The command line, as a person drives it: each call a process of its own.

The interpreter and the imports take longer than most commands do, so that `scalemodel` forks its process from one that
has imported already: streams, environment, folder and exit status are its own all the same. What depends on how a
process starts, or is about signals and pipes, takes `started` or `command`.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

SECONDS = 580

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload([f"harness.cli.{name}" for name in ("main", "run", "validate", "show", "compare")])


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
    assert not any(name.startswith("PYTHON") for name in environment), "read when an interpreter starts: use `started`"
    line = command(*arguments)
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder) / name for name in ("stdout", "stderr")]
        process = _forks.Process(target=_call, args=(line, cwd or Path.cwd(), _environment(environment), streams))
        process.start()
        process.join(SECONDS)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(line, SECONDS)
        return subprocess.CompletedProcess(line, process.exitcode, *(stream.read_text() for stream in streams))


def run_study(folder: Path) -> Path:
    """Run ``study.yaml`` of ``folder`` with the store ``runs`` beside it; the run's folder."""
    done = scalemodel("run", "study.yaml", "--store", "runs", "--quiet", cwd=folder)
    assert done.returncode == 0, done.stderr
    (found,) = (path.parent for path in folder.glob("runs/*/results.json"))
    return found


def _environment(changed: dict[str, str]) -> dict[str, str]:
    return {**os.environ, "COLUMNS": "100", **changed}


def _call(line: list[str], cwd: Path, environment: dict[str, str], streams: list[Path]) -> None:
    from harness.cli import main

    for descriptor, stream in enumerate(streams, start=1):
        file = os.open(stream, os.O_WRONLY | os.O_CREAT)
        os.dup2(file, descriptor)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    sys.argv = line
    main()
