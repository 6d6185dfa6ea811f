"""What each process of a run imports, as it says itself when it ends."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TypedDict

RECORDER = """
import atexit, json, os, sys

def record():
    entry = {"arguments": sys.argv, "modules": sorted(sys.modules)}
    with open(os.path.join(os.environ["RECORDED_IMPORTS"], str(os.getpid())), "w") as file:
        json.dump(entry, file)

atexit.register(record)
"""


class Variables(TypedDict):
    PYTHONPATH: str
    RECORDED_IMPORTS: str


def recording(folder: Path) -> Variables:
    """Environment variables by which every Python process writes what it imported into ``folder``."""
    for name in ("startup", "recorded"):
        (folder / name).mkdir(parents=True)
    (folder / "startup" / "sitecustomize.py").write_text(RECORDER)
    path = os.pathsep.join(filter(None, (str(folder / "startup"), os.environ.get("PYTHONPATH"))))
    return {"PYTHONPATH": path, "RECORDED_IMPORTS": str(folder / "recorded")}


def recorded(folder: Path) -> list[tuple[set[str], set[str]]]:
    """Of each process: the kinds of the steps that it did, none for the command line itself, and its modules."""
    processes = []
    for file in (folder / "recorded").iterdir():
        entry = json.loads(file.read_text())
        steps = {Path(name).stem.rpartition("-")[0] for name in entry["arguments"] if name.endswith(".json")}
        processes.append((steps, set(entry["modules"])))
    return processes
