"""Models made here, of random weights, in every format that onnxruntime-cuda takes: ``python -m tests.gpu``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backends.backend import Backend
from backends.registry import open_backend, unsupported_reason
from exporters.formats import FORMATS
from tests.gpu.device import need, standin
from tests.gpu.record import Record, Skipped

TASK = "question-answering"
VOCABULARY = 30_522
POSITIONS = 512
SIZES = {"small": (6, 384, 12, 1536), "large": (24, 1024, 16, 4096)}
"""Layers, hidden, heads and intermediate size; "large" is BERT-large's."""
ON_STANDIN = {"small": (2, 64, 2, 128)}
MISSION = ("onnx-fp32", "onnx-fused", "onnx-fused-fp16", "onnx-packed-fp16")
"""Formats of BERT-large, those of them that this version has."""

Feeds = dict[str, NDArray[np.int64]]


def sizes() -> dict[str, tuple[int, int, int, int]]:
    return SIZES if standin() is None else ON_STANDIN


def formats(model: str) -> list[str]:
    """Those that onnxruntime-cuda serves and that need no calibration, parents before what is made of them."""
    served = [name for name, entry in FORMATS.items() if entry.family == "onnx" and not entry.needs_calibration]
    served = [name for name in served if unsupported_reason("onnxruntime-cuda", name) is None]
    return served if model != "large" else [name for name in MISSION if name in served]


def folder_of(root: Path, model: str, format: str) -> Path:
    """The artifact; `Skipped` where it was not made."""
    folder = root / "models" / model / format
    if not (folder / "manifest.json").exists():
        raise Skipped(f"{model}/{format} was not made in time: see models.json")
    return folder


def largest_made(root: Path) -> str:
    """The largest model of which the FP32 graph is there."""
    made = [name for name in sizes() if (root / "models" / name / "onnx-fp32" / "manifest.json").exists()]
    if not made:
        raise Skipped("no model was made: see models.json")
    return made[-1]


@contextmanager
def opened(
    root: Path, model: str, format: str, graphs: Sequence[tuple[int, int]] = (), **provider: str | int
) -> Iterator[Backend]:
    """The artifact on onnxruntime-cuda, with ``graphs`` of these shapes; `Skipped` where that cannot be had.

    cuDNN's attention does not run on the stand-in: it is done by products and a Softmax there.
    """
    artifact = folder_of(root, model, format)
    need("onnxruntime-cuda")
    if graphs and "packed" in format:
        raise Skipped("it counts its tokens on the host, which no CUDA graph captures")
    options = {
        "provider": {**({} if standin() is None else {"sdpa_kernel": 16}), **provider},
        "cuda_graphs": [list(shape) for shape in graphs],
    }
    with open_backend("onnxruntime-cuda", artifact, format=format, task=TASK, options=options) as backend:
        yield backend


def batch(rows: int, length: int, *, full: bool = True) -> Feeds:
    """Random tokens; not ``full``: of lengths down to an eighth, padded on the right."""
    generator = np.random.default_rng(rows * 1000 + length)
    lengths = np.full(rows, length) if full else np.linspace(length, max(1, length // 8), rows).astype(int)
    mask = (np.arange(length) < lengths[:, None]).astype(np.int64)
    ids = generator.integers(1000, VOCABULARY, (rows, length)) * mask
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(mask)}


def make(root: Path, record: Record) -> None:
    """The checkpoint and the artifacts of every model, the small one first; what an earlier run made is taken."""
    from exporters.artifact import export

    for model, size in sizes().items():
        where = root / "models" / model
        if record.item(f"{model}/checkpoint", lambda: make_checkpoint(where / "checkpoint", *size)) is None:  # noqa: B023
            continue
        for format in formats(model):
            source = FORMATS[format].parent or "checkpoint"

            def write(where: Path = where, format: str = format, source: str = source) -> dict[str, Any]:
                if not (where / source / "config.json").exists() and not (where / source / "manifest.json").exists():
                    raise Skipped(f"its parent {source} was not made")
                if (where / format / "manifest.json").exists():
                    return {"made before": True}
                (where / format).mkdir(parents=True, exist_ok=True)
                manifest = export(format, where / source, where / format, task=TASK, pooling="cls")
                return {"bytes": sum(entry["bytes"] for entry in manifest.files.values())}

            record.item(f"{model}/{format}", write)


def make_checkpoint(folder: Path, layers: int, hidden: int, heads: int, intermediate: int) -> dict[str, Any]:
    """A BERT of random weights for question answering, with a tokenizer of made-up words."""
    import torch
    import transformers

    if (folder / "tokenizer.json").exists():
        return {"made before": True}
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=intermediate,
        max_position_embeddings=POSITIONS,
        num_labels=2,
    )
    model = transformers.BertForQuestionAnswering(config)
    model.save_pretrained(folder)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words += [f"word{number}" for number in range(len(words), VOCABULARY)]
    (folder / "vocab.txt").write_text("\n".join(words))
    transformers.BertTokenizerFast(vocab_file=str(folder / "vocab.txt")).save_pretrained(folder)
    return {"parameters": sum(weight.numel() for weight in model.parameters())}
