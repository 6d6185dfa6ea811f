"""Positions and padding as a configuration tells them are those that transformers' models have."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModel

from exporters.positions import AFTER_PADDING, first_position, pad_token, usable_positions

SMALL = {
    "vocab_size": 60,
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 40,
}
COUNTED_FROM_ZERO = ("bert", "electra", "nystromformer")


def small(model_type: str, **fields: Any) -> Any:
    torch.manual_seed(1)
    if model_type == "luke":
        fields |= {"entity_vocab_size": 20}  # of half a million
    if model_type == "xmod":
        fields |= {"languages": ["en_XX"], "default_language": "en_XX"}
    return AutoConfig.for_model(model_type, **{**SMALL, **fields})


@pytest.mark.parametrize("model_type", [*sorted(AFTER_PADDING), *COUNTED_FROM_ZERO])
@pytest.mark.parametrize("padding", [None, 3])
def test_a_model_takes_as_many_tokens_as_are_told_and_no_more(model_type: str, padding: int | None) -> None:
    config = small(model_type, **({} if padding is None else {"pad_token_id": padding}))
    model = AutoModel.from_config(config).eval()
    saved = config.to_dict()
    longest = usable_positions(saved)
    assert longest is not None
    ids = torch.full((1, longest + 1), 7)
    with torch.inference_mode():
        model(input_ids=ids[:, :-1], attention_mask=torch.ones_like(ids)[:, :-1])
        with pytest.raises((IndexError, RuntimeError)):
            model(input_ids=ids, attention_mask=torch.ones_like(ids))


@pytest.mark.parametrize("model_type", sorted(AFTER_PADDING))
def test_of_robertas_kind_the_table_is_told_its_padding(model_type: str) -> None:
    config = small(model_type)
    model = AutoModel.from_config(config)
    tables = [part for name, part in model.named_modules() if name == "embeddings.position_embeddings"]
    assert {table.padding_idx for table in tables} == {pad_token(config.to_dict())}
    assert first_position(config.to_dict()) == pad_token(config.to_dict()) + 1


def test_what_a_configuration_does_not_say() -> None:
    assert usable_positions({"model_type": "bert"}) is None
    assert usable_positions({"model_type": "bert", "max_position_embeddings": -1}) is None
    assert pad_token({"model_type": "bert", "pad_token_id": None}) == 0
    assert pad_token({"model_type": "roberta"}) == 1
    assert usable_positions({"model_type": "roberta", "max_position_embeddings": 514}) == 512
