"""Table of what a deployment achieves of its machine: operations and bytes a second against measured ceilings."""

from __future__ import annotations

from harness.report.blocks import About, Cell, Column, Table
from harness.report.numbers import UNKNOWN, decimals_for, fixed, mebibytes, percent
from harness.report.sections.rows import KEY, filled, rows_by_model, timing_cell
from harness.report.view import DeploymentView, TaskView
from harness.results.timings import Efficiency

GIGA = 1e9


def efficiency(task: TaskView) -> Table | None:
    """None where no deployment's operations are known."""
    known = {d.name: (d, found) for d in task.deployments if (found := _of(d)) and d.replicate_kind != "execution"}
    if not known:
        return None
    columns = (
        KEY,
        Column("GFLOP\na sample"),
        Column("GFLOP\nper s"),
        Column("of\nceiling %"),
        Column("weights\nMiB"),
        Column("read\nGB/s"),
        Column("of\nceiling %"),
        Column("ceiling\nGFLOP/s", optional=True),
        Column("ceiling\nGB/s", optional=True),
    )
    each = [found for _, found in known.values()]
    sample = decimals_for(found.operations_per_sample / GIGA for found in each)
    rate = decimals_for(_giga(found.operations_per_second) for found in each)
    read = decimals_for(_giga(found.bytes_per_second) for found in each)

    def cells(d: DeploymentView, found: Efficiency) -> tuple[Cell, ...]:
        return (
            Cell(fixed(found.operations_per_sample / GIGA, sample)),
            timing_cell(fixed(_giga(found.operations_per_second), rate), d.doubtful("offline")),
            Cell(percent(found.operations_share, 0)),
            Cell(fixed(mebibytes(found.weight_bytes), 1)),
            timing_cell(fixed(_giga(found.bytes_per_second), read), d.doubtful("single_stream")),
            Cell(percent(found.bytes_share, 0)),
            Cell(fixed(_giga(found.operations_ceiling), 0)),
            Cell(fixed(_giga(found.bytes_ceiling), 1)),
        )

    notes = (
        (
            "GFLOP: of the checkpoint's matrix products, padding not counted.",
            About(("GFLOP\nper s",), "per s: offline."),
            About(("read\nGB/s",), "read: the weights without embeddings, once a request of single-stream."),
        ),
        f"Ceilings, measured in the same processes: {_ceilings(each)}. Far below both and unmarked, it is neither "
        "arithmetic nor memory that limits.",
    )
    rows = rows_by_model(task, [(d, cells(d, found)) for d, found in known.values()])
    return filled(Table("Against the machine's ceilings", columns, rows, notes))


def _of(deployment: DeploymentView) -> Efficiency | None:
    return deployment.timings.efficiency if deployment.timings else None


def _ceilings(found: list[Efficiency]) -> str:
    """The highest of each kind: what else the machine did only takes from them."""
    products = {
        one.arithmetic: max(other.operations_ceiling or 0 for other in found if other.arithmetic == one.arithmetic)
        for one in found
        if one.arithmetic is not None
    }
    bytes_per_second = max((one.bytes_ceiling for one in found if one.bytes_ceiling is not None), default=None)
    told = [f"a product in {name} {fixed(best / GIGA, 0)} GFLOP/s" for name, best in sorted(products.items())]
    told += [] if bytes_per_second is None else [f"an addition {fixed(bytes_per_second / GIGA, 1)} GB/s"]
    return ", ".join(told) or UNKNOWN


def _giga(value: float | None) -> float | None:
    return None if value is None else value / GIGA
