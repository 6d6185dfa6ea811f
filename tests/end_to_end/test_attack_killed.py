"""An attack killed at random moments ends in the same file, also where scores depend on what shares their batch."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from harness.store.steps import Step, Store

KILLS = int(os.environ.get("SCALEMODEL_ATTACK_KILLS", "3"))  # 20 for the long version


@pytest.mark.parametrize("format", ["onnx-fp32", "onnx-int8-dynamic"])
def test_an_attack_killed_at_random_moments_ends_in_the_same_file(store: Path, tmp_path: Path, format: str) -> None:
    finished = Store(store)
    (step,) = [
        found
        for path in sorted(store.glob("*/steps/attack-*.json"))
        if (found := Step.from_json(path.read_text())).subject["deployment"] == f"reference/{format}@onnxruntime-cpu"
    ]
    # Small groups, so that kills meet settled groups, unsettled ones, and the time before the first.
    step.options["examples_at_once"] = 2
    undisturbed = _store_for(step, finished, tmp_path / "undisturbed")
    began = time.monotonic()
    assert _worker(undisturbed, step).wait() == 0
    seconds = time.monotonic() - began

    killed = _store_for(step, finished, tmp_path / "killed")
    moments = random.Random(0)
    for _ in range(KILLS):
        with _worker(killed, step) as process:
            time.sleep(moments.uniform(0.3, 1) * seconds)
            os.killpg(process.pid, signal.SIGKILL)
        if killed.path(step.kind, step.key).is_dir():  # it was faster than the kill
            (killed.path(step.kind, step.key) / "attack.json").unlink()
            (killed.path(step.kind, step.key) / "step.json").unlink()
            killed.path(step.kind, step.key).rmdir()
    assert _worker(killed, step).wait() == 0
    name = f"{step.kind}/{step.key}/attack.json"
    assert (killed.root / ".steps" / name).read_bytes() == (undisturbed.root / ".steps" / name).read_bytes()


def _store_for(step: Step, finished: Store, root: Path) -> Store:
    """A store that holds what the step needs, and the step's description."""
    store = Store(root)
    for kind, key in step.needs.values():
        place = store.path(kind, key)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(finished.path(kind, key))
    (root / "step.json").write_text(step.to_json())
    return store


def _worker(store: Store, step: Step) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "harness.execution.worker", str(store.root), str(store.root / "step.json")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
