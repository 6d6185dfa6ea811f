"""Executors by name, and what a step asks of a cluster."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.cli.run import executor_of
from harness.config.load import load_study
from harness.errors import UserError
from harness.execution.processes import LocalProcesses
from harness.planning.plan import Plan, make_plan

CONFIGS = Path(__file__).parents[3] / "configs"


def test_processes_of_this_machine_are_the_default() -> None:
    assert isinstance(executor_of("local"), LocalProcesses)


def test_an_executor_that_does_not_exist() -> None:
    with pytest.raises(UserError, match="'slurm' is none of local, ray and ray://HOST:PORT"):
        executor_of("slurm")


def test_ray_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "harness.execution.ray_cluster", raising=False)
    with pytest.raises(UserError, match=r"--executor ray: Ray is not installed; pip install 'scalemodel\[ray\]'"):
        executor_of("ray")


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(load_study(CONFIGS / "quickstart.yaml"))


def test_a_round_of_timings_is_one_task_in_the_order_of_the_plan(plan: Plan) -> None:
    pytest.importorskip("ray")
    from harness.execution.ray_cluster import is_timed, together

    steps = plan.measurements
    units = together(steps)
    rounds = [unit for unit in units if is_timed(unit[0])]
    assert sorted(step.key for unit in units for step in unit) == sorted(step.key for step in steps)
    assert all(len(unit) == 1 for unit in units if unit not in rounds)
    for unit in rounds:
        assert len({(step.subject["task"], getattr(step.options, "replicate", None)) for step in unit}) == 1
        assert unit == [step for step in steps if step in unit]
    first = next(unit for unit in rounds if unit[0].kind == "performance")
    timed = [step.subject["deployment"] for step in first if step.kind == "performance"]
    task = first[0].subject["task"]
    (planned,) = [each.deployments for each in plan.tasks if each.name == task]
    assert timed == [each.deployment.name for each in planned if each.performance]


def test_what_a_step_asks_of_its_node(plan: Plan, tmp_path: Path) -> None:
    pytest.importorskip("ray")
    from harness.execution.ray_cluster import BARE_BYTES, COPIES_OF_WEIGHTS, bytes_of, on_gpu, threads_of
    from harness.store.steps import Store

    (measured, *_), (checkpoint, *_) = plan.deployments[0].performance, plan.checkpoints
    assert threads_of(measured, 64) == plan.machine.cores and threads_of(checkpoint, 64) == 64
    assert not on_gpu(measured, plan.machine) and not on_gpu(checkpoint, plan.machine)
    store = Store(tmp_path)
    assert bytes_of(measured, store) == BARE_BYTES
    weights = store.path("artifact", measured.inputs.refs[0].key)
    weights.mkdir(parents=True)
    (weights / "model.onnx").write_bytes(bytes(1000))
    assert bytes_of(measured, store) == BARE_BYTES + COPIES_OF_WEIGHTS * 1000
