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
    known = {d.name: (d, figures) for d in task.deployments if (figures := _of(d)) and d.replicate_kind != "execution"}
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
    each = [figures for _, figures in known.values()]
    sample = decimals_for(figures.operations_per_sample / GIGA for figures in each)
    rate = decimals_for(_giga(figures.operations_per_second) for figures in each)
    read = decimals_for(_giga(figures.bytes_per_second) for figures in each)

    def cells(d: DeploymentView, figures: Efficiency) -> tuple[Cell, ...]:
        return (
            Cell(fixed(figures.operations_per_sample / GIGA, sample)),
            timing_cell(fixed(_giga(figures.operations_per_second), rate), d.doubtful("offline")),
            Cell(percent(figures.operations_share, 0)),
            Cell(fixed(mebibytes(figures.weight_bytes), 1)),
            timing_cell(fixed(_giga(figures.bytes_per_second), read), d.doubtful("single_stream")),
            Cell(percent(figures.bytes_share, 0)),
            Cell(fixed(_giga(figures.operations_ceiling), 0)),
            Cell(fixed(_giga(figures.bytes_ceiling), 1)),
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
    rows = rows_by_model(task, [(d, cells(d, figures)) for d, figures in known.values()])
    return filled(Table("Against the machine's ceilings", columns, rows, notes))


def _of(deployment: DeploymentView) -> Efficiency | None:
    return deployment.timings.efficiency if deployment.timings else None


def _ceilings(efficiencies: list[Efficiency]) -> str:
    """The highest of each kind: what else the machine did only takes from them."""
    products = {
        one.arithmetic: max(
            other.operations_ceiling or 0 for other in efficiencies if other.arithmetic == one.arithmetic
        )
        for one in efficiencies
        if one.arithmetic is not None
    }
    bytes_per_second = max((one.bytes_ceiling for one in efficiencies if one.bytes_ceiling is not None), default=None)
    ceilings = [f"a product in {name} {fixed(best / GIGA, 0)} GFLOP/s" for name, best in sorted(products.items())]
    ceilings += [] if bytes_per_second is None else [f"an addition {fixed(bytes_per_second / GIGA, 1)} GB/s"]
    return ", ".join(ceilings) or UNKNOWN


def _giga(value: float | None) -> float | None:
    return None if value is None else value / GIGA
