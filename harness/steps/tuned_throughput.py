"""Measure the setting that a deployment's tuning chose, in turns with the study's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from benchmarks.performance.tuning import Setting, in_turns
from harness.data.sampling import sample
from harness.examples import Example
from harness.inference.deployment import LiveDeployment, open_deployment
from harness.steps.context import Context
from harness.steps.tuning_search import REFUSALS, evenly, read_tuned
from harness.store.atomic import write_json
from harness.store.examples import read_examples

FILE = "tuned.json"


def run(context: Context) -> None:
    settings = context.options["performance"]
    examples = sample(read_examples(context.input("examples")), settings["samples"], seed=context.options["seed"])
    with open_deployment(context.input("artifact"), context.options) as deployment:
        found = measure_tuned(deployment, context, examples, seconds=settings["min_seconds"])
    write_json(context.destination / FILE, found)


def measure_tuned(
    default: LiveDeployment, context: Context, examples: Sequence[Example], *, seconds: float
) -> dict[str, Any]:
    """Both settings in turns over as many of the ``examples`` as the search had: 5 pairs, more within ``seconds``.

    Returns ``setting`` and ``default`` (sessions, threads, token_budget), ``samples``, and ``pairs``: nanoseconds of
    the default and of the tuned setting. ``pairs`` is None where the tuning chose the default, and where both cannot
    be open at once: ``reason`` then says why.
    """
    setting, count = read_tuned(context.input("tuning"))
    examples = evenly(examples, count)
    own = Setting(1 + len(default.beside), default.backend.threads, default.token_budget)
    found: dict[str, Any] = {
        **{"setting": asdict(setting), "default": asdict(own)},
        **{"samples": len(examples), "pairs": None, "reason": ""},
    }
    if own == setting:
        return found
    try:
        with open_deployment(context.input("artifact"), {**context.options, **asdict(setting)}) as tuned:
            pairs = in_turns(lambda: default.table(examples), lambda: tuned.table(examples), seconds=2 * seconds)
    except REFUSALS as error:
        return {**found, "reason": " ".join(str(error).split()) or type(error).__name__}
    return {**found, "pairs": pairs}
