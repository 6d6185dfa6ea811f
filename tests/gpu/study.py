"""``study.json``: one small study from its config to its report, on the outputs of the GPU.

On the stand-in outputs are zeros: deployments fail their verification there, and nothing is compared.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.gpu.device import standin
from tests.gpu.record import Record, Skipped

NEEDED = ("faiss", "typer", "rich", "yaml", "scipy", "accelerate")
"""Modules without which no study goes through all four characteristics."""

STUDY = """\
study: gpu
formats: [{formats}]
backends: [{backends}]
performance:
  samples: 32
  min_warmup_seconds: 0.2
  max_warmup_seconds: 0.3
  min_seconds: 0.2
  min_count: 50
  paired_processes: 2
  tune: false
tasks:
  text-classification:
    reference: reference
    labels: [negative, positive]
    max_length: 64
    pooling: mean
    models:
      reference: {{checkpoint: {{embedded: reference}}}}
      tiny: {{checkpoint: {{embedded: tiny}}}}
    data:
      train: {{embedded: train, size: 200}}
      bank: 100
      evaluation: {{embedded: evaluation, size: 200}}
      out_of_distribution: {{embedded: out-of-distribution, size: 100}}
    characteristics:
      attack:
        masked_language_model: {{checkpoint: {{embedded: reviews}}}}
        sample: 8
        candidates: 4
        min_similarity: 0.9
"""

FORMATS = ("torch-fp32", "onnx-fp32", "onnx-fused-fp16")
BACKENDS = ("torch-cuda", "onnxruntime-cuda")
CHARACTERISTICS = ("prediction_errors", "data_representation", "data_distribution", "adversarial_attack")


def run(root: Path, record: Record) -> None:
    record.item("scalemodel run", lambda: run_study(root, record.left))
    record.item("results", lambda: _results(root))
    record.item("characteristics", lambda: _compared_here(root))


def run_study(
    root: Path, seconds: float, formats: Sequence[str] = FORMATS, backends: Sequence[str] = BACKENDS
) -> dict[str, Any]:
    """How it ended, and the report; what it made is in ``root``."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise Skipped(f"not installed: {', '.join(missing)}")
    config = root / "study.yaml"
    config.write_text(STUDY.format(formats=", ".join(formats), backends=", ".join(backends)))
    store = root / "runs"
    code = "from harness.cli import main; main()"
    command = [sys.executable, "-c", code, "run", str(config), "--store", str(store)]
    with (root / "study.out").open("w") as out:
        try:
            done = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, timeout=max(1, seconds - 5))
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"not through after {seconds:.0f} s: see study.out, and the store in runs") from None
    said = (root / "study.out").read_text()
    return {"exit status": done.returncode, "report": said[-6000:]}


def _results(root: Path) -> dict[str, Any]:
    """Of every deployment whether it came through, or why not; and the figures of each characteristic."""
    path, task = _task(root)
    return {
        "file": str(path.relative_to(root)),
        "deployments": {key: [entry["status"], entry["reason"]] for key, entry in task["deployments"].items()},
        "characteristics": task["characteristics"],
    }


def _compared_here(root: Path) -> dict[str, list[str]]:
    if standin() is not None:
        raise Skipped("the stand-in computes nothing: outputs are zeros, and no characteristic is shown by them")
    return compared(root)


def compared(root: Path) -> dict[str, list[str]]:
    """The pairs of deployments that each of the four characteristics has figures of.

    Raises:
        RuntimeError: one of them has none.
    """
    _, task = _task(root)
    found = {}
    for name in CHARACTERISTICS:
        figures = task["characteristics"][name] or {}
        strata = figures.get("strata", {"all": figures})
        pairs = [f"{pair['a']} and {pair['b']}" for pair in strata["all"].get("pairs", ())]
        if not pairs:
            raise RuntimeError(f"the study shows no {name.replace('_', ' ')}: see study.out")
        found[name] = pairs
    return found


def _task(root: Path) -> tuple[Path, dict[str, Any]]:
    """The results' file, and what it has of the task."""
    found = sorted((root / "runs").rglob("results.json"))
    if not found:
        raise Skipped("the study left no results.json")
    return found[-1], json.loads(found[-1].read_text())["tasks"]["text-classification"]
