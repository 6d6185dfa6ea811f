"""All that a GPU has to tell, in some eight minutes: ``python -m tests.gpu FOLDER`` (``make gpu-check``).

Installs nothing and takes the interpreter that runs it. Each part is a process with a time limit and writes its JSON
after each item, so that whatever happens to the machine, what was found stays. What could not be had stands in each
file under ``skipped`` and ``failed``, and in ``summary.json`` for all. Models of random weights are made in
FOLDER/models beside the parts that need none of them; the exit status is 1 where a part failed or was ended.

It also runs on the stand-in for CUDA's libraries of CONTRIBUTING.md: small models then, and no figure means anything.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.gpu.record import Record

PARTS = {
    "env": ("environment", 40),
    "suite": ("suite", 70),
    "study": ("study", 110),
    "parity": ("parity", 50),
    "kernels": ("kernels", 30),
    "latency": ("latency", 60),
    "throughput": ("throughput", 80),
    "memory": ("memory", 40),
}
"""By the name of its file: the module, and the seconds after which it begins nothing more, of `ALL`."""

MODELS = "models"
MODEL_SECONDS = 200
GRACE = 20
"""Seconds that a part has to end what it began."""
BESIDE = ("env", "suite", "study")
"""Parts that need none of the models: they run while these are made, so that a timing in them means little. The others
have the machine to themselves."""
ALL = 480


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.gpu", description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="where the JSON files go")
    parser.add_argument("--parts", nargs="+", default=list(PARTS), choices=list(PARTS), metavar="PART")
    parser.add_argument(
        "--seconds", type=float, default=ALL, help="for everything, each part its share (default: %(default)s)"
    )
    parser.add_argument("--one", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    root = arguments.folder.resolve()
    root.mkdir(parents=True, exist_ok=True)
    if arguments.one:
        _part(arguments.one, root, arguments.seconds)
    else:
        sys.exit(_all(root, arguments.parts, arguments.seconds))


def _part(name: str, root: Path, seconds: float) -> None:
    record = Record(root / f"{name}.json", seconds)
    if name == MODELS:
        importlib.import_module("tests.gpu.models").make(root, record)
    else:
        importlib.import_module(f"tests.gpu.{PARTS[name][0]}").run(root, record)


def _all(root: Path, parts: list[str], seconds: float) -> int:
    end = time.monotonic() + seconds
    longer = seconds / ALL
    making = _start(MODELS, root, MODEL_SECONDS * longer)
    wait_until = time.monotonic() + MODEL_SECONDS * longer + GRACE
    summary: dict[str, Any] = {}
    for name in parts:
        if name not in BESIDE:
            summary[MODELS] = summary.get(MODELS) or _ended(making, root, MODELS, wait_until - time.monotonic())
        left = min(PARTS[name][1] * longer, end - time.monotonic())
        if left <= 0:
            summary[name] = {"status": "no time left"}
        else:
            summary[name] = _ended(_start(name, root, left), root, name, left + GRACE)
        _tell(root, name, summary)
    summary[MODELS] = summary.get(MODELS) or _ended(making, root, MODELS, wait_until - time.monotonic())
    _tell(root, MODELS, summary)
    return int(any(part["status"] != "done" or part["failed"] for part in summary.values()))


def _start(name: str, root: Path, seconds: float) -> subprocess.Popen[bytes]:
    with (root / f"{name}.log").open("w") as log:
        command = [sys.executable, "-m", "tests.gpu", str(root), "--one", name, "--seconds", f"{seconds:.0f}"]
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)


def _ended(process: subprocess.Popen[bytes], root: Path, name: str, seconds: float) -> dict[str, Any]:
    """How a part came out, and what it has to say of itself; after ``seconds`` it is ended."""
    try:
        code = process.wait(max(1, seconds))
        status = "done" if code == 0 else f"exit status {code}: see {name}.log"
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # with the processes that it has started
        process.wait()
        status = f"ended after {seconds:.0f} s"
    path = root / f"{name}.json"
    told = json.loads(path.read_text()) if path.exists() else {}
    return {
        "status": status,
        "seconds": told.get("seconds"),
        "items": len(told.get("items", {})),
        "skipped": told.get("skipped", {}),
        "failed": told.get("failed", {}),
    }


def _tell(root: Path, name: str, summary: dict[str, Any]) -> None:
    (root / "summary.json").write_text(json.dumps(summary, indent=1) + "\n")
    found = summary[name]
    print(f"{name}: {found['status']}, {found.get('items', 0)} items", flush=True)
    for kind in ("skipped", "failed"):
        for item, reason in found.get(kind, {}).items():
            print(f"  {kind}: {item}: {reason}", flush=True)


if __name__ == "__main__":
    main()
