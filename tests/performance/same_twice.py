"""`scalemodel compare` on runs of which nothing differs: how often it raises an alarm that is none.

``python -m tests.performance.same_twice [--pairs 20] [--replicates 7]``

A small embedded study is exported once. Then it is measured twice for every pair, each time by `scalemodel run` from a
store of its own, and the two runs are compared. Whatever is called slower, faster or bigger is a false alarm.

Nothing here passes or fails; figures go to docs/verification.md with machine and date.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from harness.run_comparison.figures import BETTER, WORSE

STUDY = """
study: same-twice
seed: 0
formats: [onnx-fp32, onnx-int8-dynamic]
backends: [onnxruntime-cpu]
performance: {samples: 32, min_warmup_seconds: 0.2, max_warmup_seconds: 5, min_seconds: 0.5, min_count: 64,
  replicates: %d, tune: false, paired_processes: 0}
tasks:
  text-classification:
    reference: reference
    labels: [negative, positive]
    models:
      reference: {checkpoint: {embedded: reference}}
    data:
      train: {embedded: train, size: 64}
      evaluation: {embedded: evaluation, size: 64}
    max_length: 128
    execution_floor: false
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Runs of the same thing, compared.")
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--replicates", type=int, default=7, help="fresh processes a deployment and run")
    chosen = parser.parse_args()
    verdicts: Counter[str] = Counter()
    alarmed = {"called": 0, "called but for its mark": 0}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / "study.yaml").write_text(STUDY % chosen.replicates, encoding="utf-8")
        _scalemodel("export", folder / "study.yaml", "--store", folder / "exported")
        for number in range(chosen.pairs):
            told = _compared(_measured(folder, "a"), _measured(folder, "b"))
            figures = told["figures"]
            verdicts.update(figure["verdict"] for figure in figures)
            called = {
                "called": [figure for figure in figures if figure["verdict"] in (*WORSE, *BETTER)],
                "called but for its mark": [figure for figure in figures if _marked_only(figure, told)],
            }
            for how, found in called.items():
                alarmed[how] += bool(found)
            names = [
                f"{figure['deployment']} {figure['figure']} {how} (B/A {figure['ratio']['value']:.3f})"
                for how, found in called.items()
                for figure in found
            ]
            print(f"pair {number + 1}: {len(figures)} figures, {'; '.join(names) or 'none called'}", flush=True)
    print(f"of {chosen.pairs} pairs, with a figure " + ", ".join(f"{how}: {n}" for how, n in alarmed.items()))
    print("; ".join(f"{count} x {verdict}" for verdict, count in verdicts.items()))


def _marked_only(figure: dict[str, Any], told: dict[str, Any]) -> bool:
    """Whether nothing but the mark, that a timing did not settle or was disturbed, keeps it from being called."""
    if figure["verdict"] != "cannot tell" or figure["p"] is None:
        return False
    return bool(figure["p"] < told["level"] and abs(figure["ratio"]["value"] - 1) > told["minimum_effect"])


def _measured(folder: Path, side: str) -> Path:
    """The folder of a fresh run, from a store that holds all but the measurements."""
    store, output = folder / side, folder / f"run-{side}"
    for old in (store, output):
        shutil.rmtree(old, ignore_errors=True)
    shutil.copytree(folder / "exported", store, symlinks=True)
    _scalemodel("run", folder / "study.yaml", "--store", store, "--output", output)
    return output


def _compared(before: Path, after: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_scalemodel("compare", before, after, "--format", "json"))
    return found


def _scalemodel(*arguments: str | Path) -> str:
    command = [str(Path(sys.executable).with_name("scalemodel")), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "NO_COLOR": "1"})
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
