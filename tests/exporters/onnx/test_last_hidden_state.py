"""The representation is what the encoder ends in, also where it normalises its last layer once more."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from backends.registry import open_backend
from exporters.artifact import export
from exporters.checkpoint import load_model
from exporters.parity import checkpoint_outputs
from exporters.pooling import pool

pytestmark = pytest.mark.slow
TASK = "text-classification"
SIZES: dict[str, Any] = {
    "vocab_size": 120,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 80,
}
TOKENS: dict[str, Any] = {"pad_token_id": 0, "bos_token_id": 2, "eos_token_id": 3, "cls_token_id": 2, "sep_token_id": 3}


@pytest.fixture(scope="module")
def normalised_at_the_end(tmp_path_factory: pytest.TempPathFactory, checkpoints: dict[str, Path]) -> Path:
    folder = tmp_path_factory.mktemp("modernbert")
    torch.manual_seed(5)
    config = transformers.ModernBertConfig(**SIZES, **TOKENS, local_attention=16)
    model = transformers.ModernBertForSequenceClassification(config)
    for name, weight in model.named_parameters():
        if "norm" in name.lower() and name.endswith("weight"):
            torch.nn.init.uniform_(weight, 0.5, 2)  # else normalising twice would show little
    model.save_pretrained(folder)
    (folder / "tokenizer.json").write_bytes((checkpoints["bert-classes"] / "tokenizer.json").read_bytes())
    return folder


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_it_is_the_base_models_last_hidden_state(normalised_at_the_end, pooling, tmp_path, batches):
    model = load_model(normalised_at_the_end, task=TASK, attention="eager")
    expected = []
    for batch in batches:
        tensors = {name: torch.from_numpy(batch[name]) for name in ("input_ids", "attention_mask")}
        with torch.inference_mode():
            encoded = model.base_model(**tensors, output_hidden_states=True)
        right = pool(encoded.last_hidden_state, tensors["attention_mask"], pooling).numpy()
        if transformers.__version__ < "5":  # since then the last of them is normalised
            last = pool(encoded.hidden_states[-1], tensors["attention_mask"], pooling).numpy()
            assert np.abs(last - right).max() > 0.1
        expected.append(right)
    for format, backend in (("onnx-fp32", "onnxruntime-cpu"), ("torch-fp32", "torch-cpu")):
        folder = tmp_path / format
        folder.mkdir()
        export(format, normalised_at_the_end, folder, task=TASK, pooling=pooling)
        with open_backend(backend, folder, format=format, task=TASK, pooling=pooling) as opened:
            for batch, right in zip(batches, expected, strict=True):
                np.testing.assert_allclose(opened.infer(batch)["representation"], right, atol=1e-4)
    for outputs, right in zip(checkpoint_outputs(normalised_at_the_end, TASK, pooling, batches), expected, strict=True):
        np.testing.assert_allclose(outputs["representation"], right, atol=1e-4)
