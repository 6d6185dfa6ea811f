"""The step `paired_speed_up` on real artifacts: two processes that take turns, and whose crash is told."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path

import psutil
import pytest

from exporters.artifact import export
from harness.checkpoints.materialize import materialize
from harness.config.checkpoints import EmbeddedCheckpoint
from harness.demo.corpora import generate
from harness.errors import CRASHED, REFUSED, StepFailed
from harness.steps import paired_speed_up
from harness.steps.context import Context
from harness.steps.paired_speed_up import FILE, Side, read_pairs
from harness.store.examples import write_examples
from harness.store.step import Step, StepRef
from harness.store.steps import Store
from tests.harness.options import deployment_options

TASK = "text-classification"
SAMPLES = 12


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The artifacts `tiny` and `small`, and examples."""
    root = tmp_path_factory.mktemp("store")
    store = Store(root)
    for model in ("tiny", "small"):
        artifact, checkpoint = store.path("artifact", model), root / model
        artifact.mkdir(parents=True)
        source = EmbeddedCheckpoint(embedded=model)
        labels = ("negative", "positive")
        materialize(source, checkpoint, task=TASK, labels=labels, seed=0, resolve=Path, allow_new_head=False)
        export("onnx-fp32", checkpoint, artifact, task=TASK, pooling="cls")
    examples = store.path("examples", "e")
    examples.mkdir(parents=True)
    write_examples(examples, generate(TASK, "evaluation", 40, 0))
    return store


def context_of(store: Store, candidate: str, seed: int = 0) -> Context[paired_speed_up.Options, paired_speed_up.Inputs]:
    options = paired_speed_up.Options(
        deployment=deployment_options(),
        reference=deployment_options(),
        samples=SAMPLES,
        min_seconds=0.05,
        replicate=0,
        seed=seed,
        machine={},
    )
    inputs = paired_speed_up.Inputs(
        artifact=StepRef(kind="artifact", key=candidate),
        reference=StepRef(kind="artifact", key="small"),
        examples=StepRef(kind="examples", key="e"),
    )
    step = Step("paired_speed_up", f"p{candidate}", "measure", "pairs", {}, options, inputs)
    return Context(step, store, store.begin(step), io.StringIO())


def children() -> set[psutil.Process]:
    """Of this process; what other tests started, such as a forkserver, among them."""
    return set(psutil.Process().children())


def test_pairs_are_kept_raw_and_no_process_is_left(store: Store) -> None:
    context, others = context_of(store, "tiny"), children()
    paired_speed_up.run(context)
    assert [path.name for path in context.destination.iterdir()] == [FILE]
    pairs = read_pairs(context.destination)
    assert len(pairs) >= 15 and {pair.reference_first for pair in pairs} == {True, False}
    for pair in pairs:
        assert len(pair.samples) == len(pair.reference) == len(pair.candidate)
        assert set(pair.samples) <= set(range(SAMPLES))
        assert min(*pair.reference, *pair.candidate) > 0
    assert children() <= others
    assert '"what": "pairs of bursts", "fraction": 0.0' in context.events.getvalue()  # type: ignore[attr-defined]


def test_a_candidate_that_cannot_be_opened_says_why(store: Store) -> None:
    broken = store.path("artifact", "broken")
    shutil.copytree(store.path("artifact", "tiny"), broken, dirs_exist_ok=True)
    (broken / "model.onnx").write_bytes(b"no model")
    others = children()
    with pytest.raises(StepFailed, match=r"model\.onnx") as caught:
        paired_speed_up.run(context_of(store, "broken"))
    assert caught.value.status == REFUSED
    assert children() <= others


def test_each_is_in_a_process_of_its_own_whose_death_is_told(store: Store) -> None:
    side = Side.of(store.path("artifact", "tiny"), deployment_options(), generate(TASK, "evaluation", 4, 0))
    assert len(side.requests) == 4
    others = children()
    assert [request["input_ids"].shape[1] for request in side.requests] == side.lengths
    with side.timed() as one, side.timed() as other:
        assert len(one([0, 3, 3])) == 3 and len(other([])) == 0
        (_, second) = sorted(children() - others, key=lambda process: process.pid)
        os.kill(second.pid, 9)
        with pytest.raises(StepFailed, match="SIGKILL") as caught:
            other([1])
        assert caught.value.status == CRASHED
        assert len(one([1])) == 1
