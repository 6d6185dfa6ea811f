"""``study.json``: one small study from its config to its report, on the outputs of the GPU."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.gpu.record import Record, Skipped

NEEDED = ("optimum", "textattack", "faiss", "typer", "rich", "yaml", "scipy", "accelerate")
"""Modules without which no study goes through all four characteristics."""

STUDY = """\
study: gpu
formats: [torch-fp32, onnx-fp32, FORMATS]
backends: [torch-cuda, onnxruntime-cuda]
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
      reference: {checkpoint: {embedded: reference}}
      tiny: {checkpoint: {embedded: tiny}}
    data:
      train: {embedded: train, size: 200}
      bank: 100
      evaluation: {embedded: evaluation, size: 200}
      out_of_distribution: {embedded: out-of-distribution, size: 100}
    characteristics:
      attack:
        masked_language_model: {checkpoint: {embedded: reviews}}
        sample: 8
        candidates: 4
        min_similarity: 0.9
"""


def run(root: Path, record: Record) -> None:
    record.item("scalemodel run", lambda: _study(root, record.left))
    record.item("results", lambda: _results(root))


def _study(root: Path, seconds: float) -> dict[str, Any]:
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise Skipped(f"not installed: {', '.join(missing)}")
    from exporters.formats import FORMATS

    fused = "onnx-fused-fp16" if "onnx-fused-fp16" in FORMATS else "onnx-fused"
    config = root / "study.yaml"
    config.write_text(STUDY.replace("FORMATS", fused))
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
    found = sorted((root / "runs").rglob("results.json"))
    if not found:
        raise Skipped("the study left no results.json")
    told: dict[str, Any] = {"file": str(found[-1].relative_to(root))}
    for name, task in json.loads(found[-1].read_text())["tasks"].items():
        told[name] = {
            "deployments": {key: [entry["status"], entry["reason"]] for key, entry in task["deployments"].items()},
            "characteristics": task["characteristics"],
        }
    return told
