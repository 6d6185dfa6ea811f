"""Compare deployments by the entities that they find in sentences."""

from __future__ import annotations

from harness.data.arrow import pa
from harness.examples.entities import Entity, entities_of
from harness.steps.comparison import LIBRARIES, EvaluationInputs, MarginOptions, tables, write_comparison
from harness.steps.context import Context
from harness.tasks.columns import strings
from harness.tasks.task import Task

__all__ = ["LIBRARIES", "VERSION", "Inputs", "Options", "run"]

VERSION = 1


class Options(MarginOptions):
    @classmethod
    def is_for(cls, task: type[Task]) -> bool:
        return "tags" in task.gold


class Inputs(EvaluationInputs):
    pass


def run(context: Context[Options, Inputs]) -> None:
    from benchmarks.characteristics.entities import compare

    options = context.options
    tables_by_deployment = tables(context, options, context.inputs.evaluation, "group", "tags", "predicted_tags")
    first = tables_by_deployment[options.reference]
    result = compare(
        {name: _entities(table, "predicted_tags") for name, table in tables_by_deployment.items()},
        _entities(first, "tags"),
        strings(first, "group"),
        **options.as_arguments(),
    )
    write_comparison(context, result)


def _entities(table: pa.Table, column: str) -> list[list[Entity]]:
    return [entities_of(tags) for tags in table.column(column).to_pylist()]
