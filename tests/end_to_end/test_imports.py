"""Kinds of processes, and the modules that each must do without: importing them takes longer than its work."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.driver import started
from tests.end_to_end.imports import recorded, recording

HEAVY = {
    *("torch", "transformers", "optimum", "accelerate", "datasets", "sklearn", "pandas", "scipy.stats", "textattack"),
    *("onnx", "onnxruntime", "openvino", "shap", "lime", "faiss"),
}
MODELS = {"checkpoint", "checkpoint_outputs", "artifact", "masked_language_model_artifact"}
ATTACKS = {"candidates", "attack", "random_swaps"}


def heavy(processes: list[tuple[set[str], set[str]]], kinds: set[str]) -> list[set[str]]:
    """What the processes that did steps of these kinds imported of it."""
    return [modules & HEAVY for steps, modules in processes if steps and steps <= kinds]


@pytest.fixture(scope="module")
def processes(imports: Path) -> list[tuple[set[str], set[str]]]:
    return recorded(imports)


def test_one_process_loads_checkpoints_and_exports_them(processes: list[tuple[set[str], set[str]]]) -> None:
    (imported,) = heavy(processes, MODELS)  # of both tasks
    assert imported == {"torch", "transformers", "optimum", "accelerate", "onnx", "onnxruntime"}


@pytest.mark.parametrize(
    ("kinds", "allowed"),
    [
        ({"verification"}, {"onnxruntime"}),
        ({"outputs", "performance"}, {"onnxruntime", "onnx"}),  # which writes the ceilings' graphs, after the peak
        (ATTACKS, {"onnxruntime"}),
        ({"transfer"}, set()),  # deployments are in child processes of their own
        ({"paired_speed_up"}, set()),
    ],
)
def test_a_deployment_brings_its_runtime_alone(
    processes: list[tuple[set[str], set[str]]], kinds: set[str], allowed: set[str]
) -> None:
    found = heavy(processes, kinds)
    assert found and set().union(*found) == allowed


def test_so_does_a_child_process(processes: list[tuple[set[str], set[str]]]) -> None:
    children = [modules & HEAVY for steps, modules in processes if not steps and "harness.cli" not in modules]
    assert children and set().union(*children) == {"onnxruntime"}


def test_comparing_needs_no_runtime(processes: list[tuple[set[str], set[str]]]) -> None:
    found = [(steps, modules & HEAVY) for steps, modules in processes if any(map(compares, steps))]
    assert len(found) == 2  # one a task
    for steps, imported in found:
        assert imported - {"faiss"} == ({"scipy.stats"} if "compare_explanation" in steps else set())


def compares(kind: str) -> bool:
    return kind.startswith("compare_")


def test_the_command_line_needs_none_of_it(processes: list[tuple[set[str], set[str]]]) -> None:
    (imported,) = [modules & HEAVY for steps, modules in processes if "harness.cli.run" in modules]
    assert imported <= {"faiss"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("validate", "CONFIG"),
        ("report", "RUN"),
        *(pytest.param(one, marks=pytest.mark.slow) for one in [("--help",), ("list", "formats"), ("list", "configs")]),
    ],
)
def test_nor_do_commands_that_only_read(
    arguments: tuple[str, ...], config: Path, run_folder: Path, tmp_path: Path
) -> None:
    places = {"CONFIG": str(config), "RUN": str(run_folder)}
    done = started(*(places.get(each, each) for each in arguments), **recording(tmp_path))
    assert done.returncode == 0, done.stderr
    ((_, modules),) = recorded(tmp_path)
    assert "harness.cli.main" in modules
    assert modules & HEAVY <= {"faiss", "onnxruntime"}  # which `validate` asks what it can run
