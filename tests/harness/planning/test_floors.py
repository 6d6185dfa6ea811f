"""Floors that deployments are held against."""

from __future__ import annotations

from pathlib import Path

from benchmarks.statistics.equivalence import Floor
from harness.config.deployments import EXECUTION_REPLICATE, deployments
from harness.config.load import load_study
from harness.planning.comparisons import floors

STUDY = """
study: seeds
formats: [onnx-fp32]
tasks:
  text-classification:
    reference: large
    labels: [negative, positive]
    models:
      large: {checkpoint: {random: bert-mini}, training: {}, formats: [onnx-fp32, onnx-int8-dynamic]}
      large-1: {checkpoint: {random: bert-mini}, training: {seed: 1}, replicate_of: large}
      student: {checkpoint: {cut: large, layers: [0]}, training: {distillation: {}}}
      student-1: {checkpoint: {cut: large, layers: [0]}, training: {distillation: {}, seed: 1}, replicate_of: student}
    recipe: {}
    data: {train: {table: train.csv}, evaluation: {table: dev.csv}}
"""
REFERENCE, SEED, STUDENT = (f"{model}/onnx-fp32@onnxruntime-cpu" for model in ("large", "large-1", "student"))


def test_students_are_held_against_the_reference_s_seeds_and_replicates_against_nothing(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(STUDY)
    study = load_study(tmp_path / "study.yaml")
    by_name = {one.name: one for one in deployments(study, "text-classification")}
    rerun = REFERENCE + EXECUTION_REPLICATE
    found = floors(study.tasks["text-classification"], by_name, REFERENCE, [*by_name, rerun])
    assert found == {
        "large/onnx-int8-dynamic@onnxruntime-cpu": Floor("execution", (rerun,)),
        STUDENT: Floor("seed", (SEED,)),
    }
