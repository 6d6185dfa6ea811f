"""``throughput.json``: batches of many budgets by one, two and four callers, and PyTorch in three types beside them."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from backends.onnxruntime.ceilings import Workload, addition, matmul
from benchmarks.performance.clock import shortest
from harness.inference.ceilings import RUNS
from tests.gpu.device import need, torch_on_cuda
from tests.gpu.models import Feeds, batch, formats, largest_made, opened
from tests.gpu.record import Record

BUDGETS = (4096, 16_384, 32_768, 65_536, 131_072)
"""Padded tokens of a batch."""
CALLERS = (1, 2, 4)
LENGTH = 128
SECONDS = 0.4
"""Of each figure, after a pass over all batches that warms up."""


def run(root: Path, record: Record) -> None:
    for arithmetic in ("fp32", "fp16"):
        record.item(f"ceiling of matmuls in {arithmetic}, FLOP a second", partial(_ceiling, matmul, arithmetic))
    record.item("ceiling of memory, bytes a second", partial(_ceiling, addition))
    model = record.item("model", lambda: largest_made(root))
    items: dict[str, Callable[[float], Any]] = {}
    for format in reversed(formats(model)) if model else ():
        items[f"onnxruntime-cuda {format}"] = partial(_format, root, model, format)
    for type, compiled in (("float16", False), ("bfloat16", False), ("float32", False), ("float16", True)):
        items[f"torch {type}{', compiled' if compiled else ''}"] = partial(_torch, root, model, type, compiled)
    for number, (name, measure) in enumerate(items.items()):
        share = record.left / (len(items) - number)  # what one leaves is the others'
        record.item(f"{name}, sequences of {LENGTH} tokens a second", partial(measure, time.monotonic() + share))


def _ceiling(trial: Callable[..., Workload], *arithmetic: str) -> float:
    need("onnxruntime-cuda")
    work = trial("cuda", *arithmetic, threads=1)
    return 1e9 * work.amount / shortest(work.run, RUNS)


def batches(budget: int) -> list[Feeds]:
    """Two of about this size and of different shapes, as sorted texts come."""
    return [batch(budget // length, length) for length in (LENGTH, LENGTH - 16)]


def _format(root: Path, model: str, format: str, until: float) -> dict[str, Any]:
    with opened(root, model, format) as backend:
        return _rates(backend.infer, CALLERS, until)


def _torch(root: Path, model: str, type: str, compiled: bool, until: float) -> dict[str, Any]:
    torch = torch_on_cuda()
    from transformers import BertForQuestionAnswering

    checkpoint = root / "models" / model / "checkpoint"
    module: Any = BertForQuestionAnswering.from_pretrained(checkpoint, dtype=getattr(torch, type)).eval().cuda()
    module = torch.compile(module, dynamic=True) if compiled else module

    def infer(feeds: Feeds) -> None:
        with torch.inference_mode():
            made = module(**{name: torch.from_numpy(array).cuda() for name, array in feeds.items()})
            made.start_logits.float().cpu()

    return _rates(infer, (1,), until)


def _rates(infer: Callable[[Feeds], object], callers: Sequence[int], until: float) -> dict[str, float]:
    """By budget and callers, as many as there is time for."""
    found: dict[str, float] = {}
    for budget, count in itertools.product(BUDGETS, callers):
        work = batches(budget)
        warm_up = count * len(work) * budget / LENGTH / max(found.values(), default=np.inf)
        if time.monotonic() + warm_up + SECONDS > until:
            break
        found[f"budget {budget}, callers {count}"] = rate(infer, work, count)
    return found


def rate(infer: Callable[[Feeds], object], work: Sequence[Feeds], callers: int) -> float:
    """Tokens a second over `LENGTH`, of ``callers`` threads that live on and have met every batch before."""
    done, together = np.zeros(callers), threading.Barrier(callers)
    clock = np.zeros((callers, 2))

    def call(number: int) -> None:
        for feeds in work:
            infer(feeds)
        together.wait()
        clock[number] = time.perf_counter()
        for feeds in itertools.cycle(work):
            infer(feeds)
            done[number] += feeds["attention_mask"].sum() / LENGTH
            clock[number, 1] = time.perf_counter()
            if clock[number, 1] - clock[number, 0] > SECONDS:
                return

    with ThreadPoolExecutor(callers) as threads:
        list(threads.map(call, range(callers)))
    return float((done / (clock[:, 1] - clock[:, 0])).sum())
