"""A small random BERT, saved as people save them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModel, BertConfig

from harness.checkpoints.architectures import write_synthetic_tokenizer
from harness.checkpoints.loading import HEADS
from harness.checkpoints.synthetic_vocabulary import SIZE

Saved = Callable[..., Path]


@pytest.fixture
def saved(tmp_path: Path) -> Saved:
    """Save a BERT of 3 layers with the head of ``task`` (None: with none) and return its folder."""

    def save(task: str | None = "question-answering", **fields: Any) -> Path:
        torch.manual_seed(3)
        config = BertConfig(
            vocab_size=SIZE,
            hidden_size=16,
            num_hidden_layers=3,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=64,
            **fields,
        )
        folder = tmp_path / f"saved-{task}"
        (HEADS[task] if task else AutoModel).from_config(config).save_pretrained(folder)
        write_synthetic_tokenizer(folder)
        return folder

    return save
