"""A small study of the embedded family, and one finished run of it that the tests share."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.driver import run_study, started
from tests.end_to_end.imports import recording
from tests.shared import shared_folder

STUDY = """
study: small
formats: [onnx-fp32, onnx-int8-dynamic]
performance: {samples: 8, min_warmup_seconds: 0, max_warmup_seconds: 0.2, min_seconds: 0.05, min_count: 8, tune: false,
  paired_processes: 2}
tasks:
  question-answering:
    reference: reference
    models:
      reference: {checkpoint: {embedded: reference}}
      tiny: {checkpoint: {embedded: tiny}, formats: [onnx-fp32]}
    data:
      train: {embedded: train, size: 80}
      bank: 60
      evaluation: {embedded: evaluation, size: 60}
      out_of_distribution: {embedded: out-of-distribution, size: 40}
    question_answering: {max_seq_length: 128, doc_stride: 32}
    verification_examples: 8
    execution_floor: false
    characteristics: {bootstrap: 100, representation: {k: [5]}, distribution: {k: 5}}
  text-classification:
    reference: reference
    labels: [negative, positive]
    models:
      reference: {checkpoint: {embedded: reference}}
      tiny: {checkpoint: {embedded: tiny}, formats: [onnx-fp32]}
    data:
      train: {embedded: train, size: 80}
      bank: 60
      evaluation: {embedded: evaluation, size: 60}
      out_of_distribution: {embedded: out-of-distribution, size: 40}
    verification_examples: 40
    max_length: 128
    characteristics:
      bootstrap: 100
      representation: {k: [5]}
      distribution: {k: 5}
      attack: {masked_language_model: {checkpoint: {embedded: reviews}}, sample: 4}
      explanation: {sample: 2, samples: 20}
"""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first file that shares the run below goes first of all, so that no process comes to wait for it.

    pytest-xdist hands files out in the order of their tests.
    """
    sharing = (item.path for item in items if item.path.parent == Path(__file__).parent and "store" in _fixtures(item))
    first = next(sharing, None)
    items.sort(key=lambda item: item.path != first)


def _fixtures(item: pytest.Item) -> list[str]:
    return item.fixturenames if isinstance(item, pytest.Function) else []


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def write(folder: Path) -> None:
        (folder / "small.yaml").write_text(STUDY)

    return shared_folder(tmp_path_factory, "config", write) / "small.yaml"


@pytest.fixture(scope="session")
def store(config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one undisturbed run of the small study."""

    def run(folder: Path) -> None:
        done = started("run", config, "--store", folder / "runs", "--quiet", **recording(folder / "imports"))
        assert done.returncode == 0, done.stderr

    return shared_folder(tmp_path_factory, "undisturbed", run) / "runs"


@pytest.fixture(scope="session")
def imports(store: Path) -> Path:
    """What that run's processes imported: see `tests.end_to_end.imports`."""
    return store.parent / "imports"


def copy_steps(store: Path, destination: Path, *kinds: str) -> None:
    for kind in kinds:
        shutil.copytree(store / ".steps" / kind, destination / ".steps" / kind)


@pytest.fixture(scope="session")
def exported(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with nothing but what torch is needed for: of the small study, or another one of the same models."""
    kinds = ("checkpoint", "artifact", "masked_language_model_artifact", "checkpoint_outputs")

    def copy(folder: Path) -> None:
        copy_steps(store, folder, *kinds)

    return shared_folder(tmp_path_factory, "exported", copy)


@pytest.fixture(scope="session")
def run_folder(store: Path) -> Path:
    (folder,) = [path.parent for path in store.glob("*/results.json")]
    return folder


@pytest.fixture(scope="module")
def run(folder: Path) -> Path:
    """Of the study in a module's own ``folder``."""
    return run_study(folder)


@pytest.fixture(scope="module")
def tasks(run: Path) -> dict[str, Any]:
    """Its results, by task."""
    found: dict[str, Any] = json.loads((run / "results.json").read_text())["tasks"]
    return found
