"""A larger network with a smaller one's answers: equal up to rounding, padding and all."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import BertForSequenceClassification

from harness.checkpoints.materialize import materialize
from harness.config.checkpoints import EmbeddedCheckpoint
from tests.performance.enlarged import Shape, enlarged

SHAPE = Shape(layers=11, hidden=256, heads=4, intermediate=800)
"""Of 96 units in 4 layers of 3 heads, and 192 between: nothing is a multiple but the units of a head."""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> BertForSequenceClassification:
    folder = tmp_path_factory.mktemp("small") / "checkpoint"
    materialize(
        EmbeddedCheckpoint(embedded="reference"),
        folder,
        task="text-classification",
        labels=("negative", "positive"),
        seed=0,
        resolve=Path,
        allow_new_head=False,
    )
    model: BertForSequenceClassification = BertForSequenceClassification.from_pretrained(folder)
    return model.eval()


def test_the_logits_are_the_small_one_s(small: BertForSequenceClassification) -> None:
    large = enlarged(small, SHAPE)
    config = large.config
    assert (config.num_hidden_layers, config.hidden_size, config.num_attention_heads) == (11, 256, 4)
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(5, small.config.vocab_size, (8, 24), generator=generator)
    mask = torch.ones_like(ids)
    mask[1, 12:] = mask[5, 3:] = 0
    types = torch.zeros_like(ids)
    types[2, 10:] = 1
    with torch.no_grad():
        expected, found = (model(ids, mask, types).logits for model in (small, large))
    assert expected.std() > 1  # else all is equal to all
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        (Shape(11, 192, 3, 800), "too narrow"),
        (Shape(11, 256, 4, 387), "too narrow"),
        (Shape(7, 256, 4, 800), "cannot hold"),
        (Shape(11, 240, 3, 800), "cannot hold"),
    ],
)
def test_a_shape_without_room_is_refused(small: BertForSequenceClassification, shape: Shape, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        enlarged(small, shape)
