"""A run's figures as github-action-benchmark's `customSmallerIsBetter` takes them."""

from __future__ import annotations

import json

from harness.config.figures import FIGURES
from harness.gate.baseline import Baseline
from harness.gate.words import shown


def to_benchmark_json(figures: Baseline) -> str:
    """The figures of which smaller is better, an entry each: https://github.com/benchmark-action/github-action-benchmark."""
    entries = []
    for task, of_task in figures.tasks.items():
        for deployment, known in of_task.deployments.items():
            for name, figure in known.figures.items():
                facts = FIGURES[name.partition(" of ")[0]]
                if facts.better != "smaller":
                    continue
                entry: dict[str, object] = {
                    "name": f"{task}: {deployment}: {name}",
                    "unit": facts.unit,
                    "value": figure.value / facts.scale,
                    "extra": facts.meaning,
                }
                if figure.low is not None and figure.high is not None:
                    entry["range"] = f"{shown(figure.low, facts)} to {shown(figure.high, facts)}"
                entries.append(entry)
    return json.dumps(entries, indent=1, allow_nan=False) + "\n"
