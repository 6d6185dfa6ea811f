"""What else the machine did, and the energy it took: real counters here, made-up ones where there are none."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from backends.backend import stage_times
from backends.host import energy, machine, system_monitor
from backends.host.energy import EnergyMeter
from backends.host.system_monitor import SystemMonitor


def test_own_time_is_counted_and_all_is_json() -> None:
    monitor = SystemMonitor()
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass
    seen = monitor.stop()
    assert json.loads(json.dumps(seen)) == seen
    assert seen["own_cpu_seconds"] >= 0.2 and seen["seconds"] > 0 and seen["cores"] == len(machine.usable_cpus())
    assert seen["other_cpu_seconds"] is None or seen["other_cpu_seconds"] >= 0


def test_others_time_is_that_of_our_cores_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stat = tmp_path / "stat"
    monkeypatch.setattr(system_monitor, "STAT", stat)
    monkeypatch.setattr(system_monitor, "usable_cpus", lambda: [1])
    row = "{name} {user} 0 0 500 9 0 0 {steal} 0 0\n"
    for user, steal in ((1000, 0), (3000, 50)):
        lines = [row.format(name=name, user=user * 9, steal=steal) for name in ("cpu", "cpu0")]
        stat.write_text("".join([*lines, row.format(name="cpu1", user=user, steal=steal)]))
        if user == 1000:
            monitor = SystemMonitor()
    seen = monitor.stop()
    assert 19 < seen["other_cpu_seconds"] <= 20 and seen["steal_seconds"] == 0.5  # hundredths of a second
    stat.unlink()
    assert SystemMonitor().stop()["other_cpu_seconds"] is None


def test_heat_and_quota_are_counted_where_the_kernel_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count = tmp_path / "cpu1/thermal_throttle/core_throttle_count"
    count.parent.mkdir(parents=True)
    count.write_text("3\n")
    monkeypatch.setattr(system_monitor, "THERMAL", tmp_path)
    monkeypatch.setattr(system_monitor, "usable_cpus", lambda: [0, 1])
    monitor = SystemMonitor()
    count.write_text("5\n")
    assert monitor.stop()["thermal_throttles"] == 2
    membership = tmp_path / "cgroup"
    membership.write_text("0::/a\n")
    assert machine.throttled_seconds(tmp_path, membership) is None
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "cpu.stat").write_text("usage_usec 7\nnr_throttled 2\nthrottled_usec 1500000\n")
    assert machine.throttled_seconds(tmp_path, membership) == 1.5


def test_energy_is_the_packages_and_survives_an_overflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy, "RAPL", tmp_path)
    assert EnergyMeter().joules() == {"cpu": None, "gpu": None}
    for zone, name in (("intel-rapl:0", "package-0"), ("intel-rapl:1", "package-1"), ("intel-rapl:2", "psys")):
        (tmp_path / zone).mkdir()
        for file, text in (("name", name), ("energy_uj", "9000000"), ("max_energy_range_uj", "9999999")):
            (tmp_path / zone / file).write_text(text + "\n")
    meter = EnergyMeter()
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("9500000")
    (tmp_path / "intel-rapl:1" / "energy_uj").write_text("500000")
    assert meter.joules()["cpu"] == 0.5 + 1.5


def test_stages_wait_for_the_device() -> None:
    calls: list[str] = []
    found = stage_times(
        lambda: calls.append("copy"),
        lambda _: calls.append("compute"),
        lambda _: calls.append("fetch"),
        lambda: calls.append("wait"),
    )
    assert calls[:5] == ["copy", "wait", "compute", "wait", "fetch"]
    assert set(found) == {"host_to_device", "compute", "device_to_host"} and min(found.values()) >= 0
