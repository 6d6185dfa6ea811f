"""A run whose predictions are made up, so that the truth is known: what is the same, what is not, what fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.characteristics.prediction_errors import compare
from benchmarks.statistics.equivalence import Floor
from tests.harness.report import synthetic_results as synthetic
from tests.harness.run_comparison.timed_runs import write_run

TASK = synthetic.TEXT
EXAMPLES = 600
REFERENCE = synthetic.deployment_name("bert-large", "onnx-fp32")
RERUN = f"{REFERENCE}#rerun"
SEEDS = tuple(synthetic.deployment_name(f"bert-large-seed{i}", "onnx-fp32") for i in (1, 2))
FP16 = synthetic.deployment_name("bert-large", "onnx-fp16")
NEAR = synthetic.deployment_name("distilbert", "onnx-fp32")
TINY = synthetic.deployment_name("bert-tiny", "onnx-fp32")
BROKEN = synthetic.deployment_name("bert-medium", "onnx-fp16")
CHANGED = {RERUN: 0.0, SEEDS[0]: 0.047, SEEDS[1]: 0.05, FP16: 0.0, NEAR: 0.09, TINY: 0.46}
"""The share of predictions that differ from the reference's."""


def gated_run(folder: Path, *, processes: int = 1, broken: bool = False, seeds: int = 2, seed: int = 0) -> Path:
    """A run folder of the reference, its floors, and three to choose from."""
    trainings = SEEDS[:seeds]
    entries: dict[str, Any] = {
        REFERENCE: _entry("bert-large", "onnx-fp32"),
        FP16: _entry("bert-large", "onnx-fp16"),
        NEAR: _entry("distilbert", "onnx-fp32"),
        TINY: _entry("bert-tiny", "onnx-fp32"),
        **{
            name: _entry(name.split("/")[0], "onnx-fp32", replicate_of=REFERENCE, replicate_kind="seed")
            for name in trainings
        },
        RERUN: _entry("bert-large", "onnx-fp32", replicate_of=REFERENCE, replicate_kind="execution", performance=None),
    }
    if broken:
        entries[BROKEN] = _entry("bert-medium", "onnx-fp16") | {
            "status": "failed",
            "reason": "NaN in the logits",
            "step": "export",
            "quality": None,
            "artifact": None,
            "verification": None,
            "runtime": None,
            "performance": None,
        }
    random = np.random.default_rng(seed)
    right = {REFERENCE: np.arange(EXAMPLES) % 25 != 0}
    for name in (RERUN, *SEEDS, FP16, NEAR, TINY):
        flipped = np.zeros(EXAMPLES, dtype=bool)
        flipped[random.choice(EXAMPLES, round(CHANGED[name] * EXAMPLES), replace=False)] = True
        right[name] = right[REFERENCE] ^ flipped
    right = {name: column for name, column in right.items() if name in entries}
    found = compare(
        correct=right,
        predictions={name: column.astype(int) for name, column in right.items()},
        probabilities={
            name: [np.array([0.9, 0.1] if one else [0.1, 0.9]) for one in column] for name, column in right.items()
        },
        groups=np.arange(EXAMPLES),
        strata={},
        reference=REFERENCE,
        resamples=200,
        seed=0,
        floors={
            FP16: Floor("execution", (RERUN,)),
            **({name: Floor("seed", trainings) for name in (NEAR, TINY)} if trainings else {}),
        },
        f1={name: column.astype(float) for name, column in right.items()},
        classes={"negative": np.arange(EXAMPLES) % 3 == 0, "positive": np.arange(EXAMPLES) % 3 > 0},
    )
    tree = synthetic.envelope({TASK: synthetic.task_results(TASK, entries, REFERENCE)})
    tree["tasks"][TASK]["characteristics"]["prediction_errors"] = synthetic.as_json(found)
    return write_run(folder, seed=seed, processes=processes, results=tree)


def _entry(model: str, form: str, **changes: Any) -> dict[str, Any]:
    return synthetic.deployment(TASK, model, form, **changes)


def policy(path: Path, *rules: dict[str, Any], **settings: Any) -> Path:
    path.write_text(json.dumps({**settings, "rules": list(rules)}))
    return path
