"""Measure a deployment in this fresh process: load, first inference, latency, throughput, memory."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Any

from backends.batching import pad
from backends.memory import MemoryProbe
from benchmarks.performance.latency import single_stream
from benchmarks.performance.throughput import offline
from harness.data.sampling import sample
from harness.execution.worker import Context
from harness.live import open_deployment, read_tokenizer, task_of
from harness.store.atomic import write_json
from harness.store.examples import read_examples
from harness.tuned import measure_tuned

FILE = "performance.json"


def run(context: Context) -> None:
    settings = context.options["performance"]
    examples = sample(read_examples(context.input("examples")), settings["samples"], seed=context.options["seed"])
    features = task_of(context.options).encode(read_tokenizer(context.input("artifact")), examples)
    single = [pad(features.inputs, [index]) for index in range(len(features.example))]
    tokens = sum(len(ids) for ids in features.inputs["input_ids"])

    memory = MemoryProbe()
    started = time.perf_counter_ns()
    with open_deployment(context.input("artifact"), context.options) as deployment:
        loaded = time.perf_counter_ns()
        deployment.backend.infer(single[0])
        first = time.perf_counter_ns()
        result: dict[str, Any] = {
            "load_ms": (loaded - started) / 1e6,
            "first_inference_ms": (first - loaded) / 1e6,
            "tokens_per_sample": tokens / len(single),
        }
        limits = {key: settings[key] for key in ("warmup_seconds", "min_seconds", "min_count")}
        if "single-stream" in settings["scenarios"]:
            context.progress("single-stream", 0.0)
            infer = deployment.backend.infer
            latency = single_stream(lambda index: infer(single[index]), len(single), **limits)
            result["single-stream"] = asdict(latency)
        if "offline" in settings["scenarios"]:
            context.progress("offline", 0.5)

            def all_at_once() -> int:
                deployment.table(examples)
                return len(examples)

            throughput = offline(
                all_at_once,
                warmup_seconds=settings["warmup_seconds"],
                min_seconds=settings["min_seconds"],
                tokens=tokens,
            )
            result["offline"] = asdict(throughput)
        result["peak_memory_bytes"] = memory.peak_bytes()
        result["device_memory_bytes"] = memory.device_bytes()
        result["describe"] = deployment.backend.describe()
        if "tuning" in context.step.needs:
            context.progress("tuned", 0.8)
            result["tuned"] = measure_tuned(deployment, context, examples, seconds=settings["min_seconds"])
    write_json(context.destination / FILE, result)
