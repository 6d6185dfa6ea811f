"""A study on a cluster, or beside another in one store, ends as alone on one machine, whatever is killed."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import psutil
import pytest

from harness.store.inventory import kept_steps
from harness.store.steps import Store
from tests.end_to_end.driver import command, scalemodel, started

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(1200)]
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")

STUDY = """
study: small
formats: [onnx-fp32, onnx-int8-dynamic]
backends: [onnxruntime-cpu]
performance: {samples: 8, min_warmup_seconds: 0, max_warmup_seconds: 0.2, min_seconds: 0.05, min_count: 8, tune: false,
  paired_processes: 1, replicates: 2, scenarios: [single-stream]}
tasks:
  text-classification:
    reference: tiny
    labels: [negative, positive]
    max_length: 64
    verification_examples: 8
    models: {tiny: {checkpoint: {embedded: tiny}}}
    data: {evaluation: {embedded: evaluation, size: 60}}
    characteristics: {bootstrap: 100}
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextlib.contextmanager
def node(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """A node of one CPU; all of its processes end with it."""
    ray = Path(sysconfig.get_path("scripts")) / "ray"
    environment = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
    few = ["--num-cpus", "1", "--object-store-memory", "80000000", "--block"]
    with (folder / "nodes.txt").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, str(ray), "start", *arguments, *few],
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            lose(process)


def lose(process: subprocess.Popen[bytes]) -> None:
    """Kill a node, as a machine that loses its power."""
    with contextlib.suppress(psutil.NoSuchProcess):
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        for member in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(family, timeout=30)
    process.wait()


def wait_until(true: Callable[[], object], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.1)


def steps_in(store: Path) -> int:
    return len(list(kept_steps(Store(store))))


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "small.yaml").write_text(STUDY)
    return tmp_path / "small.yaml"


@needs_ray
def test_a_lost_node_and_a_killed_driver_change_nothing(study: Path, tmp_path: Path) -> None:
    port, client = free_port(), free_port()
    address = f"127.0.0.1:{port}"
    environment = {**os.environ, "RAY_ADDRESS": address}
    store = tmp_path / "shared"
    head = ("--head", "--port", str(port), "--ray-client-server-port", str(client), "--include-dashboard", "false")
    run = command("run", study, "--store", store, "--quiet", "--executor", "ray")
    # Ray's sockets are below its folder, and a socket's path may have 107 bytes.
    with tempfile.TemporaryDirectory(prefix="ray-") as short, node(tmp_path, *head, "--temp-dir", short):
        wait_until(lambda: is_up(port), 120)
        with node(tmp_path, "--address", address) as other:
            wait_until(lambda: nodes_at(address) == 2, 120)
            with subprocess.Popen(run, env=environment, stdout=subprocess.DEVNULL) as driver:
                wait_until(lambda: steps_in(store) >= 3)
                lose(other)
                done = steps_in(store)
                wait_until(lambda: steps_in(store) >= done + 2)
                driver.send_signal(signal.SIGKILL)
        again = started("run", study, "--store", store, "--quiet", "--executor", f"ray://127.0.0.1:{client}")
        assert again.returncode == 0, again.stderr
    alone = scalemodel("run", study, "--store", tmp_path / "alone", "--quiet")
    assert alone.returncode == 0, alone.stderr
    (expected,), (found,) = (folder.glob("*/results.json") for folder in (tmp_path / "alone", store))
    assert found.read_bytes() == expected.read_bytes()


def is_up(port: int) -> bool:
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


def nodes_at(address: str) -> int:
    count = "import ray, sys; ray.init(sys.argv[1], log_to_driver=False); print('nodes', len(ray.nodes()))"
    told = subprocess.run([sys.executable, "-c", count, address], capture_output=True, text=True)
    return int(told.stdout.split()[-1]) if told.returncode == 0 else 0


@needs_ray
def test_a_cluster_that_is_not_there() -> None:
    refused = scalemodel("run", "quickstart", "--executor", f"ray://127.0.0.1:{free_port()}")
    assert refused.returncode == 2 and refused.stdout == ""
    assert refused.stderr.count("\n") == 1 and "there is no Ray cluster" in refused.stderr


def test_two_drivers_at_once_share_every_step(study: Path, tmp_path: Path) -> None:
    """Timings are never the same twice: where they are, one has taken the other's."""
    folders = [tmp_path / "one", tmp_path / "two"]
    runs = [
        subprocess.Popen(command("run", study, "--store", tmp_path / "shared", "--output", folder, "--quiet"))
        for folder in folders
    ]
    assert [run.wait() for run in runs] == [0, 0]
    for name in ("results.json", "performance.json"):
        one, two = ((folder / name).read_bytes() for folder in folders)
        assert one == two, name
