"""The order of the features, padding, and the distillation loss."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy, softmax

from harness.checkpoints.loading import load_model
from harness.training.batches import FAR_BELOW, Collator, EpochSampler
from harness.training.distillation import distillation_loss, soft_labels


def drawn(sampler, epoch):
    sampler.set_epoch(epoch)
    return list(sampler)


@pytest.mark.parametrize("count", [1, 7, 8, 500])
def test_every_feature_once_an_epoch(count):
    sampler = EpochSampler(np.random.default_rng(0).integers(5, 60, count), 8, seed=3)
    for epoch in (0, 1):
        keys = drawn(sampler, epoch)
        assert len(keys) == len(sampler) == count
        assert {epoch for epoch, _ in keys} == {epoch}
        assert sorted(index for _, index in keys) == list(range(count))


def test_the_order_depends_on_seed_and_epoch_alone():
    lengths = np.random.default_rng(0).integers(5, 60, 100)
    first = [index for _, index in drawn(EpochSampler(lengths, 8, seed=3), 2)]
    np.random.random(5)
    assert first == [index for _, index in drawn(EpochSampler(lengths, 8, seed=3), 2)]
    assert first != [index for _, index in drawn(EpochSampler(lengths, 8, seed=4), 2)]
    assert first != [index for _, index in drawn(EpochSampler(lengths, 8, seed=3), 1)]


def test_batches_are_of_similar_length_and_not_sorted_among_themselves():
    lengths = np.random.default_rng(0).integers(1, 1000, 803)
    order = [index for _, index in drawn(EpochSampler(lengths, 8, seed=0), 0)]
    batches = [lengths[order[at : at + 8]] for at in range(0, 800, 8)]
    padded = sum(8 * batch.max() for batch in batches)
    assert padded < 1.05 * lengths.sum()
    longest = np.array([batch.max() for batch in batches])
    assert abs(np.corrcoef(longest, np.arange(len(longest)))[0, 1]) < 0.3


def test_padding_to_the_longest_of_the_batch():
    batch = Collator(pad_token_id=9)(
        [
            {"input_ids": np.array([1, 2, 3]), "attention_mask": np.ones(3, np.int64), "start_positions": 2},
            {"input_ids": np.array([4]), "attention_mask": np.ones(1, np.int64), "start_positions": 0},
        ]
    )
    assert batch["input_ids"].tolist() == [[1, 2, 3], [4, 9, 9]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert batch["start_positions"].tolist() == [2, 0]


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
        teacher, inputs, outputs=(name,), per_token={name}, pad_token_id=0, progress=lambda what, share: None
    )[f"teacher_{name}"]
    for row, logits in zip(ids, found, strict=True):
        with torch.inference_mode():
            expected = teacher(torch.from_numpy(row)[None]).start_logits[0].numpy()
        assert np.allclose(logits, expected, atol=1e-5)


def test_only_predicted_tokens_reach_the_masked_head(starts):
    from harness.training.masked_language_model import _only

    model = load_model(starts["masked-language-model"], task="masked-language-model").eval()
    ids = torch.randint(5, 3000, (3, 9), generator=torch.Generator().manual_seed(0))
    labels = torch.full((3, 9), -100)
    labels[0, 2], labels[2, 5] = 40, 50
    with _only(labels >= 0, model.base_model):
        logits = model(input_ids=ids).logits
    assert logits.shape[:2] == (1, 2)
    loss = cross_entropy(logits[0], labels[labels >= 0])
    assert torch.allclose(loss, model(input_ids=ids, labels=labels).loss)
