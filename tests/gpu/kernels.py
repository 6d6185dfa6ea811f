"""``kernels.json``: which kernels an inference launches, and how long each takes, by torch's profiler.

On the stand-in, what ONNX Runtime asks of CUDA in one inference; a real driver has no such count.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.gpu.device import asked_of_cuda, standin, summed, torch_on_cuda
from tests.gpu.models import batch, formats, largest_made, opened
from tests.gpu.record import Record

SHAPE = (8, 128)
WARM_UP = 3


def run(root: Path, record: Record) -> None:
    model = record.item("model", lambda: largest_made(root))
    for format in formats(model) if model else ():
        for graph in (False, True):
            record.item(
                f"onnxruntime-cuda {format}, {'graph' if graph else 'eager'}",
                lambda f=format, g=graph: _onnxruntime(root, model, f, g),  # type: ignore[misc]
            )
    for type in ("float32", "float16"):
        record.item(f"torch {type}", lambda t=type: _torch(root, model, t))  # type: ignore[misc]


def _onnxruntime(root: Path, model: str, format: str, graph: bool) -> Any:
    feeds = batch(*SHAPE)
    with opened(root, model, format, [SHAPE] if graph else ()) as backend:
        for _ in range(WARM_UP):
            backend.infer(feeds)
        if standin() is not None:
            counts = asked_of_cuda(lambda: backend.infer(feeds))
            return {"sums": summed(counts), "asked of CUDA": counts}
        return _profiled(lambda: backend.infer(feeds))


def _torch(root: Path, model: str, type: str) -> Any:
    torch = torch_on_cuda()
    from transformers import BertForQuestionAnswering

    checkpoint = root / "models" / model / "checkpoint"
    module = BertForQuestionAnswering.from_pretrained(checkpoint, dtype=getattr(torch, type)).eval().cuda()
    tensors = {name: torch.from_numpy(array).cuda() for name, array in batch(*SHAPE).items()}
    with torch.inference_mode():
        for _ in range(WARM_UP):
            module(**tensors)
        return _profiled(lambda: module(**tensors))


def _profiled(work: Callable[[], object]) -> dict[str, Any]:
    """By the name of each kernel and copy: how often, and microseconds in all; of one call of ``work``.

    CUPTI sees those of ONNX Runtime too, and those in a CUDA graph one by one.
    """
    torch = torch_on_cuda()
    activity = torch.profiler.ProfilerActivity
    with torch.profiler.profile(activities=[activity.CPU, activity.CUDA]) as profile:
        work()
        torch.cuda.synchronize()
    # Operators carry the time of their kernels too, so that all would count twice.
    on_device = [entry for entry in profile.key_averages() if entry.device_type == torch.autograd.DeviceType.CUDA]
    on_device.sort(key=lambda entry: -entry.self_device_time_total)
    return {
        "kernels and copies": sum(entry.count for entry in on_device),
        "microseconds": sum(entry.self_device_time_total for entry in on_device),
        "kernels": {entry.key: [entry.count, round(entry.self_device_time_total, 1)] for entry in on_device},
    }
