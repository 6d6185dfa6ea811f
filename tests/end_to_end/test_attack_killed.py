"""An attack killed in the middle ends in the same file, also where scores depend on what shares their batch."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from harness.execution.processes import WORKER
from harness.steps.registry import read_step
from harness.store.step import Step
from harness.store.steps import Store


@pytest.mark.slow
@pytest.mark.parametrize("format", ["onnx-int8-dynamic", pytest.param("onnx-fp32", marks=pytest.mark.nightly)])
@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=[pytest.mark.nightly, pytest.mark.timeout(1200)])])
def test_an_attack_killed_in_the_middle_ends_in_the_same_file(
    store: Path, tmp_path: Path, format: str, kills: int
) -> None:
    finished = Store(store)
    (step,) = [one for one in _steps(store, "attack") if f"reference/{format}@" in one.subject["deployment"]]
    (candidates,) = _steps(store, "candidates")
    # More texts than the study has, so that no kill finds the attack at its end, and in small groups: kills meet
    # settled groups, unsettled ones, and the first.
    texts = 12 + 2 * kills
    candidates = replace(candidates, options=candidates.options.model_copy(update={"sample": texts}))
    step = replace(step, options=step.options.model_copy(update={"sample": texts, "batch_size": 4}))
    proposed = _store_for(candidates, [finished], tmp_path / "proposed")
    assert _worker(proposed, candidates).wait() == 0
    step = replace(step, inputs=step.inputs.model_copy(update={"candidates": candidates.ref}))

    undisturbed = _store_for(step, [proposed, finished], tmp_path / "undisturbed")
    assert _worker(undisturbed, step).wait() == 0
    killed = _store_for(step, [proposed, finished], tmp_path / "killed")
    moments = random.Random(0)
    for _ in range(kills):
        with _worker(killed, step) as process:
            _wait_for_writes(moments.randint(1, 3), killed.work(step.key), process)
            time.sleep(moments.uniform(0, 0.02))
            os.killpg(process.pid, signal.SIGKILL)
        assert not killed.path(step.kind, step.key).exists()
        assert sum(_sizes(killed.work(step.key))) > 0
    assert _worker(killed, step).wait() == 0
    name = f"{step.kind}/{step.key}/attack.jsonl"
    assert (killed.root / ".steps" / name).read_bytes() == (undisturbed.root / ".steps" / name).read_bytes()


def _wait_for_writes(count: int, journal: Path, process: subprocess.Popen[bytes]) -> None:
    seen = _sizes(journal)
    while count > 0:
        assert process.poll() is None, "the attack ended before the kill"
        if (sizes := _sizes(journal)) != seen:
            seen, count = sizes, count - 1
        time.sleep(0.001)


def _sizes(journal: Path) -> list[int]:
    """Of the journal's files, in bytes; 0 where there is none now."""
    found = []
    for name in ("settled.jsonl", "answers.jsonl"):
        try:
            found.append((journal / name).stat().st_size)
        except FileNotFoundError:
            found.append(0)
    return found


def _steps(store: Path, kind: str) -> list[Step]:
    return [read_step(path) for path in sorted(store.glob(f"*/steps/{kind}-*.json"))]


def _store_for(step: Step, finished: list[Store], root: Path) -> Store:
    """A store that holds what the step needs, and the step's description."""
    store = Store(root)
    for ref in step.inputs.refs:
        place = store.path(ref.kind, ref.key)
        place.parent.mkdir(parents=True, exist_ok=True)
        source = next(one.path(ref.kind, ref.key) for one in finished if one.path(ref.kind, ref.key).is_dir())
        place.symlink_to(source)
    (root / "step.json").write_text(step.to_json())
    return store


def _worker(store: Store, step: Step) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, *WORKER, str(store.root), str(store.root / "step.json")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
