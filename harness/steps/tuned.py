"""Measure the setting that a deployment's tuning chose, beside the study's own."""

from __future__ import annotations

from harness.data.sampling import sample
from harness.execution.worker import Context
from harness.live import open_deployment
from harness.store.atomic import write_json
from harness.store.examples import read_examples
from harness.tuned import FILE, measure_tuned


def run(context: Context) -> None:
    settings = context.options["performance"]
    examples = sample(read_examples(context.input("examples")), settings["samples"], seed=context.options["seed"])
    with open_deployment(context.input("artifact"), context.options) as deployment:
        found = measure_tuned(deployment, context, examples, seconds=settings["min_seconds"])
    write_json(context.destination / FILE, found)
