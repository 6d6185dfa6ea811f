"""Inputs as long as the model takes run, padded or not, and say what transformers says of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoModelForSequenceClassification, BertConfig, RobertaConfig

from exporters.artifact import export
from harness.examples.records import TextExample
from harness.inference.deployment import open_deployment
from harness.tasks.columns import matrix
from tests.harness.options import deployment_options

TASK = "text-classification"
SIZES: dict[str, Any] = {
    "vocab_size": 60,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "initializer_range": 0.5,
}
TAKES = 42  # tokens, no multiple of 16
CONFIGS = {
    "bert": BertConfig(**SIZES, max_position_embeddings=TAKES, pad_token_id=0),
    "roberta": RobertaConfig(**SIZES, max_position_embeddings=TAKES + 4, pad_token_id=3, type_vocab_size=1),
}


@pytest.fixture(scope="module", params=CONFIGS)
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    torch.manual_seed(2)
    AutoModelForSequenceClassification.from_config(CONFIGS[request.param]).save_pretrained(folder)
    words = {name: index for index, name in enumerate(("<0>", "<s>", "</s>", "<3>", "<unk>"))}
    words |= {f"w{index}": index for index in range(len(words), SIZES["vocab_size"])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.mark.parametrize(("format", "backend"), [("torch-fp32", "torch-cpu"), ("onnx-fp32", "onnxruntime-cpu")])
def test_the_execution_floor_pads_no_further_than_the_model_takes(
    checkpoint: Path, tmp_path: Path, format: str, backend: str
) -> None:
    random = np.random.default_rng(1)
    lengths = [TAKES - 2, 3, TAKES - 2, 7, TAKES - 5, 2, 100]  # the last is cut
    texts = [" ".join(f"w{word}" for word in random.integers(5, 60, length)) for length in lengths]
    manifest = export(format, checkpoint, tmp_path, task=TASK, pooling="cls")
    assert manifest.max_positions == TAKES
    options = deployment_options(backend=backend, format=format, max_length=TAKES, token_budget=256)
    tokenizer = Tokenizer.from_file(str(checkpoint / "tokenizer.json"))
    tokenizer.enable_truncation(TAKES)
    model = AutoModelForSequenceClassification.from_pretrained(checkpoint).eval()
    with torch.inference_mode():
        expected = [model(input_ids=torch.tensor([tokenizer.encode(text).ids])).logits[0].numpy() for text in texts]
    examples = [TextExample(str(index), "", text, 0) for index, text in enumerate(texts)]
    for rerun in (False, True):
        with open_deployment(tmp_path, options, rerun=rerun) as deployment:
            table = deployment.table(examples)
        np.testing.assert_allclose(matrix(table, "logits"), np.stack(expected), atol=1e-4)
