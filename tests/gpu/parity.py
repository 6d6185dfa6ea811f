"""``parity.json``: every format against the checkpoint in float64 on the CPU, with TF32 and without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.gpu.device import torch_on_cuda
from tests.gpu.models import Feeds, batch, formats, opened, sizes
from tests.gpu.record import Record

SHAPES = {"small": (8, 128), "large": (4, 128)}

Outputs = dict[str, NDArray[np.float64]]


def run(root: Path, record: Record) -> None:
    for model in sizes():
        feeds = batch(*SHAPES[model], full=False)
        expected: Outputs = {}

        def reference(model: str = model, feeds: Feeds = feeds, expected: Outputs = expected) -> dict[str, Any]:
            expected.update(_in_float64(root / "models" / model / "checkpoint", feeds))
            return {name: {"spread": float(array.std())} for name, array in expected.items()}

        if record.item(f"{model}/float64", reference) is None:
            continue
        for format in formats(model):
            for tf32 in (0, 1):
                record.item(
                    f"{model}/{format}, TF32 {'on' if tf32 else 'off'}",
                    lambda m=model, f=format, t=tf32, x=feeds, e=expected: _onnxruntime(root, m, f, t, x, e),  # type: ignore[misc]
                )
        for type in ("float32", "float16", "bfloat16"):
            record.item(
                f"{model}/torch {type}",
                lambda m=model, t=type, x=feeds, e=expected: _torch(root, m, t, x, e),  # type: ignore[misc]
            )


def _in_float64(checkpoint: Path, feeds: Feeds) -> Outputs:
    return _by_torch(checkpoint, feeds, "float64", "cpu")


def _by_torch(checkpoint: Path, feeds: Feeds, type: str, device: str) -> Outputs:
    import torch
    from transformers import BertForQuestionAnswering

    model = BertForQuestionAnswering.from_pretrained(checkpoint, dtype=getattr(torch, type)).eval().to(device)
    with torch.inference_mode():
        tensors = {name: torch.from_numpy(array).to(device) for name, array in feeds.items()}
        made = model(**tensors, output_hidden_states=True)
    outputs = {name: made[name] for name in ("start_logits", "end_logits")}
    outputs["representation"] = made.hidden_states[-1][:, 0]
    return {name: tensor.double().cpu().numpy() for name, tensor in outputs.items()}


def _onnxruntime(root: Path, model: str, format: str, tf32: int, feeds: Feeds, expected: Outputs) -> Any:
    with opened(root, model, format, use_tf32=tf32) as backend:
        return {
            **_compared(backend.infer(feeds), expected, feeds),
            "left to the CPU": backend.describe()["left_to_cpu"],
        }


def _torch(root: Path, model: str, type: str, feeds: Feeds, expected: Outputs) -> Any:
    torch_on_cuda()
    return _compared(_by_torch(root / "models" / model / "checkpoint", feeds, type, "cuda"), expected, feeds)


def _compared(outputs: Any, expected: Outputs, feeds: Feeds) -> dict[str, Any]:
    """Of each output the largest difference and the root mean square one, as shares of its spread; padding left out."""
    told = feeds["attention_mask"].astype(bool)
    found = {}
    for name, known in expected.items():
        rows: Any = told if known.shape == told.shape else slice(None)
        differences = np.abs(outputs[name][rows].astype(np.float64) - known[rows])
        spread = known[rows].std()
        found[name] = {
            "largest": float(differences.max() / spread),
            "root mean square": float(np.sqrt((differences**2).mean()) / spread),
            "finite": bool(np.isfinite(outputs[name]).all()),
        }
    return found
