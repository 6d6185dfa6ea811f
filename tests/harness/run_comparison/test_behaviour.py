"""Two runs of known answers: what changed is counted, and what was not asked alike is not compared."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from harness.run_comparison.behaviour import AnswerChanges, Behaviour
from harness.run_comparison.render import render
from harness.run_comparison.runs import read_pair
from harness.run_comparison.verdicts import Comparison, compare
from harness.store.run_folder import outputs_in
from tests.harness.report import synthetic_results as synthetic
from tests.harness.run_comparison.timed_runs import DEPLOYMENTS, write_run

TASK = synthetic.TEXT
EXAMPLES = 400
REFERENCE, OTHER = DEPLOYMENTS[0], DEPLOYMENTS[2]


def write_answers(folder: Path, deployment: str, flipped: int = 0, *, first: int = 0, seed: int = 0) -> None:
    """Answers to examples from ``first`` on, in an order of their own; the first ``flipped`` of them turned."""
    labels = np.arange(EXAMPLES) % 2
    predictions = np.where(np.arange(EXAMPLES) % 10 == 9, 1 - labels, labels)
    predictions[:flipped] = 1 - predictions[:flipped]
    near = np.random.default_rng(0).normal(size=(EXAMPLES, 8)).astype(np.float32)
    table = pa.table(
        {
            "id": [str(first + i) for i in range(EXAMPLES)],
            "group": [str(i) for i in range(EXAMPLES)],
            "label": labels,
            "prediction": predictions,
            "correct": (predictions == labels).astype(float),
            "representation": list(near),
        }
    )
    path = outputs_in(folder, TASK, deployment, "evaluation")
    path.parent.mkdir(parents=True)
    pq.write_table(table.take(pa.array(np.random.default_rng(seed).permutation(EXAMPLES))), path)


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    return (
        write_run(tmp_path / "a", seed=1, results=synthetic.small(TASK), study={}),
        write_run(tmp_path / "b", seed=2, results=synthetic.small(TASK), study={}),
    )


def compared(a: Path, b: Path) -> Comparison:
    return compare(read_pair(a, b), minimum_effect=0.05)


def of(comparison: Comparison, deployment: str) -> Behaviour:
    (found,) = [one for one in comparison.behaviour if one.answered.name == deployment]
    return found


def answers(comparison: Comparison, deployment: str) -> AnswerChanges:
    found = of(comparison, deployment).answers
    assert found is not None
    return found


def test_changed_answers_are_counted_whatever_their_order(runs: tuple[Path, Path]) -> None:
    a, b = runs
    for deployment, flipped in ((REFERENCE, 0), (OTHER, 60)):
        write_answers(a, deployment)
        write_answers(b, deployment, flipped, seed=1)
    comparison = compared(a, b)
    same, other = answers(comparison, REFERENCE), answers(comparison, OTHER)
    assert same.changes.disagreement is not None and same.changes.disagreement.value == 0
    assert same.neighbours.value == 1
    assert other.changes.disagreement is not None and other.changes.disagreement.value == 60 / EXAMPLES
    assert (other.changes.newly_wrong, other.changes.newly_right) == (54, 6)
    assert other.score.conclusion == "different" and other.score.change.value == pytest.approx(-48 / EXAMPLES)
    assert [one.answered.name for one in comparison.behaviour if one.answers] == [REFERENCE, OTHER]


def test_other_examples_are_told_and_not_compared(runs: tuple[Path, Path]) -> None:
    a, b = runs
    write_answers(a, REFERENCE)
    write_answers(b, REFERENCE, first=1)
    found = of(compared(a, b), REFERENCE)
    assert found.answers is None and found.reason == "the runs asked other examples"
    assert of(compared(a, b), OTHER).reason == "a run's folder has no outputs of it"
    assert found.before.ood_auroc.value is not None and found.before.score.value is not None


def test_a_run_without_timings_is_compared_by_its_answers(tmp_path: Path) -> None:
    a, b = (write_run(tmp_path / name, seed=0, results=synthetic.without_performance(), study={}) for name in "ab")
    write_answers(a, REFERENCE)
    write_answers(b, REFERENCE, 60)
    comparison = compared(a, b)
    assert comparison.figures == () and answers(comparison, REFERENCE).changes.newly_wrong == 54


def test_every_format_has_them(runs: tuple[Path, Path]) -> None:
    a, b = runs
    write_answers(a, OTHER)
    write_answers(b, OTHER, 60)
    comparison = compared(a, b)

    def printed(**options: Any) -> str:
        stream = io.StringIO()
        render(comparison, console=Console(file=stream, width=120), **options)
        return stream.getvalue()

    assert "text-classification: behaviour" in printed() and "15.0" in printed()
    assert "Answers of B against those of A" in printed(format="markdown")
    (told,) = [one for one in json.loads(printed(format="json"))["behaviour"] if one["answers"]]
    assert told["deployment"] == OTHER and told["answers"]["changes"]["newly_wrong"] == 54
