"""A recipe of TextAttack's that needs no resources, on deployments of the embedded family."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.end_to_end.driver import scalemodel

STUDY = """
study: misspelt
formats: [onnx-fp32, onnx-int8-dynamic]
performance: null
tasks:
  text-classification:
    reference: tiny
    labels: [negative, positive]
    models: {tiny: {checkpoint: {embedded: tiny}}}
    data:
      train: {embedded: train, size: 60}
      evaluation: {embedded: evaluation, size: 60}
    verification_examples: 8
    max_length: 128
    execution_floor: false
    characteristics:
      bootstrap: 100
      representation: {k: [5]}
      attack: {recipe: deepwordbug, sample: 8}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "misspelt.yaml"
    path.write_text(STUDY)
    return path


@pytest.mark.nightly
def test_deepwordbug_on_two_deployments(config: Path, tmp_path: Path) -> None:
    done = scalemodel("run", config, "--store", tmp_path / "runs", "--full")
    assert done.returncode == 0, done.stderr
    assert "TextAttack's deepwordbug on 8 texts" in " ".join(done.stdout.split())
    (results,) = (tmp_path / "runs").glob("*/results.json")
    attack = json.loads(results.read_text())["tasks"]["text-classification"]["characteristics"]["adversarial_attack"]
    fp32, int8 = "tiny/onnx-fp32@onnxruntime-cpu", "tiny/onnx-int8-dynamic@onnxruntime-cpu"
    assert attack["deployments"][fp32]["success_rate"]["value"] > 0
    rows = {row["source"]: row for row in attack["transfers"]}
    assert set(rows) == {fp32, int8}
    assert rows[fp32]["rates"][fp32]["value"] == 1
    assert 0 <= rows[fp32]["rates"][int8]["value"] <= 1

    # What a recipe misspelt transfers to a deployment that is not attacked itself, and the attack is not made again.
    narrow = ("--set", f"tasks.text-classification.characteristics.attack.deployments=[{fp32}]")
    again = scalemodel("run", config, "--store", tmp_path / "runs", *narrow)
    assert again.returncode == 0, again.stderr
    assert "attacks: 0 steps to do, 1 reused" in again.stderr
    assert "transfers: 2 steps to do" in again.stderr
    (results,) = {*(tmp_path / "runs").glob("*/results.json")} - {results}
    attack = json.loads(results.read_text())["tasks"]["text-classification"]["characteristics"]["adversarial_attack"]
    assert attack["transfers"] == [rows[fp32]]


def test_a_recipe_without_its_resources_is_found_before_the_run(config: Path, tmp_path: Path) -> None:
    where = "tasks.text-classification.characteristics.attack"
    told = scalemodel("validate", config, "--set", f"{where}.recipe=pwws", NLTK_DATA=str(tmp_path), HOME=str(tmp_path))
    if told.returncode == 0:
        pytest.skip("this machine has WordNet in a place of its own")
    assert told.returncode == 2
    assert f"{where}.recipe: 'pwws' needs NLTK's WordNet" in told.stderr
    assert "python -m nltk.downloader wordnet" in told.stderr
    assert len(told.stderr.strip().splitlines()) == 1

    told = scalemodel("validate", config, "--set", f"{where}.candidates=4")
    assert told.returncode == 2
    assert f"{where}.candidates: the recipe 'deepwordbug' brings its own; remove it" in told.stderr

    told = scalemodel("validate", config, "--set", f"{where}.recipe=null")
    assert told.returncode == 2
    assert f"{where}.masked_language_model: is missing" in told.stderr
