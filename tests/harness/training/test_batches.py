"""The order of the features, and padding."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from harness.checkpoints.loading import load_model
from harness.training.batches import Collator, EpochSampler


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
