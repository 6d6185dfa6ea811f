"""A live deployment: chunks, budgets and openings side by side change nothing that it says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from backends.backend import Backend
from benchmarks.attack import batched_search
from benchmarks.attack.bert_attack import attack
from benchmarks.attack.results import AttackSettings, Mode
from exporters.artifact import export
from harness.checkpoints.materialize import materialize
from harness.config.checkpoints import EmbeddedCheckpoint
from harness.demo.corpora import LABELS, generate
from harness.examples.records import TextExample
from harness.inference import deployment as live
from harness.inference.deployment import DeploymentRunner, one_session_a_thread, open_deployment, overlapped
from harness.inference.latency_breakdown import latency_breakdown
from harness.tasks.columns import matrix
from tests.harness.options import deployment_options

OPTIONS = deployment_options(token_budget=256)
EXAMPLES = generate("text-classification", "evaluation", 50, 0)


@pytest.fixture(scope="module")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("live")
    (folder / "artifact").mkdir()
    materialize(
        EmbeddedCheckpoint(embedded="small"),
        folder / "checkpoint",
        task="text-classification",
        labels=LABELS,
        seed=0,
        resolve=Path,
    )
    export(
        "onnx-fp32",
        folder / "checkpoint",
        folder / "artifact",
        task="text-classification",
        pooling="cls",
        calibration=None,
    )
    return folder / "artifact"


@pytest.fixture
def deployment(artifact: Path) -> Iterator[DeploymentRunner]:
    with open_deployment(artifact, OPTIONS) as opened:
        yield opened


@pytest.mark.parametrize(
    ("count", "sizes"),
    [
        (0, [0]),
        (1, [1]),
        (511, [511]),
        (513, [257, 256]),
        (1200, [300] * 4),
        (8192, [2048] * 4),
        (8194, [1639] * 4 + [1638]),
    ],
)
def test_chunks_overlap_and_are_neither_small_nor_large(count: int, sizes: list[int]) -> None:
    examples = [TextExample(str(number), "", "a", 0) for number in range(count)]
    chunks = live._chunks(examples, live.CHUNKS)
    assert [len(chunk) for chunk in chunks] == sizes
    assert [len(chunk) for chunk in live._chunks(examples, 1)] == (sizes if count > 8000 else [count])
    assert [example for chunk in chunks for example in chunk] == examples


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_chunks_give_the_rows_of_one_piece(
    deployment: DeploymentRunner, monkeypatch: pytest.MonkeyPatch, device: str
) -> None:
    texts = [example.text for example in EXAMPLES if isinstance(example, TextExample)]
    whole = deployment.table(EXAMPLES)
    asked = deployment.scores(texts)
    monkeypatch.setattr(type(deployment.backend), "device", device)
    monkeypatch.setattr(live, "SMALLEST_CHUNK", 5)
    monkeypatch.setattr(live, "LARGEST_CHUNK", 7)
    chunks: list[int] = []

    def noting(*stages: Any) -> Any:
        chunks.append(len(stages[0]))
        return overlapped(*stages)

    monkeypatch.setattr(live, "overlapped", noting)
    deployment.table(EXAMPLES)
    assert chunks == ([8] if device == "cuda" else [])
    np.testing.assert_array_equal(deployment.scores(texts), asked)
    cut = deployment.table(EXAMPLES)
    assert cut.schema == whole.schema
    assert cut["id"].to_pylist() == whole["id"].to_pylist() == [example.id for example in EXAMPLES]
    assert cut["prediction"].to_pylist() == whole["prediction"].to_pylist()
    np.testing.assert_allclose(matrix(cut, "logits"), matrix(whole, "logits"), rtol=0, atol=1e-5)


@pytest.mark.parametrize("split", [{"sessions": 2, "threads": 1}, {"sessions": 2, "threads": 2}])
def test_sessions_side_by_side_give_the_same_rows(
    deployment: DeploymentRunner, artifact: Path, split: dict[str, int]
) -> None:
    alone = deployment.table(EXAMPLES)
    with open_deployment(artifact, OPTIONS.model_copy(update=split)) as several:
        assert several.workers is not None and len(several.workers) == 2
        together = several.with_budget(64).table(EXAMPLES)
    assert together["prediction"].to_pylist() == alone["prediction"].to_pylist()
    np.testing.assert_allclose(matrix(together, "logits"), matrix(alone, "logits"), rtol=0, atol=1e-5)


def test_queries_have_the_same_scores_on_a_session_a_thread(artifact: Path) -> None:
    """To the last bit, whatever else is asked and however many threads there are: the attack promises it."""
    texts = [example.text for example in EXAMPLES if isinstance(example, TextExample)]
    assert len(texts) == len(EXAMPLES)
    with open_deployment(artifact, OPTIONS.model_copy(update={"threads": 2})) as together:
        expected = together.scores(texts)
    split = one_session_a_thread(OPTIONS.model_copy(update={"threads": 2}))
    assert (split.sessions, split.threads) == (2, 1)
    with open_deployment(artifact, split) as several:
        assert (
            several.workers is not None and several.workers.backends == (several.backend,) * 2
        )  # so the weights are there once
        np.testing.assert_array_equal(several.with_budget(64).scores(texts), expected)
        alone = [several.scores([text])[0] for text in texts]
    np.testing.assert_array_equal(np.stack(alone), expected)


def test_texts_that_are_the_same_input_are_inferred_once(deployment: DeploymentRunner) -> None:
    """What truncation cuts off makes no difference: to the last bit, and no work either."""
    texts = [example.text for example in EXAMPLES[:6] if isinstance(example, TextExample)]
    long = " ".join(f"{text} {text}" for text in texts)
    assert len(deployment.encode([TextExample("", "", long, 0)]).inputs["input_ids"][0]) == OPTIONS.task.max_length
    asked = [texts[0], long, f"{long} more", texts[1], texts[0], f"{long} and more", f"other {long}"]
    inferred = []

    class Counting:
        def __getattr__(self, name: str) -> Any:
            return getattr(deployment.backend, name)

        def infer(self, feeds: dict[str, Any]) -> Any:
            inferred.append(len(feeds["input_ids"]))
            return deployment.backend.infer(feeds)

    found = replace(deployment, backend=cast("Backend", Counting())).scores(asked)
    assert sum(inferred) == 4
    np.testing.assert_array_equal(found, np.concatenate([deployment.scores([text]) for text in asked]))


def test_groups_of_any_size_find_the_same_texts(artifact: Path) -> None:
    """FP32 on two sessions of one thread, as a study attacks."""
    replacements = ["plain", "remarkable", "never", "hardly"]
    short = [(one.id, " ".join(one.text.split()[:20])) for one in EXAMPLES[:12] if isinstance(one, TextExample)]
    with open_deployment(artifact, one_session_a_thread(OPTIONS.model_copy(update={"threads": 2}))) as opened:
        before = opened.scores([text for _, text in short]).argmax(axis=1)
        examples = [(id_, text, int(label)) for (id_, text), label in zip(short, before, strict=True)]
        one, eight, all_ = (
            list(
                attack(
                    opened.scores,
                    examples,
                    candidates=lambda _, spans: [replacements for _ in spans],
                    batch_size=size,
                )
            )
            for size in (1, 8, 64)
        )
    assert one == eight == all_
    assert len(one) == 12
    assert all(result.queries > 5 for result in one)


@pytest.mark.parametrize(("mode", "words"), [("corrected", 10_000), ("reference", 1_000)])
def test_a_long_text_is_attacked_in_calls_of_bounded_size(
    deployment: DeploymentRunner, monkeypatch: pytest.MonkeyPatch, mode: Mode, words: int
) -> None:
    """In the corrected mode the words that may change are those that the masked language model reads."""
    monkeypatch.setattr(batched_search, "CHARACTERS_A_CALL", 500_000)
    some = [word for example in EXAMPLES if isinstance(example, TextExample) for word in example.text.split()]
    text = " ".join((some * (words // len(some) + 1))[:words])
    [before] = deployment.scores([text])
    calls = []

    def predict(texts: Sequence[str]) -> Any:
        calls.append(sum(map(len, texts)))
        return deployment.scores(texts)

    [found] = attack(
        predict,
        [("1", text, int(before.argmax()))],
        candidates=lambda _, spans: [["unusual"]] * 60 + [[]] * (len(spans) - 60),
        settings=AttackSettings(mode=mode),
    )
    assert found.status in ("failed", "succeeded")
    assert found.queries > (words if mode == "reference" else 30)
    assert len(calls) > 5
    assert max(calls) < 500_000 + len(text)


def test_a_backend_whose_sessions_share_nothing_keeps_its_threads() -> None:
    options = OPTIONS.model_copy(update={"backend": "openvino-cpu", "threads": 2})
    assert one_session_a_thread(options) == options


def test_every_stage_has_its_seconds(deployment: DeploymentRunner) -> None:
    found = latency_breakdown(deployment, EXAMPLES)
    for stages in (found.request, found.batch):
        assert stages is not None and all(milliseconds > 0 for _, milliseconds in stages)
