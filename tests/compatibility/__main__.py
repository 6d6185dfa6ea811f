"""``python -m tests.compatibility PYTHON...``: run a study by this Python and by others, and hold their runs together.

Writes a row of the table of ``docs/compatibility.md`` for each; exit status 1 where a deployment that works here fails
there, answers otherwise than its own gate allows, or has another verdict.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.compatibility.differences import Differences, differences, row

STUDY = Path(__file__).with_name("study.yaml")
HEAD = "| environment | deployments | largest difference, of what its gate allows | answers changed | verdicts |"


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.compatibility", description=__doc__)
    parser.add_argument("pythons", nargs="+", metavar="PYTHON", help="the interpreter of another environment")
    parser.add_argument("--study", type=Path, default=STUDY, help="the config (default: %(default)s)")
    parser.add_argument("--set", action="append", default=[], help="as `scalemodel run` takes it")
    parser.add_argument("--keep", type=Path, help="a folder for the runs, which a second call goes on with")
    given = parser.parse_args(arguments)
    with TemporaryDirectory() as scratch:
        root = given.keep or Path(scratch)
        runs = {python: _run(python, root, given.study, given.set) for python in (sys.executable, *given.pythons)}
        here = runs.pop(sys.executable)
        found: list[Differences] = [differences(here, there) for there in runs.values()]
    print(HEAD, "|---|---|---|---|---|", *map(row, found), sep="\n")
    problems = [problem for each in found for problem in each.problems]
    print(*problems, sep="\n", file=sys.stderr)
    return bool(problems)


def _run(python: str, root: Path, study: Path, settings: Sequence[str]) -> Path:
    """The folder of the run by ``python``, an interpreter of an environment that has scalemodel."""
    environment = Path(python).parent.parent
    place = root / environment.name.lstrip(".")
    place.mkdir(parents=True, exist_ok=True)
    print(f"{environment.name}: {study}", file=sys.stderr, flush=True)
    overrides = [part for setting in settings for part in ("--set", setting)]
    paths = (Path(python).parent / "scalemodel", "run", study, "--store", place / "store", "--output", place / "run")
    command = [str(part) for part in paths]
    done = subprocess.run([*command, "--quiet", *overrides], stdout=subprocess.DEVNULL)
    if done.returncode not in (0, 1):  # 1: a deployment failed, which the results tell
        raise SystemExit(f"{environment.name}: `scalemodel run` ended with {done.returncode}")
    return place / "run"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
