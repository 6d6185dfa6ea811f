"""The `model-index` is one that huggingface_hub reads back."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from huggingface_hub import EvalResult
from huggingface_hub.repocard_data import model_index_to_eval_results

from harness.errors import UserError
from harness.gate.model_card import model_index
from harness.results.read import load_results
from tests.harness.gate.gated_runs import NEAR, REFERENCE, TASK, gated_run


def read_back(text: str) -> list[EvalResult]:
    _, results = model_index_to_eval_results(yaml.safe_load(text)["model-index"])
    return results


def test_the_hub_reads_the_figures_back(tmp_path: Path) -> None:
    run = load_results(gated_run(tmp_path / "run"))
    results = read_back(model_index(run, NEAR))
    figures = {result.metric_type: result for result in results}
    assert {result.task_type for result in results} == {TASK}
    assert figures["accuracy"].metric_value == pytest.approx(88.0)
    assert figures["changed"].metric_value == pytest.approx(9.0)
    assert "95 % interval" in str(figures["changed"].metric_name) and REFERENCE in str(figures["changed"].metric_name)
    own = read_back(model_index(run, REFERENCE))
    assert "accuracy" in {result.metric_type for result in own} and not any(
        "against" in str(r.metric_name) for r in own
    )


def test_a_deployment_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--model-card nobody: there is none with figures"):
        model_index(load_results(gated_run(tmp_path / "run")), "nobody")
