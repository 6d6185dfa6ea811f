"""The command line, as a person drives it: in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from pathlib import Path


def command(*arguments: str | Path) -> list[str]:
    return [str(Path(sysconfig.get_path("scripts")) / "scalemodel"), *map(str, arguments)]


def scalemodel(*arguments: str | Path, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments),
        cwd=cwd,
        env={**os.environ, "COLUMNS": "100", **environment},
        capture_output=True,
        text=True,
        timeout=580,
    )
