"""What a study will take, told by steps like its own, and its disk by its checkpoints where there are none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.config.load import load_study
from harness.demo import write_checkpoint
from harness.execution.estimate import estimate
from harness.planning.plan import Plan, make_plan
from harness.store.step import Step, StepInputs
from harness.store.steps import Store

STUDY = """
study: ahead
formats: [onnx-fp32, onnx-int8-dynamic]
performance: null
tasks:
  text-classification:
    reference: one
    labels: [negative, positive]
    models:
      one: {checkpoint: {folder: CHECKPOINT}}
    data: {evaluation: {embedded: evaluation, size: 8}}
    execution_floor: false
"""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    (tmp_path / "checkpoint").mkdir()
    write_checkpoint("tiny", "text-classification", tmp_path / "checkpoint")
    (tmp_path / "study.yaml").write_text(STUDY.replace("CHECKPOINT", str(tmp_path / "checkpoint")))
    return make_plan(load_study(tmp_path / "study.yaml"))


def made(store: Store, step: Step, size: int, seconds: float | None) -> None:
    folder = store.begin(step)
    (folder / "file").write_bytes(bytes(size))
    store.commit(step, folder, seconds=seconds)


def test_where_nothing_is_known_the_checkpoint_tells_of_the_disk(plan: Plan, tmp_path: Path) -> None:
    (weights,) = (tmp_path / "checkpoint").glob("*.safetensors")
    found = estimate(plan, Store(tmp_path / "none"))
    assert (found.steps, found.done, found.known) == (8, 0, 0)  # verified twice, and run twice
    assert (found.timed, found.seconds) == (0, 0)
    assert found.bytes == 3 * weights.stat().st_size and found.sized == 3  # the checkpoint, and in two formats


def test_steps_like_them_tell_and_what_is_done_costs_nothing(plan: Plan, tmp_path: Path) -> None:
    store = Store(tmp_path / "runs")
    fp32, int8 = plan.artifacts
    made(store, fp32, 1_000_000, 30)
    (one,) = plan.checkpoints
    made(store, one, 2_000_000, None)  # by a version that timed none
    found = estimate(plan, store, until="artifacts")
    assert (found.steps, found.done, found.known) == (6, 2, 1)
    assert (found.timed, found.seconds, found.untimed) == (1, 30, 3)
    assert found.sized == 1 and 1_000_000 < found.bytes < 1_010_000
    made(store, int8, 10, 5)
    assert estimate(plan, store, until="checkpoints").done == 1
    assert estimate(plan, store, until="artifacts").timed == 0


def test_steps_of_a_model_of_another_size_tell_nothing(plan: Plan, tmp_path: Path) -> None:
    """A demonstration and one's own model share a store, and both have a reference."""
    (checkpoint,), (fp32, _) = plan.checkpoints, plan.artifacts
    (weights,) = (tmp_path / "checkpoint").glob("*.safetensors")
    size = weights.stat().st_size
    for times, alike in ((2, True), (8, False)):
        store = Store(tmp_path / f"store-{times}")
        of_another = replace(checkpoint, key="0" * 32)
        made(store, of_another, times * size, 10)
        made(store, replace(fp32, key="1" * 32, inputs=_reading(fp32, of_another)), times * size, 30)
        found = estimate(plan, store, until="artifacts")
        assert (found.seconds, found.timed) == ((10 + 30 + 30, 3) if alike else (0, 0)), times
        assert found.bytes == pytest.approx(3 * size * (times if alike else 1), rel=0.05)


def _reading(artifact: Step, checkpoint: Step) -> StepInputs:
    return artifact.inputs.model_copy(update={"checkpoint": checkpoint.ref})
