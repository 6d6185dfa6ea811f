"""Run a deployment over a data set, and keep what it said about every example."""

from __future__ import annotations

import pyarrow.parquet as pq

from harness.data.sampling import sample
from harness.inference.deployment import open_deployment
from harness.steps.context import Context
from harness.store.atomic import write_json
from harness.store.examples import read_examples
from harness.store.outputs import FILE


def run(context: Context) -> None:
    examples = read_examples(context.input("examples"))
    if "sample" in context.options:
        examples = sample(examples, context.options["sample"], seed=context.options["seed"])
    with open_deployment(context.input("artifact"), context.options) as deployment:
        table = deployment.table(examples)
        write_json(context.destination / "describe.json", deployment.backend.describe())
    pq.write_table(table, context.destination / FILE, compression="zstd")
