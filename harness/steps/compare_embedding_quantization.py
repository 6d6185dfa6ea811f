"""Compare each deployment's embeddings, kept in fewer bytes, with its own in float32."""

from __future__ import annotations

from typing import Any

from benchmarks.statistics.quantized_indexes import IndexKind
from harness.config.deployments import EXECUTION_REPLICATE
from harness.config.tasks import TaskSettings
from harness.steps import compare_retrieval
from harness.steps.compare_retrieval import LIBRARIES, Inputs, read_embedded
from harness.steps.comparison import ComparisonOptions, write_comparison
from harness.steps.context import Context
from harness.tasks.task import Task

__all__ = ["LIBRARIES", "VERSION", "Inputs", "Options", "run"]

VERSION = 1


class Options(ComparisonOptions):
    indexes: tuple[IndexKind, ...]
    margin: float
    overlap_margin: float

    @classmethod
    def is_for(cls, task: type[Task]) -> bool:
        return compare_retrieval.Options.is_for(task)

    @classmethod
    def of_study(cls, task: TaskSettings) -> dict[str, Any] | None:
        names = ("indexes", "margin", "overlap_margin")
        settings = {name: getattr(task.characteristics, name) for name in names}
        return settings if settings["indexes"] else None


def run(context: Context[Options, Inputs]) -> None:
    from benchmarks.characteristics.embedding_quantization import compare

    options = context.options
    rerun = options.reference + EXECUTION_REPLICATE
    embedded, ids, relevant, groups = read_embedded(context, options)
    result = compare(
        {name: own for name, own in embedded.items() if name == rerun or not name.endswith(EXECUTION_REPLICATE)},
        ids,
        relevant,
        groups,
        kinds=options.indexes,
        reference=options.reference,
        rerun=rerun,
        resamples=options.resamples,
        seed=options.seed,
        margin=options.margin,
        overlap_margin=options.overlap_margin,
    )
    write_comparison(context, result)
