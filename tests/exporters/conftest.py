"""Small random checkpoints of two architectures, and padded batches for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from exporters.artifact import export
from exporters.formats import FORMATS
from exporters.onnx.graph import read_model
from exporters.tasks import TASKS
from tests.shared import shared_folder

VOCABULARY = 120
Batch = dict[str, NDArray[np.int64]]
CHECKPOINTS = {
    "bert-qa": "question-answering",
    "distilbert-qa": "question-answering",
    "bert-classes": "text-classification",
    "distilbert-classes": "text-classification",
    "bert-tags": "token-classification",
    "distilbert-tags": "token-classification",
    "tinybert-qa": "question-answering",
    "bert-embedding": "feature-extraction",
    "distilbert-embedding": "feature-extraction",
}


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folders of `CHECKPOINTS`, by name."""
    return {name: shared_folder(tmp_path_factory, name, partial(_save, name)) for name in CHECKPOINTS}


@pytest.fixture(scope="session")
def artifact(checkpoints: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """``artifact(checkpoint name, format, pooling)``: the folder of an artifact, exported once a session."""

    def get(name: str, format: str, pooling: str = "cls") -> Path:
        if (reason := FORMATS[format].missing()) is not None:
            pytest.skip(reason)
        parent = FORMATS[format].parent
        source = checkpoints[name] if parent is None else get(name, parent, pooling)

        def make(folder: Path) -> None:
            calibration = [_random_batch(seed, 6, length) for seed, length in enumerate((12, 48, 24, 36))]
            export(format, source, folder, task=CHECKPOINTS[name], pooling=pooling, calibration=calibration)

        return shared_folder(tmp_path_factory, f"{name}-{format}-{pooling}", make)

    return get


@pytest.fixture(scope="session")
def tasks() -> dict[str, str]:
    """The task of each of `checkpoints`."""
    return CHECKPOINTS


@pytest.fixture(scope="session")
def make_batch() -> Callable[[int, int, int], Batch]:
    """``make_batch(seed, rows, length)``, see `_random_batch`."""
    return _random_batch


@pytest.fixture(scope="session")
def run() -> Callable[..., list[dict[str, NDArray[Any]]]]:
    """``run(folder, batches)``, see `_run`."""
    return _run


def _random_batch(seed: int, rows: int, length: int) -> Batch:
    """A padded batch: the first row fills it, the others are shorter and shorter, down to 3 tokens."""
    generator = np.random.default_rng(seed)
    lengths = np.linspace(length, 3, rows).astype(int)
    mask = (np.arange(length) < lengths[:, None]).astype(np.int64)
    words = generator.integers(5, VOCABULARY, (rows, length))
    words[:, 0] = 2
    return {"input_ids": words * mask, "attention_mask": mask, "token_type_ids": np.zeros_like(mask)}


@pytest.fixture(scope="session")
def batches() -> list[Batch]:
    """Padded batches that no calibration has seen."""
    return [_random_batch(seed, 8, length) for seed, length in ((100, 40), (101, 9), (102, 64))]


def _run(folder: Path, batches: Sequence[Mapping[str, NDArray[Any]]]) -> list[dict[str, NDArray[Any]]]:
    """Run the ONNX model of ``folder`` on one CPU thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    # Formats for other devices have weights of 8 bits, which overflow 16-bit sums on an x86-64 without VNNI.
    options.add_session_config_entry("session.x64quantprecision", "1")
    if any(weight.data_type == weight.FLOAT8E4M3FN for weight in read_model(folder, weights=False).graph.initializer):
        options.add_session_config_entry("session.disable_quant_qdq", "1")  # as `backends.onnxruntime.cpu`
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=["CPUExecutionProvider"])
    inputs = [value.name for value in session.get_inputs()]
    outputs = [value.name for value in session.get_outputs()]
    results = (session.run(outputs, {name: batch[name] for name in inputs}) for batch in batches)
    return [dict(zip(outputs, values, strict=True)) for values in results]


def _save(name: str, folder: Path) -> None:
    import torch
    import transformers
    from tokenizers import Tokenizer, models, pre_tokenizers

    torch.manual_seed(7)
    labels = {"id2label": {0: "bad", 1: "fair", 2: "good"}, "label2id": {"bad": 0, "fair": 1, "good": 2}}
    extra = labels if name.endswith(("classes", "tags")) else {}
    config: transformers.PretrainedConfig
    if not name.startswith("distilbert"):
        hidden, heads = (312, 12) if name.startswith("tinybert") else (32, 2)
        config = transformers.BertConfig(
            vocab_size=VOCABULARY,
            hidden_size=hidden,
            num_hidden_layers=2,
            num_attention_heads=heads,
            intermediate_size=2 * hidden,
            max_position_embeddings=64,
            initializer_range=0.3 if hidden == 32 else 0.05,
            **extra,
        )
    else:
        config = transformers.DistilBertConfig(
            vocab_size=VOCABULARY,
            dim=32,
            n_layers=2,
            n_heads=2,
            hidden_dim=64,
            max_position_embeddings=64,
            initializer_range=0.3,
            **extra,
        )
    loader = getattr(transformers, TASKS[CHECKPOINTS[name]].auto_class)
    loader.from_config(config).save_pretrained(folder)
    words = {word: index for index, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"])}
    words |= {f"word{index}": index for index in range(len(words), VOCABULARY)}
    tokenizer = Tokenizer(models.WordPiece(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(folder / "tokenizer.json"))
