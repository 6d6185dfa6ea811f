"""Train the demo's reference with twelve seeds, and keep what they answer: ``python -m tools.demo_trainings``.

The predictions are what ``python -m tests.performance.verdicts`` draws trainings of one recipe from. Members that
ship are not trained again; the others are kept in ``--family``, from where the command goes on.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import numpy as np
import torch

from exporters.files import CONFIG
from harness.checkpoints.loading import load_model
from harness.demo.corpora import generate
from harness.demo.weights import FAMILY, TOKENIZER_FILES, WEIGHTS, write_member
from harness.tasks.fast_tokenizer import read_tokenizer
from harness.tasks.task import task_for
from tools.measure_demo_family import SEED, model_outputs
from tools.train_demo_family import train_member

TASK = "text-classification"
TRAININGS = 12
EXAMPLES = 10_000
FILE = Path(__file__).parents[1] / "tests" / "performance" / "demo_trainings.npz"


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the demo's reference with twelve seeds.")
    parser.add_argument("--family", type=Path, required=True, help="the folder for members that do not ship")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.family.mkdir(parents=True, exist_ok=True)
    for file in TOKENIZER_FILES:
        shutil.copyfile(FAMILY / file, options.family / file)
    examples = generate(TASK, "evaluation", EXAMPLES, SEED)
    reader = task_for(TASK)
    predictions = []
    for seed in range(TRAININGS):
        name = f"reference-seed-{seed}" if seed else "reference"
        family = FAMILY if (FAMILY / TASK / name / WEIGHTS).is_file() else options.family
        if not (family / TASK / name / WEIGHTS).is_file():
            train_member(name, TASK, family)
        checkpoint = options.family / "checkpoints" / name
        tokenizer = [FAMILY / file for file in TOKENIZER_FILES]
        write_member([family / TASK / name / CONFIG, family / TASK / name / WEIGHTS, *tokenizer], checkpoint)
        features = reader.encode(read_tokenizer(checkpoint), examples)
        table = reader.table(
            examples, features, model_outputs(load_model(checkpoint, task=TASK), features.inputs, reader.head)
        )
        predictions.append(table["prediction"].to_numpy().astype(np.uint8))
        labels = table["label"].to_numpy().astype(np.uint8)
        print(f"{name}: {100 * np.mean(predictions[-1] == labels):.1f} % right", flush=True)
    np.savez_compressed(FILE, predictions=np.stack(predictions), labels=labels)


if __name__ == "__main__":
    main()
