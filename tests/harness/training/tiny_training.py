"""One small training a task; run as a script, it is the process that a test kills.

``python tiny_training.py CASE START TEACHER FOLDER`` trains into FOLDER/trained with saves in FOLDER/work.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from harness.config.tasks import QuestionAnswering
from harness.config.training import PlannedDistillation, Recipe
from harness.examples.records import QuestionExample, TextExample

LABELS = ("bad", "good")
_COLOURS = ("red", "blue", "green", "black", "white")

CASES: dict[str, tuple[str, Recipe, PlannedDistillation | None]] = {
    "answers": (
        "question-answering",
        Recipe(epochs=2.5, batch_size=4, learning_rate=1e-3, max_length=32, precision="bf16"),
        None,
    ),
    "classes": (
        "text-classification",
        Recipe(epochs=3, batch_size=4, learning_rate=1e-3, max_length=32),
        None,
    ),
    "distilled": (
        "question-answering",
        Recipe(epochs=2, batch_size=4, learning_rate=1e-3, max_length=32),
        PlannedDistillation(temperature=2, alpha=0.7),
    ),
    "layer by layer": (
        "question-answering",
        Recipe(epochs=2, batch_size=4, learning_rate=1e-3, max_length=32),
        PlannedDistillation(hidden_states=1),
    ),
    "masks": (
        "masked-language-model",
        Recipe(epochs=3, batch_size=4, learning_rate=1e-3, max_length=16, precision="bf16"),
        None,
    ),
}


def questions(count: int) -> list[QuestionExample]:
    """What colour is a thing; every third question is about a thing that the passage does not name."""
    random = np.random.default_rng(0)
    made = []
    for number in range(count):
        colours = random.choice(_COLOURS, 3)
        things = ("house", "road", "water")
        filler = "and then more " * int(random.integers(0, 8))
        context = filler + " ".join(f"the {t} is {c} ." for t, c in zip(things, colours, strict=True))
        which = int(random.integers(3))
        if number % 3 == 0:
            made.append(QuestionExample(f"q{number}", f"g{number}", "what is the king ?", context, (), ()))
        else:
            start = context.index(f"the {things[which]} is ") + len(f"the {things[which]} is ")
            asked = f"what is the {things[which]} ?"
            made.append(QuestionExample(f"q{number}", f"g{number}", asked, context, (str(colours[which]),), (start,)))
    return made


def texts(count: int) -> list[TextExample]:
    random = np.random.default_rng(1)
    made = []
    for number in range(count):
        label = int(random.integers(2))
        padding = "the movie was made " * int(random.integers(0, 4))
        made.append(TextExample(f"t{number}", f"t{number}", f"{padding} really {LABELS[label]} film", label))
    return made


def write_start(folder: Path, task: str) -> None:
    import torch
    from transformers import BertConfig

    from harness.checkpoints.architectures import write_synthetic_tokenizer
    from harness.checkpoints.labels import written_labels
    from harness.checkpoints.loading import HEADS
    from harness.checkpoints.synthetic_vocabulary import SIZE

    torch.manual_seed(11)
    config = BertConfig(
        vocab_size=SIZE,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        **(written_labels(LABELS) if task == "text-classification" else {}),
    )
    HEADS[task].from_config(config).save_pretrained(folder)
    write_synthetic_tokenizer(folder)


def train_case(
    case: str,
    start: Path,
    teacher: Path,
    folder: Path,
    progress: Callable[[str, float], None] = lambda description, fraction: None,
    *,
    seed: int = 7,
    count: int = 30,
) -> dict[str, Any]:
    """Train ``case`` from ``start`` into ``folder``/trained."""
    task, recipe, distillation = CASES[case]
    common: dict[str, Any] = {"recipe": recipe, "seed": seed, "work": folder / "work", "progress": progress}
    if task == "masked-language-model":
        from harness.training.masked_language_model import train_masked_language_model

        lines = [example.text for example in texts(count)]
        return train_masked_language_model(start, folder / "trained", texts=lines, **common)
    from harness.training.fine_tuning import fine_tune

    answers = task == "question-answering"
    return fine_tune(
        start,
        folder / "trained",
        task=task,
        examples=questions(count) if answers else texts(count),
        labels=None if answers else LABELS,
        teacher=teacher if distillation else None,
        distillation=distillation,
        question_answering=QuestionAnswering(max_seq_length=64, doc_stride=16) if answers else None,
        **common,
    )


if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)

    def say(description: str, fraction: float) -> None:
        print(f"{fraction:.4f} {description}", flush=True)

    train_case(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]), say)
