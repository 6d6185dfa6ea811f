"""The tidy table: the policy's figures in their units, of every deployment, the same from CSV and Parquet."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from pyarrow import csv

from harness.config.figures import FIGURES
from harness.errors import UserError
from harness.gate.tidy import COLUMNS, tidy_table, write_tidy
from harness.report.view import tasks_of
from harness.results.read import load_results
from tests.harness.gate.gated_runs import NEAR, REFERENCE, RERUN, TASK, gated_run
from tests.harness.report import synthetic_results as synthetic
from tests.harness.report.synthetic_results import run_of

GUIDE = Path(__file__).parents[3] / "docs" / "python.md"


def test_a_row_is_a_figure_with_its_floor_and_verdict(tmp_path: Path) -> None:
    run = load_results(gated_run(tmp_path / "run", processes=8))
    rows = {(row["deployment"], row["figure"], row["of"]): row for row in tidy_table(run).to_pylist()}
    changed = rows[NEAR, "changed", None]
    (task,) = tasks_of(run)
    pair, overall = task.error_pairs["all"].between(REFERENCE, NEAR), task.overall
    assert pair is not None and pair.disagreement is not None and overall is not None
    assert changed["value"] == pytest.approx(9.0) and changed["unit"] == "%"
    assert changed["low"] == pytest.approx(100 * (pair.disagreement.low or 0))
    verdict = overall.verdicts.disagreement[NEAR]
    assert changed["floor"] == pytest.approx(100 * (verdict.floor.value or 0))
    assert (changed["verdict"], changed["floor_kind"]) == (verdict.conclusion, "seed")
    overlap = rows[NEAR, "error-overlap", None]
    assert overlap["floor"] == pytest.approx(1 - (overall.verdicts.jaccard[NEAR].floor.value or 0))
    assert (overlap["unit"], overlap["examples"], overlap["task"]) == (None, 600, TASK)
    assert (REFERENCE, "score", None) in rows and (REFERENCE, "changed", None) not in rows
    assert rows[RERUN, "changed", None]["replicate"] == "execution"


@pytest.mark.parametrize("name", synthetic.EVERY)
def test_every_kind_of_run_has_the_same_columns(name: str, tmp_path: Path) -> None:
    run = run_of(synthetic.EVERY[name]())
    table = tidy_table(run)
    assert {column.name: str(column.type) for column in table.schema} == COLUMNS
    assert set(table["figure"].to_pylist()) <= set(FIGURES)
    write_tidy(run, tmp_path / "t.parquet")
    assert pq.read_table(tmp_path / "t.parquet").equals(table)
    write_tidy(run, tmp_path / "t.csv")
    if table.num_rows:
        read = csv.read_csv(tmp_path / "t.csv", convert_options=csv.ConvertOptions(column_types=table.schema))
        assert read["value"].equals(table["value"]) and read["deployment"].equals(table["deployment"])


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    run = run_of(synthetic.small())
    for file, told in (("t.xlsx", "neither .csv nor .parquet"), ("no/t.csv", "cannot be written")):
        with pytest.raises(UserError, match=told):
            write_tidy(run, tmp_path / file)


def test_the_guide_tells_every_column() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    told = [line.split("|")[1:3] for line in text.splitlines() if line.startswith("| `") and line.count("|") == 4]
    named = {name.strip(): kind.strip() for names, kind in told for name in names.replace("`", "").split(",")}
    assert {name: kind for name, kind in named.items() if name in COLUMNS} == COLUMNS
