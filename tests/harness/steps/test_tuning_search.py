"""The step `tuning` on a real artifact, and which settings it may try."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest

from backends.errors import BackendError
from benchmarks.performance.tuning import Setting
from exporters.artifact import export
from harness.checkpoints.materialize import materialize
from harness.config.checkpoints import EmbeddedCheckpoint
from harness.demo.corpora import generate
from harness.inference.deployment import DeploymentRunner, open_deployment
from harness.inference.options import DeploymentOptions
from harness.results.performance import tuned_over_processes
from harness.steps import tuned_throughput as tuned
from harness.steps import tuning_search as tuning
from harness.steps.context import Context
from harness.store.examples import read_examples, write_examples
from harness.store.step import Step, StepRef
from harness.store.steps import Store
from tests.harness.options import deployment_options

TASK = "text-classification"
SIZE = 1000
THREADS = 2
ARTIFACT, EXAMPLES = StepRef(kind="artifact", key="a"), StepRef(kind="examples", key="e")
TUNING = StepRef(kind="tuning_search", key="t")
TuningContext = Context[tuning.Options, tuning.Inputs]


@pytest.fixture
def context(tmp_path: Path) -> TuningContext:
    """A deployment of the smallest model, and a tuning of it that is not done yet."""
    store = Store(tmp_path / "store")
    artifact, examples, destination = (store.path(ref.kind, ref.key) for ref in (ARTIFACT, EXAMPLES, TUNING))
    for folder in (artifact, examples, destination):
        folder.mkdir(parents=True)
    source = EmbeddedCheckpoint(embedded="tiny")
    labels = ("negative", "positive")
    checkpoint = tmp_path / "checkpoint"
    materialize(source, checkpoint, task=TASK, labels=labels, seed=0, resolve=Path, allow_new_head=False)
    export("onnx-fp32", checkpoint, artifact, task=TASK, pooling="cls")
    write_examples(examples, generate(TASK, "evaluation", 16, 0))
    options = tuning.Options(deployment=deployment_options(threads=THREADS), samples=16, seed=0, machine={})
    inputs = tuning.Inputs(artifact=ARTIFACT, examples=EXAMPLES)
    return Context(
        Step(TUNING.kind, TUNING.key, "tune", "group", {}, options, inputs), store, destination, io.StringIO()
    )


def _refuse_two_sessions(patch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def opened(artifact: Path, options: DeploymentOptions) -> Iterator[DeploymentRunner]:
        if options.sessions > 1:
            raise BackendError("no memory for two")
        with open_deployment(artifact, options) as deployment:
            yield deployment

    for module in (tuning, tuned):
        patch.setattr(module, "open_deployment", opened)


def test_a_setting_that_cannot_be_opened_does_not_end_the_search(
    context: TuningContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "SECONDS", 1e6)
    monkeypatch.setattr("benchmarks.performance.tuning.BUDGETS", (256, 1024))
    monkeypatch.setattr("benchmarks.performance.tuning.MOST_PAIRS", 5)
    _refuse_two_sessions(monkeypatch)
    tuning.run(context)
    found = json.loads((context.destination / tuning.FILE).read_text())
    assert found["refusals"] == ["2 sessions of 1 threads: no memory for two"]
    assert found["chosen"]["sessions"] == 1 and found["trials"][0]["setting"] == found["default"]


def test_a_choice_that_cannot_be_opened_later_leaves_the_default(
    context: TuningContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = {"sessions": 2, "threads": 1, "token_budget": 256}
    default_setting = {"sessions": 1, "threads": THREADS, "token_budget": 512}
    record = {"version": 1, "samples": 4, "default": default_setting, "chosen": chosen}
    record |= {"trials": [], "pairs": [], "refusals": []}
    (context.destination / tuning.FILE).write_text(json.dumps(record))
    options = tuned.Options(**dict(context.options), min_seconds=0, replicate=0)
    inputs = tuned.Inputs(artifact=ARTIFACT, examples=EXAMPLES, tuning=TUNING)
    step = Step("tuned_throughput", "m", "measure", "group", {}, options, inputs)
    measuring: Context[tuned.Options, tuned.Inputs] = Context(step, context.store, tmp_path, io.StringIO())
    examples = read_examples(context.folder(EXAMPLES))
    with open_deployment(context.folder(ARTIFACT), options.deployment) as default:
        both = tuned.measure_tuned(default, measuring, examples)
        _refuse_two_sessions(monkeypatch)
        refused = tuned.measure_tuned(default, measuring, examples)
    own = Setting(1, THREADS, 512)
    assert both.samples == refused.samples == 4  # of the 16: those that the search had
    assert asdict(both.setting) == chosen and both.default == own and len(both.pairs or ()) == 5 and not both.reason
    assert refused.pairs is None and refused.reason == "no memory for two"
    kept = tuned_over_processes([refused])
    assert kept is not None and kept.setting == own
    (tmp_path / tuned.FILE).write_text(json.dumps(both.model_dump()))
    assert tuned.read_tuned_pairs(tmp_path) == both


def _fits(folder: Path, backend: str, sessions: int, threads: int) -> bool:
    (folder / "model.onnx").write_bytes(bytes(SIZE))
    return tuning._fits(sessions, threads, folder, deployment_options(backend=backend))


@pytest.mark.parametrize(
    ("sessions", "threads", "fits"),
    [
        (1, 4, True),  # what the study asks for is always tried
        (2, 2, True),  # 2 sessions x 2 copies x 1000 bytes: half of 8000
        (3, 2, False),
        (4, 1, True),  # one session serves all callers
    ],
)
def test_sessions_with_their_own_weights_stay_within_half_of_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sessions: int, threads: int, fits: bool
) -> None:
    monkeypatch.setattr(tuning, "usable_memory", lambda: 8 * SIZE)
    assert _fits(tmp_path, "onnxruntime-cpu", sessions, threads) is fits


def test_openvino_loads_the_weights_for_every_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "usable_memory", lambda: 8 * SIZE)
    assert _fits(tmp_path, "openvino-cpu", 2, 1) and not _fits(tmp_path, "openvino-cpu", 4, 1)
