"""Studies, file names and folders cannot steer the terminal that they are told about in."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.end_to_end.driver import scalemodel

ESCAPE, BELL, CSI, OVERRIDE = "\x1b[31m", "\x07", "\x9b2J", "\u202e"
ALL = ESCAPE + BELL + CSI + OVERRIDE
STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
IN_YAML = r"\e[31m\a\x9b2J\u202e"

STUDY = """
study: mine
formats: [onnx-fp32]
tasks:
  text-classification:
    reference: big
    labels: [negative, positive]
    models: {big: {checkpoint: {random: bert-tiny}}}
    data:
      train: {embedded: train, size: 8}
      evaluation: {embedded: evaluation, size: 8}
"""


def told(*arguments: str | Path, cwd: Path, status: int = 2) -> str:
    """What is said, which holds nothing that steers and shows the escape for what would have."""
    done = scalemodel(*arguments, cwd=cwd)
    assert done.returncode == status, done.stderr
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert not STEERING.search(said), ascii(said)
    assert "\\x1b[31m" in said
    return said


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("study: mine", f'"{IN_YAML}": 1\nstudy: mine'),
        ("text-classification:", f'"{IN_YAML}":'),
        ("{big: {", f'{{"{IN_YAML}": {{}}, big: {{'),
        ("[negative, positive]", f'[negative, "{IN_YAML}", "{IN_YAML}"]'),
        ("reference: big", f'reference: "{IN_YAML}"'),
        ("{random: bert-tiny}", f'{{folder: "{IN_YAML}"}}'),
        ("{random: bert-tiny}", f'{{package: "{IN_YAML}"}}'),
        ("{random: bert-tiny}", f'{{embedded: "{IN_YAML}"}}'),
        ("{embedded: evaluation, size: 8}", f'{{table: "{IN_YAML}.csv"}}'),
    ],
)
def test_in_a_study(tmp_path: Path, before: str, after: str) -> None:
    (tmp_path / "study.yaml").write_text(STUDY.replace(before, after, 1))
    told("validate", "study.yaml", cwd=tmp_path)


def test_in_a_hub_id_that_can_be_none(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(STUDY.replace("{random: bert-tiny}", f'{{hub: "org/{IN_YAML}"}}'))
    told("validate", "study.yaml", cwd=tmp_path)


def test_in_names_on_the_command_line(tmp_path: Path) -> None:
    (tmp_path / f"{ALL}.yaml").write_text("study: [")
    told("validate", f"{ALL}.yaml", cwd=tmp_path)
    told("validate", f"no {ALL}.yaml", cwd=tmp_path)
    told(f"do{ALL}", cwd=tmp_path)
    told("list", f"{ALL}", cwd=tmp_path)
    (tmp_path / "study.yaml").write_text(STUDY)
    told("validate", "study.yaml", "--set", f"{ALL}=1", cwd=tmp_path)
    told("validate", "study.yaml", "--task", ALL, cwd=tmp_path)
    told("report", f"{ALL}", cwd=tmp_path)


def test_in_a_data_set(tmp_path: Path) -> None:
    (tmp_path / "reviews.csv").write_text(f"text,label\ngood,{ALL}\n")
    (tmp_path / "study.yaml").write_text(STUDY.replace("{embedded: evaluation, size: 8}", "{table: reviews.csv}"))
    told("validate", "study.yaml", cwd=tmp_path)


def test_in_the_folder_of_a_run(tmp_path: Path) -> None:
    run = tmp_path / "runs" / f"{ALL}-01234567"
    run.mkdir(parents=True)
    (run / "results.json").write_text(json.dumps({"version": 0}))
    told("list", "runs", cwd=tmp_path, status=0)
    told("report", cwd=tmp_path)


def test_in_a_file_name_that_is_no_utf_8(tmp_path: Path) -> None:
    done = scalemodel("validate", b"odd-\xff.yaml".decode(errors="surrogateescape"), cwd=tmp_path)
    assert done.returncode == 2 and "odd-\\udcff.yaml" in done.stderr
