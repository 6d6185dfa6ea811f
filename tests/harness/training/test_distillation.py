"""What students learn from their teachers: soft labels, hidden states, embeddings."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import mse_loss, softmax
from transformers import AutoModel, BertConfig

from exporters.embedding import Embedding, read_embedding, write_embedding
from exporters.tasks import EMBEDDING, QUESTION_ANSWERING
from harness.checkpoints.architectures import write_synthetic_tokenizer
from harness.checkpoints.loading import load_model
from harness.checkpoints.materialize import materialize
from harness.checkpoints.synthetic_vocabulary import SIZE
from harness.config.checkpoints import CutCheckpoint
from harness.config.training import PlannedDistillation, Recipe
from harness.errors import UserError
from harness.examples.records import PlainText
from harness.tasks.fast_tokenizer import read_tokenizer
from harness.tasks.task import task_for
from harness.training.batches import FAR_BELOW
from harness.training.distillation import distillation_loss, embedding_loss, hidden_state_loss
from harness.training.fine_tuning import fine_tune
from harness.training.teacher import TaughtOutputs, Teacher, ends_of_blocks, soft_labels
from tests.harness.training.tiny_training import LABELS, texts

LAYERS = (0, 2)


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of four layers and width 32, pooled by its mean."""
    folder = tmp_path_factory.mktemp("encoder")
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=SIZE,
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.2,
    )
    AutoModel.from_config(config).save_pretrained(folder)
    write_synthetic_tokenizer(folder)
    write_embedding(folder, Embedding(pooling="mean+normalize", prompts={"document": "the "}))
    return folder


def cut(parent: Path, destination: Path, task: str) -> Path:
    source = CutCheckpoint(cut="parent", layers=LAYERS)
    materialize(source, destination, task=task, labels=LABELS, seed=0, resolve=lambda name: parent)
    return destination


def distil(student: Path, teacher: Path, destination: Path, **changes: Any) -> Path:
    arguments = {
        "task": "retrieval",
        "examples": plain(60),
        "labels": None,
        "recipe": Recipe(epochs=12, batch_size=8, learning_rate=2e-3, max_length=32),
        "seed": 0,
        "teacher": teacher,
        "distillation": PlannedDistillation(),
        "question_answering": None,
        "work": destination / "work",
        "progress": lambda what, share: None,
    }
    fine_tune(student, destination / "trained", **(arguments | changes))
    return destination / "trained"


def plain(count: int) -> list[PlainText]:
    return [PlainText(text.id, text.group, text.text) for text in texts(count)]


def run(folder: Path, head: Any, examples: Sequence[PlainText]) -> list[Any]:
    """Outputs of every text alone, hidden states among them, and its embedding's place in the features."""
    task = task_for("retrieval", max_length=32)
    features = task.encode(read_tokenizer(folder), examples)
    model = load_model(folder, task=head).eval()
    with torch.inference_mode():
        return [model(torch.from_numpy(ids)[None], output_hidden_states=True) for ids in features.inputs["input_ids"]]


def embeddings(folder: Path) -> torch.Tensor:
    pooled = [outputs.last_hidden_state[0].mean(dim=0) for outputs in run(folder, EMBEDDING.task, plain(60))]
    return torch.nn.functional.normalize(torch.stack(pooled), dim=1)


@pytest.mark.slow
def test_a_student_s_embeddings_approach_its_teacher_s(encoder, tmp_path):
    student = cut(encoder, tmp_path / "student", EMBEDDING.task)
    trained = distil(student, encoder, tmp_path)
    before, after = (embedding_loss(embeddings(folder), embeddings(encoder)) for folder in (student, trained))
    assert after < before / 3
    assert read_embedding(trained) == read_embedding(encoder)
    again = distil(student, encoder, tmp_path / "again", seed=1)
    assert embedding_loss(embeddings(again), embeddings(trained)) > 0


def test_soft_labels_of_an_encoder_are_its_embeddings(encoder):
    task = task_for("retrieval", max_length=32)
    inputs = task.encode(read_tokenizer(encoder), plain(60)).inputs
    found = soft_labels(
        load_model(encoder, task=EMBEDDING.task),
        inputs,
        taught_outputs=TaughtOutputs(EMBEDDING, "mean+normalize"),
        pad_token_id=0,
        progress=lambda what, share: None,
    )["teacher_representation"]
    np.testing.assert_allclose(np.stack(found), embeddings(encoder).numpy(), atol=1e-5)


@pytest.mark.slow
def test_hidden_states_come_nearer_where_they_count(encoder, tmp_path):
    """The student's two layers stand for the second and the fourth of the teacher's."""
    student = cut(encoder, tmp_path / "student", EMBEDDING.task)

    def distances(folder: Path) -> list[float]:
        pairs = list(zip(run(folder, EMBEDDING.task, plain(20)), run(encoder, EMBEDDING.task, plain(20)), strict=True))
        return [
            float(np.mean([mse_loss(own.hidden_states[1 + at], their.hidden_states[1 + of]) for own, their in pairs]))
            for at, of in enumerate((1, 3))
        ]

    layerwise = PlannedDistillation(hidden_states=5.0, layers=LAYERS)
    without, beside = (
        distil(student, encoder, tmp_path / "a"),
        distil(student, encoder, tmp_path / "b", distillation=layerwise),
    )
    for blind, seeing in zip(distances(without), distances(beside), strict=True):
        assert seeing < 0.8 * blind


def test_a_teacher_that_is_asked_says_what_is_kept_of_it(encoder):
    head = TaughtOutputs(EMBEDDING, "mean+normalize")
    model = load_model(encoder, task=EMBEDDING.task).eval()
    inputs = task_for("retrieval", max_length=32).encode(read_tokenizer(encoder), plain(3)).inputs
    kept = soft_labels(model, inputs, taught_outputs=head, pad_token_id=0, progress=lambda what, share: None)
    teacher = Teacher(model, head, ("input_ids", "attention_mask"), ends_of_blocks(LAYERS, 4))
    for number in range(3):
        batch = {name: torch.from_numpy(inputs[name][number])[None] for name in ("input_ids", "attention_mask")}
        asked, states = teacher(batch)
        np.testing.assert_allclose(
            asked["representation"][0].numpy(), kept["teacher_representation"][number], atol=1e-5
        )
        assert [tuple(state.shape) for state in states] == [(1, len(inputs["input_ids"][number]), 32)] * 2


def test_each_layer_stands_for_the_end_of_its_block():
    assert ends_of_blocks((0, 2, 4), 6) == [1, 3, 5]
    assert ends_of_blocks((0, 3), 6) == [2, 5]
    assert ends_of_blocks((2,), 6) == [5]
    assert ends_of_blocks(None, 3) == [0, 1, 2]


def test_the_loss_of_hidden_states_is_tinyberts_over_real_tokens():
    generator = torch.Generator().manual_seed(0)
    student, teacher = ([torch.randn(2, 3, 4, generator=generator) for _ in range(2)] for _ in range(2))
    mask = torch.tensor([[1, 1, 1], [1, 0, 0]])
    expected = np.mean(
        [
            mse_loss(torch.cat([own[0], own[1, :1]]), torch.cat([other[0], other[1, :1]]))
            for own, other in zip(student, teacher, strict=True)
        ]
    )
    assert hidden_state_loss(student, teacher, mask).item() == pytest.approx(expected)


def test_the_loss_of_normalised_embeddings_is_twice_what_their_cosine_lacks():
    generator = torch.Generator().manual_seed(0)
    student, teacher = (torch.nn.functional.normalize(torch.randn(5, 8, generator=generator), dim=1) for _ in range(2))
    assert torch.allclose(embedding_loss(student, teacher), (2 - 2 * (student * teacher).sum(dim=1)).mean())


def test_a_teacher_of_another_width_is_refused(encoder, tmp_path):
    torch.manual_seed(0)
    shutil.copytree(encoder, tmp_path / "wide")
    config = BertConfig.from_pretrained(encoder)
    config.update({"hidden_size": 48, "num_hidden_layers": 1})
    AutoModel.from_config(config).save_pretrained(tmp_path / "wide")
    with pytest.raises(UserError, match="embeds in 48 numbers, its student in 32"):
        distil(encoder, tmp_path / "wide", tmp_path)


def test_distillation_loss_is_hintons():
    """T² times the mean over the batch of sum p log(p/q), p and q softened (Hinton et al. 2015, section 2)."""
    generator = torch.Generator().manual_seed(0)
    student, teacher = (torch.randn(4, 5, generator=generator) for _ in range(2))
    p, q = softmax(teacher / 3, -1), softmax(student / 3, -1)
    expected = 9 * (p * (p / q).log()).sum(-1).mean()
    assert torch.allclose(distillation_loss(student, teacher, 3.0), expected)
    assert distillation_loss(teacher, teacher, 3.0).abs() < 1e-6


def test_its_gradient_at_a_high_temperature_is_that_of_matched_logits():
    """(z - v) / N for logits of mean zero (Hinton et al. 2015, section 2.1)."""
    generator = torch.Generator().manual_seed(0)
    z, v = (torch.randn(1, 6, generator=generator, dtype=torch.float64) for _ in range(2))
    z, v = (z - z.mean()).requires_grad_(), v - v.mean()
    softened = distillation_loss(z.to(torch.float64), v, 1000.0)
    softened.backward()
    assert z.grad is not None and torch.allclose(z.grad, (z.detach() - v) / 6, atol=1e-3)


def test_padding_adds_nothing_to_the_distillation_loss():
    student, teacher = torch.tensor([[1.0, 2.0, 0.5]]), torch.tensor([[0.2, 1.0, 3.0]])
    far = torch.full((1, 4), FAR_BELOW)
    padded = distillation_loss(torch.cat([student, far], 1), torch.cat([teacher, far], 1), 2.0)
    assert torch.allclose(padded, distillation_loss(student, teacher, 2.0))


def test_soft_labels_are_the_teachers_logits_in_the_order_of_the_features(starts):
    teacher = load_model(starts["question-answering"], task="question-answering")
    random = np.random.default_rng(0)
    ids = [random.integers(5, 3000, size) for size in (30, 4, 17, 9)]
    inputs = {"input_ids": ids, "attention_mask": [np.ones_like(row) for row in ids]}
    name = "start_logits"
    found = soft_labels(
        teacher,
        inputs,
        taught_outputs=TaughtOutputs(QUESTION_ANSWERING, None),
        pad_token_id=0,
        progress=lambda what, share: None,
    )[f"teacher_{name}"]
    for row, logits in zip(ids, found, strict=True):
        with torch.inference_mode():
            expected = teacher(torch.from_numpy(row)[None]).start_logits[0].numpy()
        assert np.allclose(logits, expected, atol=1e-5)
