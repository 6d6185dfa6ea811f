"""The transfer matrix: crafted on the row, replayed on the column."""

from __future__ import annotations

from benchmarks.statistics.bootstrap import UNDEFINED
from harness.report.blocks import Block, Cell, Column, Row, Table
from harness.report.numbers import count, fixed, percent
from harness.report.sections.matrices import one_a_model
from harness.report.sections.rows import MATRIX_AT_MOST, key
from harness.report.view import DeploymentView, TaskView


def transfer_matrix(task: TaskView, all_pairs: bool) -> list[Block]:
    """None where fewer than two deployments were attacked, or one got texts: the main table has it then."""
    sources = [d for d in task.measured if d.name in task.transfers]
    columns = _columns(task, sources, all_pairs)
    replayed_on = list(columns)
    if len(sources) < 2 or len(replayed_on) < 2:
        return []
    rows, widest = [], 0.0
    for one in sources:
        row = task.transfers[one.name]
        rates = {d.name: row.rates.get(d.name, UNDEFINED) for d in replayed_on}
        widest = max(widest, *((rate.width or 0.0) / 2 for rate in rates.values()))
        cells = [Cell(percent(rates[d.name].value, 0)) for d in replayed_on]
        rows.append(Row((key(task, one, one.short), Cell(count(row.n)), *cells)))
    notes = ["% of the texts crafted on the row that fool the column, of those whose original it has right."]
    if widest:
        notes.append(f"The widest 95 % interval is \u00b1{fixed(100 * widest, 0)} points.")
    heading = (Column("crafted on", right=False), Column("texts"), *columns.values())
    return [Table("Transfer: texts crafted on one, replayed on the others", heading, tuple(rows), tuple(notes))]


def _columns(task: TaskView, sources: list[DeploymentView], all_pairs: bool) -> dict[DeploymentView, Column]:
    """Those that were attacked and one FP32 a model, or all; where they are many, the FP32 are always shown."""
    targets = {name for row in task.transfers.values() for name in row.rates}
    replayed_on = [d for d in task.measured if d.name in targets]
    unquantized = one_a_model(task, replayed_on)
    if not all_pairs and len(replayed_on) > MATRIX_AT_MOST:
        replayed_on = [d for d in replayed_on if d in sources or d in unquantized]
    many = not all_pairs and len(replayed_on) > MATRIX_AT_MOST
    return {d: Column(f"[{d.number}]", optional=many and d not in unquantized) for d in replayed_on}
