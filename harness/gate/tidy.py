"""The figures of a run as a tidy table (Wickham 2014): a row for each deployment and figure, as CSV or Parquet.

The figures are those that a policy may limit, with their units. `COLUMNS` is the schema, which docs/python.md tells.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.config.figures import FIGURES, Figure
from harness.errors import UserError
from harness.gate.readings import READERS, Reading
from harness.report.view import DeploymentView, TaskView, tasks_of
from harness.results.read import RunResults
from harness.store.atomic import reporting_unwritable, write_bytes

if TYPE_CHECKING:
    import pyarrow as pa

COLUMNS = {
    "study": "string",
    "task": "string",
    "deployment": "string",
    "model": "string",
    "format": "string",
    "backend": "string",
    "reference": "string",
    "replicate": "string",
    "figure": "string",
    "of": "string",
    "value": "double",
    "low": "double",
    "high": "double",
    "unit": "string",
    "examples": "int64",
    "floor": "double",
    "floor_kind": "string",
    "verdict": "string",
    "doubt": "string",
}
"""Names and Arrow types; what is not known is null, in CSV nothing."""


def tidy_table(run: RunResults) -> pa.Table:
    """Every figure that is known of every deployment, in the order of the report."""
    from harness.data.arrow import pa

    rows = [
        {"study": run.results.study, **_about(task, deployment), **row}
        for task in tasks_of(run)
        for deployment in task.deployments
        for row in _figures(task, deployment)
    ]
    schema = pa.schema([(name, pa.type_for_alias(kind)) for name, kind in COLUMNS.items()])
    return pa.Table.from_pylist(rows, schema=schema)


def write_tidy(run: RunResults, file: Path) -> None:
    """Raises UserError: a suffix that is neither .csv nor .parquet, or a file that cannot be written."""
    from pyarrow import csv

    from harness.data.arrow import pa, pq

    suffix = file.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise UserError(f"--table {file}: is neither .csv nor .parquet; end the file's name in one of them")
    content = pa.BufferOutputStream()
    (csv.write_csv if suffix == ".csv" else pq.write_table)(tidy_table(run), content)
    with reporting_unwritable(f"--table {file}"):
        write_bytes(file, content.getvalue().to_pybytes())


def _about(task: TaskView, deployment: DeploymentView) -> dict[str, Any]:
    return {
        "task": task.name,
        "deployment": deployment.name,
        "model": deployment.model,
        "format": deployment.result.format,
        "backend": deployment.result.backend,
        "reference": task.reference,
        "replicate": deployment.replicate_kind,
    }


def _figures(task: TaskView, deployment: DeploymentView) -> Iterator[dict[str, Any]]:
    for name, figure in FIGURES.items():
        if figure.of_pair and deployment.name == task.reference:
            continue
        for part in task.recalls if figure.of else ("",):
            reading = READERS[name](task, deployment, part)
            if reading is not None and reading.estimate.value is not None:
                yield {"figure": name, "of": part or None, **_row(figure, reading)}


def _row(figure: Figure, reading: Reading) -> dict[str, Any]:
    estimate, verdict = reading.estimate, reading.verdict
    ends = {name: getattr(estimate, name) for name in ("value", "low", "high")}
    floor = verdict.floor.value if verdict else None
    if floor is not None and figure.better == "larger":  # the floor is of a distance, the figure 1 less it
        floor = 1 - floor
    return {
        **{name: None if end is None else end / figure.scale for name, end in ends.items()},
        "unit": figure.unit or None,
        "examples": reading.examples,
        "floor": None if floor is None else floor / figure.scale,
        "floor_kind": verdict.floor_kind if verdict else None,
        "verdict": verdict.conclusion if verdict else None,
        "doubt": reading.doubt or None,
    }
