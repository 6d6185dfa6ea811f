"""Examples that two runs have read are stored by one of them, while the other's steps may be reading them."""

from pathlib import Path

import pytest

from harness.config.load import load_study
from harness.execution import run
from harness.execution.run import load_missing_examples
from harness.planning.plan import make_plan
from harness.store.steps import Store

CONFIGS = Path(__file__).parents[3] / "configs"


def test_what_another_run_has_stored_meanwhile_stays_as_it_is(tmp_path: Path) -> None:
    plan = make_plan(load_study(CONFIGS / "quickstart.yaml"))
    one, other = Store(tmp_path), Store(tmp_path)
    mine, theirs = load_missing_examples(plan, one), load_missing_examples(plan, other)
    theirs.write(other)
    files = [file for file in tmp_path.rglob("*") if file.is_file() and ".locks" not in file.parts]
    there = {file: file.stat().st_ctime_ns for file in files}
    assert len(mine.missing) > 1 and len(there) > len(mine.missing)
    mine.write(one)
    assert {file: file.stat().st_ctime_ns for file in files} == there


STUDY = """
study: small
formats: [onnx-fp32]
performance: null
tasks:
  text-classification:
    reference: tiny
    labels: [negative, positive]
    models: {tiny: {checkpoint: {embedded: tiny}}}
    data: {train: {table: large.csv}, evaluation: {table: small.csv}}
"""


def test_data_that_take_long_are_told_before_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run, "TAKES_LONG", 1000)
    Path("study.yaml").write_text(STUDY)
    for name, rows in (("large", 3000), ("small", 10)):
        Path(f"{name}.csv").write_text("text,label\n" + f"a text {name},1\n" * rows)
    plan, said = make_plan(load_study(Path("study.yaml"))), list[str]()
    load_missing_examples(plan, Store(tmp_path / "nowhere"), tell=said.append)
    assert said == ["reading train data of text-classification: large.csv ..."]
