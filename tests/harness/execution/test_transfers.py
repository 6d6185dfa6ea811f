"""Adversarial texts are transferred to and from deployments that passed their verification, and to no others."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from harness.config.load import load_study
from harness.errors import REFUSED
from harness.execution import run
from harness.execution.processes import StepFailure
from harness.execution.run import Execution, Silent
from harness.planning.plan import make_plan
from harness.steps import transfer
from harness.store.run_folder import RunFolder
from harness.store.steps import Store

STUDY = """
study: transferred
formats: [onnx-fp32, onnx-int8-dynamic, onnx-int8-static]
performance: null
tasks:
  text-classification:
    reference: reference
    labels: [negative, positive]
    models:
      reference: {checkpoint: {embedded: reference}}
    data:
      train: {embedded: train, size: 8}
      evaluation: {embedded: evaluation, size: 8}
    calibration: 8
    execution_floor: false
    characteristics: {attack: {masked_language_model: {checkpoint: {embedded: reviews}}, sample: 8}}
"""


class Finished(Store):
    """A store in which every step was done, before one of the deployments failed."""

    def has(self, kind: str, key: str) -> bool:
        return True


def test_what_was_refused_is_no_source_and_no_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "study.yaml").write_text(STUDY)
    study = load_study(tmp_path / "study.yaml")
    plan = make_plan(study)
    refused, *others = reversed(plan.deployments)
    folder = RunFolder.of(study, tmp_path / "runs", None)
    execution = Execution(plan, Finished(tmp_path / "runs"), folder, io.StringIO(), Silent())
    execution.failures[refused.verification.key] = StepFailure(refused.verification, REFUSED, "it is far off", None)
    monkeypatch.setattr(run, "comparisons", lambda *_: {})  # they read what the store has only in words
    execution.execute()
    passed = {planned.deployment.name for planned in others}
    assert len(passed) == 2 and {step.subject["deployment"] for step in execution.transfers} == passed
    for step in execution.transfers:
        assert isinstance(step.inputs, transfer.Inputs) and step.inputs.attacks.keys() == passed
