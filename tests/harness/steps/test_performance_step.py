"""The step `performance` on a real artifact: every scenario, raw timings that give the summary, nothing left behind."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from backends.batching import pad
from backends.errors import BackendError, OutOfMemory
from exporters.artifact import export
from exporters.work import count_work
from harness.checkpoints.materialize import materialize
from harness.config.checkpoints import EmbeddedCheckpoint
from harness.config.performance import Performance, Server, Sweep
from harness.config.tasks import QuestionAnswering
from harness.demo.corpora import generate
from harness.errors import OUT_OF_MEMORY, StepFailed, UserError
from harness.inference import deployment as live
from harness.report.latency_breakdown import NAMES
from harness.results.performance import summarise
from harness.results.timings import DeploymentPerformance
from harness.steps import performance
from harness.steps.context import Context
from harness.store.examples import write_examples
from harness.store.process_timings import ProcessTimings, StageTimes, read_timings, read_unfinished
from harness.store.step import Step, StepRef
from harness.store.steps import Store
from harness.store.timings import FILE
from tests.harness.json_fields import fields, without
from tests.harness.options import deployment_options

TASK = "text-classification"
PerformanceContext = Context[performance.Options, performance.Inputs]
SETTINGS = Performance(
    scenarios=("single-stream", "multi-stream", "offline", "server"),
    samples=12,
    min_warmup_seconds=0,
    max_warmup_seconds=0.5,
    min_seconds=0.02,
    min_count=100,
    server=Server(p99_ms=10_000),
    sweep=Sweep(batch=(1, 3), length=(16, 4096), min_seconds=0.01, min_count=3),
)


def deployment(
    root: Path, task: str, settings: Performance, question_answering: QuestionAnswering | None = None
) -> PerformanceContext:
    """A deployment of the smallest model, to be measured."""
    store = Store(root)
    artifact, examples = store.path("artifact", "a"), store.path("examples", "e")
    for folder in (artifact, examples):
        folder.mkdir(parents=True)
    checkpoint = root / "checkpoint"
    source = EmbeddedCheckpoint(embedded="tiny")
    labels = ("negative", "positive")
    materialize(source, checkpoint, task=task, labels=labels, seed=0, resolve=Path, allow_new_head=False)
    export("onnx-fp32", checkpoint, artifact, task=task, pooling="cls")
    write_examples(examples, generate(task, "evaluation", 40, 0))
    options = performance.Options(
        deployment=deployment_options(name=task, question_answering=question_answering),
        performance=settings,
        replicate=0,
        seed=0,
        machine={},
    )
    data = StepRef(kind="examples", key="e")
    inputs = performance.Inputs(artifact=StepRef(kind="artifact", key="a"), examples=data, evaluation=data)
    step = Step("performance", "p", "measure", "group", {}, options, inputs)
    return Context(step, store, store.begin(step), io.StringIO())


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> PerformanceContext:
    return deployment(tmp_path_factory.mktemp("store"), TASK, SETTINGS)


@pytest.fixture(scope="module")
def measured(context: PerformanceContext) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.performance.server.TRIALS_AT_MOST", 2)
        performance.run(context)
    assert [path.name for path in context.destination.iterdir()] == [FILE]
    found: dict[str, Any] = json.loads((context.destination / FILE).read_text())
    return found


@pytest.fixture(scope="module")
def process(measured: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> ProcessTimings:
    return written(tmp_path_factory.mktemp("measured"), measured)


def written(folder: Path, measured: dict[str, Any]) -> ProcessTimings:
    (folder / FILE).write_text(json.dumps(measured))
    return read_timings(folder)


def test_what_is_read_is_what_was_written(measured: dict[str, Any], process: ProcessTimings) -> None:
    again = process.model_dump(by_alias=True, exclude_unset=True)
    assert json.dumps({name: again[name] for name in measured}) == json.dumps(measured)


def test_a_field_that_is_missing_or_of_another_name_is_told(measured: dict[str, Any], tmp_path: Path) -> None:
    """Of all fields but those that a study may not ask for."""
    every = list(fields({**measured, "describe": {}}))  # which is each backend's own
    assert {("load_ms",), ("single-stream", "conditions", "energy_joules", "cpu"), ("server", "trials", 0, "rate")} < {
        *every
    }
    for path in every:
        incomplete, name = without(measured, path), ".".join(map(str, path))
        if path in {(scenario,) for scenario in (*SETTINGS.scenarios, "sweep")}:
            assert path[0] not in written(tmp_path, incomplete).model_dump(by_alias=True, exclude_unset=True)
            continue
        with pytest.raises(UserError, match=f"{FILE}: {re.escape(name)} is missing, "):
            written(tmp_path, incomplete)
    for name, value in measured.items():
        renamed = {**without(measured, (name,)), f"{name}_2": value}
        with pytest.raises(UserError, match=rf"{FILE}: ({name} is missing|{name}_2 is no field)"):
            written(tmp_path, renamed)
    with pytest.raises(UserError, match=f"{FILE}: load_ms: .*valid number"):
        written(tmp_path, {**measured, "load_ms": "7"})


def test_every_scenario_is_there_raw(measured: dict[str, Any]) -> None:
    single = measured["single-stream"]
    assert len(single["nanoseconds"]) == len(single["order"]) >= 100 and single["samples"] == 12
    assert sorted(single["order"][:12]) == list(range(12))
    assert len(measured["multi-stream"]["nanoseconds"]) >= 100
    assert measured["offline"]["samples"] == 12 and len(measured["offline"]["nanoseconds"]) >= 2
    trials = measured["server"]["trials"]
    assert measured["server"]["bound_from"] == "study" and len(trials) == 2
    assert all(len(trial["nanoseconds"]) == trial["queries"] >= 662 for trial in trials)
    assert all(measured[name]["conditions"]["seconds"] > 0 for name in SETTINGS.scenarios)
    assert all(measured[name]["warm_up"]["seconds"] > 0 for name in ("single-stream", "offline", "server"))


def test_a_summary_comes_from_what_is_kept(process: ProcessTimings) -> None:
    summary = summarise([process, process])
    assert summary.processes == 2
    assert summary.single_stream and summary.server and summary.offline
    assert 0 < summary.single_stream.p50_ms <= summary.single_stream.p99_ms
    assert (summary.single_stream.p90_bound_ms or 0) >= summary.single_stream.p90_ms
    assert summary.server.rate == max(point.rate for point in summary.server.points)
    assert summary.offline.samples_per_second > 0
    assert summary.peak_memory_bytes == process.peak_memory_bytes  # may be 0 in a process that has grown already
    assert summary.artifact_load_ms is not None and summary.load_ms is not None
    assert summary.artifact_load_ms <= summary.load_ms
    assert DeploymentPerformance.model_validate_json(summary.model_dump_json()) == summary


def test_what_is_achieved_stands_beside_what_the_process_could(
    context: PerformanceContext, process: ProcessTimings
) -> None:
    ceilings, sizes = process.ceilings, process.work_per_sample
    assert ceilings is not None and sizes is not None
    assert ceilings.arithmetic == "fp32"
    assert 1e9 < ceilings.operations_per_second < 1e15 and 1e8 < ceilings.bytes_per_second < 1e13
    assert sizes.texts == 1 and sizes.tokens == process.tokens_per_sample
    assert sizes.tokens**2 <= sizes.squared_tokens <= 64 * sizes.tokens
    work = count_work(context.store.path("artifact", "a").parents[2] / "checkpoint", task=TASK)
    found = summarise([process], None, work, "fp32").efficiency
    assert found is not None and found.operations_share is not None and found.bytes_share is not None
    assert 0 < found.operations_share < 1 and 0 < found.bytes_share < 1


@pytest.mark.slow
def test_a_device_has_samples_enough_and_inference_is_timed_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twelve texts are one batch, in which nothing of host and device overlaps."""
    context = deployment(tmp_path, TASK, SETTINGS.model_copy(update={"scenarios": ("offline",), "sweep": None}))
    monkeypatch.setattr("backends.onnxruntime.cpu.OnnxRuntimeCpu.device", "cuda")
    monkeypatch.setattr(performance._Measurement, "_copies_of_a_pass", lambda measurement: 50)
    performance.run(context)
    found = json.loads((context.destination / FILE).read_text())
    assert found["offline"]["samples"] == found["offline"]["inference"]["samples"] == 50 * 12
    assert found["offline"]["tokens"] == 50 * 12 * found["tokens_per_sample"]
    assert len(found["offline"]["nanoseconds"]) >= performance.DEVICE_PASSES
    assert found["offline"]["conditions"]["gpu_clock_change"] is not None
    offline = summarise([read_timings(context.destination)]).offline
    assert offline is not None and offline.inference_samples_per_second is not None
    assert offline.inference_samples_per_second > 0


def test_passes_on_a_device_take_twice_the_studys_seconds(
    context: PerformanceContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([0.0, 5.0, 10.0, 10.5])  # the first pass meets its shapes, the second takes half a second
    monkeypatch.setattr("harness.steps.performance.time", SimpleNamespace(perf_counter=lambda: next(clock)))
    settings = SETTINGS.model_copy(update={"min_seconds": 5.0})
    runner = SimpleNamespace(table=lambda examples: None)
    asked = cast("performance._Measurement", SimpleNamespace(settings=settings, deployment=runner, examples=[]))
    assert performance._Measurement._copies_of_a_pass(asked) == 4  # 5 passes of 4 x 0.5 s are 10 s


def test_a_shape_beyond_the_model_is_a_reason_and_no_failure(process: ProcessTimings) -> None:
    shapes = summarise([process]).sweep
    assert [(shape.batch, shape.length) for shape in shapes] == [(1, 16), (1, 4096), (3, 16), (3, 4096)]
    assert [shape.p50_ms is not None for shape in shapes] == [True, False, True, False]
    assert shapes[1].reason == shapes[3].reason
    assert "the model takes at most" in shapes[1].reason


def test_the_stages_are_those_that_the_report_knows(process: ProcessTimings) -> None:
    breakdown = summarise([process]).latency_breakdown
    assert breakdown is not None and breakdown.request is not None and breakdown.batch is not None
    assert set(StageTimes.model_fields) == set(NAMES)
    assert min(breakdown.request.model_dump().values()) > 0 and breakdown.device is None


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


@pytest.mark.slow
def test_a_scenario_that_fails_costs_its_own_figures_alone(
    context: PerformanceContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.performance.server.TRIALS_AT_MOST", 2)
    monkeypatch.setattr(performance, "offline", raising(OutOfMemory("no room for so many")))
    monkeypatch.setattr(performance, "latency_breakdown", raising(BackendError("lost")))
    context.store.begin(context.step)
    with pytest.raises(StepFailed, match=r"^offline: no room for so many; stages: lost$") as caught:
        performance.run(context)
    assert caught.value.status == OUT_OF_MEMORY
    left = read_unfinished(context.store.unfinished(context.step.key))
    assert left is not None
    assert left.scenarios.keys() == {"single_stream", "multi_stream", "server"}
    assert None not in (left.load_ms, left.sweep, left.describe)
    assert left.stages is None and left.peak_memory_bytes is None
    summary = summarise([left])
    assert summary.single_stream is not None
    assert summary.single_stream.p50_ms > 0 and summary.offline is None and summary.latency_breakdown is None


def test_an_error_that_nobody_foresaw_leaves_what_was_measured_before(
    context: PerformanceContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(performance, "multi_stream", raising(ZeroDivisionError("a bug")))
    context.store.begin(context.step)
    with pytest.raises(ZeroDivisionError):
        performance.run(context)
    left = read_unfinished(context.store.unfinished(context.step.key))
    assert left is not None and left.single_stream is not None
    assert len(left.single_stream.nanoseconds) >= 100 and left.multi_stream is None


@pytest.mark.slow
def test_a_request_is_a_question_with_all_windows_of_its_context(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = SETTINGS.model_copy(update={"scenarios": ("single-stream", "multi-stream"), "sweep": None})
    windows = QuestionAnswering(max_seq_length=48, doc_stride=8)
    context = deployment(tmp_path, "question-answering", settings, question_answering=windows)
    batches: list[list[int]] = []

    def recorded(inputs: Any, indices: Any, **options: Any) -> Any:
        batches.append([int(index) for index in indices])
        return pad(inputs, indices, **options)

    monkeypatch.setattr(live, "pad", recorded)
    performance.run(context)
    found = json.loads((context.destination / FILE).read_text())
    _, *alone = batches[: 1 + settings.samples]  # behind the first inference of all
    assert [window for windows in alone for window in windows] == list(range(sum(map(len, alone))))
    assert max(map(len, alone)) > 1
    assert found["single-stream"]["samples"] == settings.samples
    assert sorted(found["single-stream"]["order"][: settings.samples]) == list(range(settings.samples))
    eight = set(batches[1 + settings.samples])
    assert all(set(windows) <= eight for windows in alone if eight.intersection(windows))
