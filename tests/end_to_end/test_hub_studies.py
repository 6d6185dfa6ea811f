"""Studies of models and data of the hub, against a stand-in of it over HTTP, with and without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.cli.configs import SHIPPED
from harness.results.gate_outcome import load_gate
from tests.end_to_end.driver import scalemodel
from tests.hub import Hub, serving
from tests.published import FINE_TUNED, publish_data, publish_fine_tuned, publish_models

pytestmark = pytest.mark.slow

NAME = "mrm8488/bert-tiny-finetuned-squadv2"
STUDY = f"""
study: of-the-hub
formats: [onnx-fp32]
backends: [onnxruntime-cpu]
tasks:
  question-answering:
    reference: tiny
    models: {{tiny: {{checkpoint: {{hub: {NAME}}}}}}}
    data: {{evaluation: {{hub: rajpurkar/squad_v2, split: validation}}}}
    verification_examples: 8
    question_answering: {{max_seq_length: 128, doc_stride: 32}}
"""


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving() as hub:
        yield hub


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "study.yaml").write_text(STUDY)
    return tmp_path / "study.yaml"


@pytest.fixture
def published(hub: Hub, tmp_path: Path) -> Hub:
    publish_fine_tuned(hub, tmp_path / "models", NAME)
    publish_data(hub, tmp_path / "data", size=20)
    return hub


def source(store: Path) -> dict[str, Any]:
    """What the artifact's manifest says that it was made from."""
    (manifest,) = store.glob("of-the-hub-*/artifacts/*/*/*/manifest.json")
    found: dict[str, Any] = json.loads(manifest.read_text())["source"]
    return found


def test_a_study_is_fetched_and_exported_without_a_network(published: Hub, study: Path, tmp_path: Path) -> None:
    folder, environment = tmp_path / "fetched", published.environment(tmp_path / "own")
    done = scalemodel("fetch", study, "--to", folder, **environment)
    assert done.returncode == 0, done.stderr
    model, data, whole, end = done.stdout.splitlines()
    assert model.startswith(f"model {NAME} at main (") and model.endswith("MB")
    assert data.startswith("dataset rajpurkar/squad_v2 at main (") and "at most" in data
    assert whole.startswith("in all at most ") and f"--offline {folder}" in end
    assert not (tmp_path / "own").exists() or not list((tmp_path / "own").rglob("*.bin"))

    published.asked.clear()
    moved = folder.rename(tmp_path / "copied to another machine")
    for command in ("validate", "export"):
        done = scalemodel(command, study, "--store", tmp_path / "runs", "--offline", moved, **environment)
        assert done.returncode == 0, done.stderr
    assert not published.asked
    made = source(tmp_path / "runs")
    assert (made["hub"], made["revision"], made["converted_from"]) == (NAME, "main", "pytorch_model.bin")
    manifest = json.loads((moved / "fetched-of-the-hub.json").read_text())
    assert made["commit"] == manifest["repositories"][0]["commit"]

    def offline(*more: str) -> str:
        done = scalemodel("run", study, "--store", tmp_path / "other", "--offline", moved, *more, **environment)
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1, done.stderr
        return done.stderr

    setting = "tasks.question-answering.models.tiny.checkpoint={hub: org/other}"
    assert "'org/other' at 'main' was not fetched: `scalemodel fetch` the study" in offline("--set", setting)
    assert "nothing was fetched there for other (fetched-other.json)" in offline("--set", "study=other")
    (weights,) = (place for place in map(moved.joinpath, manifest["files"]) if place.name == "pytorch_model.bin")
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert "pytorch_model.bin is not its manifest's file (SHA-256)" in offline()
    weights.unlink()
    assert "pytorch_model.bin is missing" in offline()


def test_a_branch_that_moves_changes_no_finished_step(published: Hub, study: Path, tmp_path: Path) -> None:
    def commit(store: Path) -> str:
        done = scalemodel("train", study, "--store", store, "--quiet", **published.environment(tmp_path / "cache"))
        assert done.returncode == 0, done.stderr
        (origin,) = (store / ".steps" / "checkpoint").glob("*/origin.json")
        return str(json.loads(origin.read_text())["commit"])

    first = commit(tmp_path / "one")
    second = publish_fine_tuned(published, tmp_path / "models", NAME, seed=1)
    assert first != second
    assert commit(tmp_path / "one") == first  # README or weights: a store keeps what it began with
    assert commit(tmp_path / "another") == second


def test_what_comes_otherwise_than_the_hub_has_it_is_refused(published: Hub, study: Path, tmp_path: Path) -> None:
    environment = published.environment(tmp_path / "own")
    published.damaged = True
    done = scalemodel("fetch", study, "--to", tmp_path / "fetched", **environment)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    line = done.stderr.splitlines()[-1]
    assert "pytorch_model.bin came otherwise than the hub has it" in line and line.endswith("fetch again")
    published.damaged = False
    assert scalemodel("fetch", study, "--to", tmp_path / "fetched", **environment).returncode == 0


def test_nothing_is_asked_of_a_network_that_is_off(published: Hub, study: Path, tmp_path: Path) -> None:
    environment = {**published.environment(tmp_path / "empty"), "HF_HUB_OFFLINE": "1"}
    done = scalemodel("run", study, "--store", tmp_path / "runs", **environment)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1
    assert f"cannot fetch {NAME!r}" in done.stderr and "(HF_HUB_OFFLINE, or no network)" in done.stderr
    setting = "tasks.question-answering.models.tiny.checkpoint={random: bert-tiny}"
    done = scalemodel("run", study, "--store", tmp_path / "runs", "--set", setting, **environment)
    told, error = done.stderr.splitlines()
    assert done.returncode == 2 and told.startswith("reading evaluation data of question-answering")
    assert "rajpurkar/squad_v2 (validation): cannot be loaded from the hub" in error
    assert not published.asked


SMALLER = (
    *("performance", "{scenarios: [single-stream], samples: 8, min_warmup_seconds: 0, "
      "max_warmup_seconds: 0.1, min_seconds: 0.05, min_count: 8, "
      "tune: false, paired_processes: 2}"),
    *("tasks.question-answering.recipe", "{epochs: 1, batch_size: 16, learning_rate: 1.0e-3, max_length: 128}"),
    *("tasks.question-answering.question_answering", "{max_seq_length: 128, doc_stride: 32}"),
    *("tasks.question-answering.data.bank", "60"),
    *("tasks.question-answering.execution_floor", "false"),
    *("tasks.question-answering.verification_examples", "8"),
    *("tasks.question-answering.characteristics", "{bootstrap: 100, representation: {k: [5]}, distribution: {k: 5}}"),
)  # fmt: skip
SMALLER_TEXTS = (
    *("tasks.text-classification.recipe", "{epochs: 1, batch_size: 16, learning_rate: 1.0e-3, max_length: 64}"),
    *("tasks.text-classification.max_length", "64"),
    *("tasks.text-classification.data.bank", "60"),
    *("tasks.text-classification.execution_floor", "false"),
    *("tasks.text-classification.verification_examples", "8"),
    *("tasks.text-classification.characteristics.bootstrap", "100"),
    *("tasks.text-classification.characteristics.representation.k", "[5]"),
    *("tasks.text-classification.characteristics.distribution.k", "5"),
    *("tasks.text-classification.characteristics.attack.sample", "2"),
)


LESS = ("formats", "[onnx-fp32]", "backends", "[onnxruntime-cpu]")


def run_as_it_ships(hub: Hub, folder: Path, name: str, smaller: tuple[str, ...]) -> tuple[Any, str]:
    """The results of a study that ships, on small models and data, and what it printed."""
    publish_models(hub, folder / "models")
    for seed, fine_tuned in enumerate(FINE_TUNED):
        publish_fine_tuned(hub, folder / "models", fine_tuned, seed)
    publish_data(hub, folder / "data")
    settings = [
        part for key, value in zip(smaller[::2], smaller[1::2], strict=True) for part in ("--set", f"{key}={value}")
    ]
    environment = hub.environment(folder / "cache")
    done = scalemodel("run", name, "--store", folder / "runs", "--quiet", *settings, **environment)
    assert done.returncode == 0, done.stderr
    (results,) = (folder / "runs").glob("*/results.json")
    return json.loads(results.read_text())["tasks"], done.stdout


def deployed(tasks: Any) -> int:
    return sum(len(task["deployments"]) for task in tasks.values())


@pytest.mark.nightly
def test_published_checkpoints_run_end_to_end_and_are_held_against_their_cards(hub: Hub, tmp_path: Path) -> None:
    trained = [SMALLER, SMALLER_TEXTS]
    smaller = [part for each in trained for part in zip(each[::2], each[1::2], strict=True) if "recipe" not in part[0]]
    tasks, report = run_as_it_ships(
        hub, tmp_path, "paper/published", LESS + tuple(text for pair in smaller for text in pair)
    )
    assert deployed(tasks) == 8 + 2
    claimed = tasks["question-answering"]["deployments"]["bert-large/onnx-fp32@onnxruntime-cpu"]["claimed"]
    assert claimed == {"exact": 0.7863, "f1": 0.8158, "accuracy": None, "within": 0.01}
    assert "of 7 checkpoints with claimed scores" in report


@pytest.mark.nightly
def test_mlperf_s_bert_runs_end_to_end_on_a_cpu(hub: Hub, tmp_path: Path) -> None:
    publish_fine_tuned(hub, tmp_path / "models", "ofirzaf/bert-large-uncased-squad")
    publish_data(hub, tmp_path / "data", size=40)
    settings = {
        "formats": "[onnx-fp32, onnx-fp16, onnx-int8-dynamic]",
        "backends": "[onnxruntime-cpu]",
        "performance.min_seconds": "0.1",
        "performance.max_warmup_seconds": "1",
        "performance.tune": "false",
        "tasks.question-answering.question_answering": "{max_seq_length: 128, doc_stride: 32}",
        "tasks.question-answering.verification_examples": "8",
    }
    sets = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    done = scalemodel(
        "run", "mlperf-bert", "--store", tmp_path / "runs", "--quiet", *sets, **hub.environment(tmp_path / "cache")
    )
    assert done.returncode in (0, 5), done.stderr  # random weights keep what F1 they have, or lose it
    (folder,) = (tmp_path / "runs").glob("mlperf-bert-*")
    gate = load_gate(folder)
    assert gate is not None
    limits = [(one.deployment, one.rule) for one in gate.outcomes]
    assert sorted(limits) == [
        (f"bert-large/onnx-{name}@onnxruntime-cpu", f"f1-kept at least {share} %")
        for name, share in (("fp16", "99"), ("fp16", "99.9"), ("int8-dynamic", "99"))
    ]
    timed = json.loads((folder / "performance.json").read_text())["tasks"]["question-answering"]
    assert all(found["server"]["bound_ms"] == 130 for found in timed.values())


@pytest.mark.nightly
def test_one_recipe_runs_end_to_end(hub: Hub, tmp_path: Path) -> None:
    shipped = yaml.safe_load((SHIPPED / "paper" / "one-recipe.yaml").read_text())["tasks"]
    kept = {  # one of each kind; that the whole file is a plan is tested with the plans
        "question-answering": ["bert-large", "distilbert", "bert-tiny", "bert-large-1"],
        "text-classification": ["bert-large", "bert-tiny"],
    }
    few = tuple(
        text
        for task, names in kept.items()
        for text in (f"tasks.{task}.models", json.dumps({name: shipped[task]["models"][name] for name in names}))
    )
    tasks, _ = run_as_it_ships(hub, tmp_path, "paper/one-recipe", LESS + SMALLER + SMALLER_TEXTS + few)
    assert deployed(tasks) == 4 + 2


@pytest.mark.nightly
def test_quantized_vs_distilled_runs_end_to_end(hub: Hub, tmp_path: Path) -> None:
    tasks, _ = run_as_it_ships(hub, tmp_path, "quantized-vs-distilled", SMALLER)
    assert deployed(tasks) == 14
