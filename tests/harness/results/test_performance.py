"""Figures of a deployment from its processes, which are kept."""

from __future__ import annotations

from statistics import median
from typing import Any

import pytest

from benchmarks.performance.timing_warning import TimingWarning
from benchmarks.performance.tuning import Setting
from exporters.work import Work
from harness.results.performance import summarise
from harness.results.timings import DeploymentPerformance, TunedThroughput
from harness.steps.tuned_throughput import TunedPairs
from tests.harness import raw_timings

MS = 1_000_000


def summary_of(*processes: dict[str, Any], **further: Any) -> DeploymentPerformance:
    return summarise([raw_timings.read(one) for one in processes], **further)


def process(ms: int, *, memory: int | None = 10, offline: bool = True) -> dict[str, Any]:
    measured: dict[str, Any] = {
        "single-stream": raw_timings.single_stream([ms * MS, 3 * ms * MS] * 50, [0, 1] * 50, samples=2),
        "load_ms": 10.0 * ms,
        "first_inference_ms": 2.0 * ms,
        "peak_memory_bytes": memory,
    }
    if offline:
        measured["offline"] = raw_timings.offline([ms * MS] * 4, samples=2, tokens=20)
    return measured


def test_summaries_are_medians_of_the_processes_that_are_kept() -> None:
    summary = summary_of(process(1), process(2, memory=None), process(7))
    assert summary.processes == 3 == len(summary.replicates)
    assert summary.single_stream is not None and summary.offline is not None
    assert summary.single_stream.p50_ms == 2 and summary.single_stream.count == 300
    assert summary.offline.samples_per_second == 1000
    assert summary.load_ms == 20 and summary.peak_memory_bytes == 10
    assert summary.device_memory_bytes is None
    for scenario, name in (
        ("single_stream", "p50_ms"),
        ("single_stream", "p99_ms"),
        ("offline", "samples_per_second"),
        ("offline", "tokens_per_second"),
    ):
        values = [getattr(getattr(one, scenario), name) for one in summary.replicates]
        assert len(set(values)) == 3 and median(values) == getattr(getattr(summary, scenario), name)
    assert [replicate.load_ms for replicate in summary.replicates] == [10, 20, 70]
    assert [replicate.peak_memory_bytes for replicate in summary.replicates] == [10, None, 10]


def test_an_unsteady_process_marks_the_figure_and_is_told_apart() -> None:
    drifting = process(1)
    drifting["offline"]["nanoseconds"] = [MS, MS, 2 * MS, 2 * MS]
    summary = summary_of(process(1), drifting)
    assert summary.single_stream is not None and summary.offline is not None
    assert summary.offline.steady is False and summary.single_stream.steady is True
    assert [replicate.offline and replicate.offline.steady for replicate in summary.replicates] == [True, False]
    assert any("later passes" in warning.text for warning in summary.warnings)


def test_operations_and_bytes_are_held_against_the_ceilings_of_their_own_process() -> None:
    """A text of 4 tokens and one of 8: 6 and 40 in the mean, so that a sample has 100 + 6 x 50 + 40 x 10 operations."""
    work = Work(per_text=100, per_token=50, per_squared_token=10, weights=1000)
    sizes = {"texts": 1.0, "tokens": 6.0, "squared_tokens": 40.0}
    processes = [
        {
            **process(ms),
            "work_per_sample": sizes,
            "ceilings": {"arithmetic": "int8", "operations_per_second": peak, "bytes_per_second": 4e6},
        }
        for ms, peak in ((1, 16e6), (2, 4e6), (4, 1e6))  # 2,000, 1,000 and 500 samples a second
    ]
    found = summary_of(*processes, work=work, precision="int8").efficiency
    assert found is not None and found.arithmetic == "int8"
    assert found.operations_per_sample == 800 and found.weight_bytes == 1000
    assert (found.operations_per_second, found.operations_ceiling) == (800_000, 4e6)
    assert found.operations_share == 0.2  # of 0.1, 0.2 and 0.4
    assert (found.bytes_per_second, found.bytes_ceiling, found.bytes_share) == (500_000, 4e6, 0.125)
    inference = raw_timings.passes([MS] * 4, samples=4, tokens=20)  # 4,000 a second, of which 2,000 reach decisions
    alone = {**processes[0], "offline": {**processes[0]["offline"], "inference": inference}}
    apart = summary_of(alone, work=work, precision="fp16").efficiency
    assert apart is not None
    assert (apart.operations_per_second, apart.weight_bytes) == (4000 * 800, 2000)


def test_without_ceilings_or_counts_there_are_no_shares() -> None:
    work = Work(per_text=100, per_token=50, per_squared_token=10, weights=1000)
    assert summary_of(process(1), work=work, precision="fp32").efficiency is None  # the tokens are not known
    sizes = {"texts": 1.0, "tokens": 6.0, "squared_tokens": 40.0}
    measured = {**process(1, offline=False), "work_per_sample": sizes, "ceilings": None}
    found = summary_of(measured, work=work).efficiency
    assert found is not None and found.operations_per_sample == 800
    assert found.model_dump().keys() - {"operations_per_sample"} == {
        name for name, value in found.model_dump().items() if value is None
    }


def test_how_memory_was_found_is_told_by_the_least_sure_process() -> None:
    sure, sampled = ({**process(1), "memory_method": method} for method in ("VmHWM", "sampled"))
    assert summary_of(sure, sure).memory_method == "VmHWM"
    summary = summary_of(sure, sampled)
    assert summary.memory_method == "sampled"
    assert [replicate.memory_method for replicate in summary.replicates] == ["VmHWM", "sampled"]
    assert summary_of(process(1)).memory_method is None


def test_a_disturbed_process_marks_its_scenarios_alone() -> None:
    busy = process(1)
    busy["offline"]["conditions"] = raw_timings.conditions(seconds=2.0, other_cpu_seconds=1.0)
    summary = summary_of(process(1), busy)
    assert summary.single_stream is not None and summary.offline is not None
    assert summary.offline.disturbed is True and summary.single_stream.disturbed is False
    assert [replicate.offline and replicate.offline.disturbed for replicate in summary.replicates] == [False, True]
    assert any(warning.text.startswith("busy: other processes took 25%") for warning in summary.warnings)


def test_server_rates_and_fixed_shapes_have_marks_of_their_own() -> None:
    passed = [5 * MS] * 700
    measured = process(1)
    measured["server"] = {
        "bound_ms": 20.0,
        "bound_from": "study",
        "trials": [{"rate": 10.0, "nanoseconds": passed, "queries": 700, "scheduled_p99": 9 * MS}],
        "warm_up": raw_timings.WARM_UP,
        "conditions": raw_timings.conditions(),
    }
    scattered = {"nanoseconds": [MS, 2 * MS] * 50, "order": [0] * 100, "samples": 1}
    measured["sweep"] = [{"batch": 1, "length": 16, "timings": scattered, "reason": ""}]
    summary = summary_of(measured)
    assert summary.server is not None
    assert summary.server.steady is False and summary.server.disturbed is False
    assert summary.sweep[0].steady is True and summary.sweep[0].scattered is True


def test_a_warm_up_that_did_not_settle_is_told_of_every_scenario() -> None:
    measured = process(1)
    measured["offline"]["warm_up"] = {"seconds": 30.0, "change": 0.12, "settled": False}
    (warning,) = summary_of(measured).warnings
    text = "the warm-up ended after 30 s, still 12% slower from round to round"
    assert warning == TimingWarning("warm-up", text, "raise max_warmup_seconds")


def test_a_scenario_that_was_not_measured_is_null() -> None:
    summary = summary_of(process(1, offline=False))
    assert summary.offline is None and summary.replicates[0].offline is None


def tuned_pairs(
    setting: Setting, default: Setting, pairs: list[tuple[int, int]] | None, reason: str = ""
) -> TunedPairs:
    return TunedPairs(
        setting=setting, default=default, samples=2, pairs=None if pairs is None else tuple(pairs), reason=reason
    )


def test_a_tuned_setting_is_held_against_the_default_of_the_same_pairs() -> None:
    setting, default = Setting(2, 1, 512), Setting(1, 2, 1024)
    tuned = [tuned_pairs(setting, default, [(slower * MS, MS)] * 5) for slower in (2, 3, 4)]
    found = summary_of(*[process(1)] * 3, tuned=tuned).tuned
    assert found is not None
    assert found.setting == setting and found.ratio == 3
    assert found.samples_per_second == 2000
    assert found.default_samples_per_second == pytest.approx(2000 / 3)
    assert found.measured_again == 3

    assert summary_of(process(1), tuned=[tuned_pairs(setting, setting, None)]).tuned == TunedThroughput(
        setting=setting,
        ratio=1.0,
        measured_again=None,
        samples_per_second=None,
        default_samples_per_second=None,
        reason="",
    )
    assert summary_of(process(1)).tuned is None


def test_a_tuned_setting_that_is_slower_when_measured_again_is_not_used() -> None:
    chosen, default = Setting(2, 1, 512), Setting(1, 2, 1024)
    found = summary_of(process(1), tuned=[tuned_pairs(chosen, default, [(95 * MS, 100 * MS)] * 5)]).tuned
    assert found is not None
    assert found.setting == default and found.ratio == 1.0 and found.measured_again == 0.95
    assert found.samples_per_second == found.default_samples_per_second == pytest.approx(2e3 / 95)

    found = summary_of(process(1), tuned=[tuned_pairs(chosen, default, None, "out of memory")]).tuned
    assert found is not None
    assert found.setting == default and found.samples_per_second is None and found.reason == "out of memory"
