"""Training on words with tags, from gold ones and from a teacher's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig

from harness.checkpoints.architectures import write_synthetic_tokenizer
from harness.checkpoints.labels import written_labels
from harness.checkpoints.loading import HEADS, load_model
from harness.checkpoints.synthetic_vocabulary import SIZE
from harness.config.training import PlannedDistillation, Recipe
from harness.examples.records import TaggedSentence
from harness.tasks.fast_tokenizer import read_tokenizer
from harness.tasks.task import IGNORED, task_for
from harness.training.fine_tuning import fine_tune

TASK = "token-classification"
LABELS = ("O", "B-name", "I-name")


def sentences(count: int) -> list[TaggedSentence]:
    """Names of one or two words among others; every tenth sentence is longer than a window."""
    random = np.random.default_rng(0)
    made = []
    for number in range(count):
        words: list[str] = []
        tags: list[str] = []
        for _ in range(15 if number % 10 == 0 else int(random.integers(1, 4))):
            name = ["red", "house"] if random.random() < 0.5 else ["water"]
            words += [str(random.choice(["then", "and", "the"])), *name]
            tags += ["O", "B-name", *["I-name"] * (len(name) - 1)]
        made.append(TaggedSentence(f"s{number}", f"s{number}", tuple(words), tuple(tags)))
    return made


@pytest.fixture
def start(tmp_path: Path) -> Path:
    torch.manual_seed(11)
    config = BertConfig(
        vocab_size=SIZE,
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=32,
        **written_labels(LABELS),
    )
    folder = tmp_path / "start"
    HEADS[TASK].from_config(config).save_pretrained(folder)
    write_synthetic_tokenizer(folder)
    return folder


def tune(start: Path, folder: Path, teacher: Path | None = None) -> list[float]:
    """Train into ``folder``/trained; the losses on the way."""
    record = fine_tune(
        start,
        folder / "trained",
        task=TASK,
        examples=sentences(40),
        labels=LABELS,
        recipe=Recipe(epochs=12, batch_size=8, learning_rate=5e-3, max_length=32),
        seed=0,
        teacher=teacher,
        distillation=PlannedDistillation(temperature=1, alpha=1) if teacher else None,
        question_answering=None,
        work=folder / "work",
        progress=lambda description, fraction: None,
    )
    assert record["features"] > record["examples"] == 40
    return [loss for _, loss in record["loss"]]


@pytest.mark.slow
def test_a_tagger_learns_and_a_student_of_soft_labels_alone_follows_it(start: Path, tmp_path: Path) -> None:
    losses = tune(start, tmp_path / "teacher")
    assert losses[-1] < 0.1 * losses[0]
    teacher = tmp_path / "teacher" / "trained"
    tune(start, tmp_path / "student", teacher)
    task = task_for(TASK, max_length=32, labels=LABELS)
    features = task.encode(read_tokenizer(start), sentences(40))
    gold = task.targets(sentences(40), features)["labels"]
    for folder in (teacher, tmp_path / "student" / "trained"):
        model = load_model(folder, task=TASK).eval()
        with torch.inference_mode():
            found = [model(torch.from_numpy(ids)[None]).logits[0].argmax(-1) for ids in features.inputs["input_ids"]]
        right = [(own.numpy() == wanted)[wanted != IGNORED].mean() for own, wanted in zip(found, gold, strict=True)]
        assert np.mean(right) > 0.98
