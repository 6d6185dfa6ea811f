"""Run folders whose timings are simulated process by process, so that the truth is known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.results.performance import summarise
from harness.store.process_timings import ProcessTimings
from tests.harness import raw_timings
from tests.harness.report import synthetic_results as synthetic

SAMPLES, PASSES = 8, 16
DEPLOYMENTS = tuple(synthetic.small()["tasks"][synthetic.QA]["deployments"])
STUDY: dict[str, Any] = {
    "seed": 0,
    "token_budget": 2048,
    "performance": {"samples": SAMPLES, "min_seconds": 5.0, "replicates": 8},
    "tasks": {synthetic.QA: {"max_length": 512, "question_answering": {"max_seq_length": 384}}},
}


def write_run(
    folder: Path,
    *,
    seed: int,
    processes: int = 8,
    noise: float = 0.03,
    slower: Mapping[str, float] | None = None,
    results: dict[str, Any] | None = None,
    study: Mapping[str, Any] = STUDY,
) -> Path:
    """A run of the synthetic study `small`; ``slower``: by what factor a deployment takes longer than it should."""
    results = results or synthetic.small()
    random = np.random.default_rng(seed)
    timings: dict[str, Any] = {}
    for task, entry in results["tasks"].items():
        timings[task] = {}
        for name, deployment in entry["deployments"].items():
            figures = deployment.pop("performance")
            if figures is not None:
                factor = (slower or {}).get(name, 1.0)
                measured = [_process(random, figures, noise, factor) for _ in range(processes)]
                timings[task][name] = summarise(measured).model_dump(mode="json")
    folder.mkdir(parents=True)
    save(folder / "results.json", json.loads(json.dumps(results, default=synthetic.as_json)))
    save(folder / "performance.json", {"version": results["version"], "seconds": None, "tasks": timings})
    save(folder / "config.json", {"version": 1, "study": study})
    return folder


def save(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, allow_nan=False), encoding="utf-8")


def edit(path: Path) -> tuple[dict[str, Any], Path]:
    return json.loads(path.read_text(encoding="utf-8")), path


def _process(random: np.random.Generator, figures: Mapping[str, Any], noise: float, factor: float) -> ProcessTimings:
    """One process: a level of its own from a log-normal, and within it timings without any drift."""

    def level() -> float:
        return factor * float(np.exp(random.normal(0, noise)))

    lengths = np.linspace(0.7, 1.3, SAMPLES)
    latency = figures["single_stream"]["p50_ms"] * 1e6 * level()
    queries = latency * np.tile(lengths, PASSES) * np.exp(random.normal(0, 0.01, SAMPLES * PASSES))
    whole = 1e9 * SAMPLES / figures["offline"]["samples_per_second"] * level()
    recorded = {
        "single-stream": raw_timings.single_stream(
            [int(q) for q in queries], list(range(SAMPLES)) * PASSES, samples=SAMPLES
        ),
        "offline": raw_timings.offline([int(whole)] * 4, samples=SAMPLES, tokens=100 * SAMPLES),
        "load_ms": figures["load_ms"] * level(),
        "first_inference_ms": figures["first_inference_ms"] * level(),
        # memory is not a matter of time
        "peak_memory_bytes": int(figures["peak_memory_bytes"] * np.exp(random.normal(0, noise)) / 4096) * 4096,
    }
    return raw_timings.read(recorded)
