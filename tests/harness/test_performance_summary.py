"""Figures of a deployment from its processes, which are kept."""

from __future__ import annotations

from statistics import median
from typing import Any

import pytest

from harness.performance_summary import summarise

MS = 1_000_000


def process(ms: int, *, memory: int | None = 10, offline: bool = True) -> dict[str, Any]:
    measured: dict[str, Any] = {
        "single-stream": {"nanoseconds": [ms * MS, 3 * ms * MS] * 50, "order": [0, 1] * 50, "samples": 2},
        "load_ms": 10.0 * ms,
        "first_inference_ms": 2.0 * ms,
        "peak_memory_bytes": memory,
        "device_memory_bytes": None,
    }
    if offline:
        measured["offline"] = {"nanoseconds": [ms * MS] * 4, "samples": 2, "tokens": 20}
    return measured


def test_summaries_are_medians_of_the_processes_that_are_kept() -> None:
    summary = summarise([process(1), process(2, memory=None), process(7)])
    assert summary["processes"] == 3 == len(summary["replicates"])
    assert summary["single-stream"]["p50_ms"] == 2 and summary["single-stream"]["count"] == 300
    assert summary["offline"]["samples_per_second"] == 1000
    assert summary["load_ms"] == 20 and summary["peak_memory_bytes"] == 10
    assert summary["device_memory_bytes"] is None
    for scenario, name in (
        ("single-stream", "p50_ms"),
        ("single-stream", "p99_ms"),
        ("offline", "samples_per_second"),
        ("offline", "tokens_per_second"),
    ):
        values = [replicate[scenario][name] for replicate in summary["replicates"]]
        assert len(set(values)) == 3 and median(values) == summary[scenario][name]
    assert [replicate["load_ms"] for replicate in summary["replicates"]] == [10, 20, 70]
    assert [replicate["peak_memory_bytes"] for replicate in summary["replicates"]] == [10, None, 10]


def test_an_unsteady_process_marks_the_figure_and_is_told_apart() -> None:
    drifting = process(1)
    drifting["offline"]["nanoseconds"] = [MS, MS, 2 * MS, 2 * MS]
    summary = summarise([process(1), drifting])
    assert summary["offline"]["steady"] is False and summary["single-stream"]["steady"] is True
    assert [replicate["offline"]["steady"] for replicate in summary["replicates"]] == [True, False]
    assert any("later passes" in warning for warning in summary["warnings"])


def test_a_scenario_that_was_not_measured_is_null() -> None:
    summary = summarise([process(1, offline=False)])
    assert summary["offline"] is None and summary["replicates"][0]["offline"] is None


def test_a_tuned_setting_is_held_against_the_default_of_the_same_pairs() -> None:
    setting = {"sessions": 2, "threads": 1, "token_budget": 512}
    measured = []
    for slower in (2, 3, 4):
        pairs = [[slower * MS, MS]] * 5
        measured.append({**process(1), "tuned": {"setting": setting, "samples": 2, "pairs": pairs}})
    tuned = summarise(measured)["tuned"]
    assert tuned["setting"] == setting and tuned["ratio"] == 3
    assert tuned["samples_per_second"] == 2000
    assert tuned["default_samples_per_second"] == pytest.approx(2000 / 3)

    unchanged = {**process(1), "tuned": {"setting": setting, "samples": 2, "pairs": None}}
    assert summarise([unchanged])["tuned"] == {
        "setting": setting,
        "ratio": 1.0,
        "samples_per_second": None,
        "default_samples_per_second": None,
    }
    assert summarise([process(1)])["tuned"] is None
