from __future__ import annotations

import json
import os
import platform
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from backends.host import machine, memory, nvidia
from backends.host.memory import DeviceMemory, MemoryProbe


def test_environment_is_json_and_complete() -> None:
    environment = machine.environment()
    assert json.loads(json.dumps(environment)) == environment
    assert environment["cpu"]["model"]
    assert 1 <= environment["cpu"]["cores"] <= (os.cpu_count() or 1)
    assert environment["memory_bytes"] > 2**28
    assert environment["versions"]["numpy"] == np.__version__
    assert platform.release() in environment["os"] and environment["python"] == platform.python_version()
    if Path("/etc/os-release").exists():
        assert f'PRETTY_NAME="{environment["distribution"]}"' in Path("/etc/os-release").read_text()
    assert (environment["gpu"] is None) == (nvidia.driver_version() is None)


def test_cpu_quota_of_both_versions(tmp_path: Path) -> None:
    membership = tmp_path / "cgroup"
    membership.write_text("4:memory:/job\n1:cpu,cpuacct:/job\n0::/a/b\n")
    assert machine.cpu_quota(tmp_path, membership) is None
    for folder, limit in (("a", "150000 100000"), ("a/b", "max 100000")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "cpu.max").write_text(limit + "\n")
    assert machine.cpu_quota(tmp_path, membership) == 1.5
    old = tmp_path / "cpu,cpuacct" / "job"
    old.mkdir(parents=True)
    (old / "cpu.cfs_quota_us").write_text("50000\n")
    (old / "cpu.cfs_period_us").write_text("100000\n")
    assert machine.cpu_quota(tmp_path, membership) == 0.5
    (old / "cpu.cfs_quota_us").write_text("-1\n")
    assert machine.cpu_quota(tmp_path, membership) == 1.5
    (tmp_path / "a" / "memory.max").write_text("1000000\n")
    assert machine.memory_limit(tmp_path, membership) == 1_000_000
    assert machine.memory_limit(tmp_path, tmp_path / "none") is None


@pytest.mark.parametrize("method", ["VmHWM", "sampled"])
def test_a_peak_is_seen_after_it_is_gone(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if method == "sampled":
        monkeypatch.setattr(memory, "_reset_high_water_mark", lambda: False)
    ballast = np.ones(160 * 2**20, dtype=np.uint8)  # an earlier, higher peak
    del ballast
    probe = MemoryProbe()
    if probe.method != method:
        pytest.skip("clear_refs is not writable here")
    held = np.ones(64 * 2**20, dtype=np.uint8)
    assert probe.peak_bytes() > 60 * 2**20
    del held
    assert 60 * 2**20 < probe.peak_bytes() < 100 * 2**20
    probe.close()


def test_unused_device_memory_is_none() -> None:
    """Also on a machine with a GPU: this process has not loaded CUDA's driver library."""
    if nvidia.uses_cuda():
        pytest.skip("an earlier test uses CUDA")
    assert MemoryProbe().device_bytes() is None
    assert MemoryProbe().device_memory() == DeviceMemory(device=None, process=None)


@pytest.mark.parametrize(
    ("before", "after", "device"), [(100, 350, 250), (100, 100, None), (900, 350, None), (None, 350, None)]
)
def test_device_memory_that_another_process_freed_is_unknown(
    monkeypatch: pytest.MonkeyPatch, before: int | None, after: int, device: int | None
) -> None:
    told = iter([before, after])
    monkeypatch.setattr(memory, "uses_cuda", lambda: True)
    monkeypatch.setattr(memory, "_device_used", lambda: next(told))
    monkeypatch.setattr(memory, "_process_used", lambda process: None)
    probe = MemoryProbe()
    assert probe.device_memory() == DeviceMemory(device=device, process=None)
    probe.close()


def test_first_device_follows_cuda_visible_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    class Library:
        NVMLError = RuntimeError

        def nvmlDeviceGetHandleByIndex(self, index: int) -> str:
            return f"index {index}"

        def nvmlDeviceGetHandleByUUID(self, name: str) -> str:
            return f"uuid {name}"

        def nvmlDeviceGetCount(self) -> int:
            return 3

        def nvmlDeviceGetUUID(self, handle: str) -> str:
            return {"index 0": "GPU-77", "index 1": "GPU-1a2b-3c", "index 2": "GPU-2b"}[handle]

    for visible, expected in (
        ("2,0", "index 2"),
        (" 1 ,0", "index 1"),
        ("GPU-1a2b-3c,GPU-77", "index 1"),
        ("GPU-2", "index 2"),  # CUDA takes the beginning of one
        ("GPU-9", None),
        ("MIG-1a", "uuid MIG-1a"),
        ("", None),
        ("-1", None),
    ):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        assert nvidia.first_device(Library()) == expected
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert nvidia.first_device(Library()) == "index 0"


@pytest.mark.parametrize(
    ("listed", "cuda", "others"),
    [
        ([], True, 0),
        ([7], True, 0),
        ([7, 8], True, 1),
        ([801], True, 0),  # a container's own number is not the host's: the one that is listed is this process
        ([801, 802], True, 1),
        ([801, 802], False, 2),  # which does not use the device itself
    ],
)
def test_a_process_is_not_another_one_beside_itself(
    monkeypatch: pytest.MonkeyPatch, listed: list[int], cuda: bool, others: int
) -> None:
    running = [SimpleNamespace(pid=number) for number in listed]
    library = SimpleNamespace(
        NVMLError=OSError,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetComputeRunningProcesses=lambda handle: running,
    )
    monkeypatch.setattr(nvidia, "nvml", lambda: nullcontext(library))
    monkeypatch.setattr(nvidia, "uses_cuda", lambda: cuda)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert nvidia.other_processes(7) == others


def test_clocks_and_what_holds_them_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """With NVML's own names and numbers; an old `pynvml` does not know the question."""
    pynvml = pytest.importorskip("pynvml")
    bits = pynvml.nvmlClocksEventReasonSwPowerCap | pynvml.nvmlClocksEventReasonGpuIdle
    told = {
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetClockInfo": lambda handle, kind: {pynvml.NVML_CLOCK_SM: 1755}[kind],
        "nvmlDeviceGetCurrentClocksEventReasons": lambda handle: bits,
        "nvmlDeviceGetViolationStatus": lambda handle, policy: SimpleNamespace(
            violationTime={pynvml.NVML_PERF_POLICY_POWER: 2_500_000_000}[policy]
        ),
    }
    library = SimpleNamespace(**{**vars(pynvml), **told})
    monkeypatch.setattr(nvidia, "nvml", lambda: nullcontext(library))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert nvidia.clock_mhz() == 1755
    assert nvidia.throttle_reasons() == "power cap"
    assert nvidia.power_capped_seconds() == 2.5
    del library.nvmlDeviceGetCurrentClocksEventReasons
    assert nvidia.throttle_reasons() is None


def test_the_first_device_is_asked_and_what_it_does_not_tell_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    class Library:
        class NVMLError(Exception):
            pass

        NVML_PERF_POLICY_THERMAL = 1

        @staticmethod
        def nvmlDeviceGetViolationStatus(handle: str, policy: int) -> SimpleNamespace:
            assert policy == 1
            return SimpleNamespace(referenceTime=10**9, violationTime=1_500_000_000)  # microseconds and nanoseconds

        @staticmethod
        def nvmlDeviceGetHandleByIndex(index: int) -> str:
            return f"index {index}"

    def refuse(library: Any, handle: Any) -> int:
        raise library.NVMLError

    monkeypatch.setattr(nvidia, "nvml", lambda: nullcontext(Library))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert nvidia.ask_first_device(lambda library, handle: handle) == "index 0"
    assert nvidia.ask_first_device(refuse) is None
    assert nvidia.hot_seconds() == 1.5
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")  # no device is left
    assert nvidia.ask_first_device(lambda library, handle: handle) is None


def test_what_is_loaded_for_cuda_stands_in_its_constraints() -> None:
    constraints = Path(__file__).parents[3] / "constraints" / "cuda.txt"
    pinned = {line.partition("==")[0] for line in constraints.read_text().splitlines()}
    assert {*nvidia.PACKAGES[:3], "triton"} <= pinned
