"""What one inference asks of CUDA, by format: launches, copies, synchronisations, captures.

    python -m tests.performance.cuda_launches  # where tests/standin.py finds a stand-in for CUDA

A BERT of 6 layers, 384 wide, answers 8 x 128 tokens on ONNX Runtime's own CUDA provider, on libraries that stand in
for CUDA's. The counts are those of the third inference of a shape; beside them stand the captures as the session opens,
and what the first inference of another thread makes. The table is that of docs/gpu-status.md.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import threading
from dataclasses import asdict
from pathlib import Path

import numpy as np

from backends.backend import Backend
from backends.registry import open_backend
from exporters.artifact import export
from exporters.formats import FORMATS, lineage
from tests.cuda_calls import Calls, counted
from tests.standin import on_standin

TASK = "question-answering"
ROWS, LENGTH = 8, 128
MEASURED = ("onnx-fp32", "onnx-fused", "onnx-packed", "onnx-fp16", "onnx-fused-fp16", "onnx-packed-fp16", "onnx-bf16")
MATH = {"sdpa_kernel": 16}
"""ONNX Runtime's attention by products and a Softmax of their own: cuDNN's does not run on the stand-in."""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="scalemodel-launches-") as folder:
        artifacts = make_artifacts(Path(folder), MEASURED, layers=6, hidden=384, heads=12)
        print("| format | launches | copies | pageable | synchronisations | captures | at opening | a new thread's |")
        print("|---|---|---|---|---|---|---|---|")
        for name in MEASURED:
            for graphs in (False, True):
                if graphs and name.startswith("onnx-packed"):
                    continue
                opening, calls, thread = measure(artifacts[name], name, graphs=graphs)
                counts = (calls.launches, calls.copies, calls.pageable, calls.synchronisations, calls.captures)
                cells = [f"`{name}`{', a graph' if graphs else ''}", *map(str, counts), str(opening.captures)]
                print("|", " | ".join([*cells, f"{thread.made} handles, {thread.captures} captures"]), "|", flush=True)


def make_artifacts(root: Path, formats: tuple[str, ...], *, layers: int, hidden: int, heads: int) -> dict[str, Path]:
    """A BERT of random weights in each of ``formats``."""
    import torch
    import transformers
    from tokenizers import Tokenizer, models

    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=2000,
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * hidden,
    )
    checkpoint = root / "checkpoint"
    transformers.BertForQuestionAnswering(config).save_pretrained(checkpoint)
    words = {word: number for number, word in enumerate(("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"))}
    Tokenizer(models.WordPiece(words, unk_token="[UNK]")).save(str(checkpoint / "tokenizer.json"))
    wanted = {step.name for name in formats for step in lineage(name)}
    made = {}
    for name, facts in FORMATS.items():  # a format stands behind the one that it is made from
        if name in wanted:
            made[name] = root / name
            made[name].mkdir()
            source = checkpoint if facts.parent is None else made[facts.parent]
            export(name, source, made[name], task=TASK, pooling="cls")
    return made


def measure(artifact: Path, format: str, *, graphs: bool) -> tuple[Calls, Calls, Calls]:
    """Of the opening, the third inference of a shape, and the first of another thread; in a process on the stand-in."""
    printed = on_standin("-m", "tests.performance.cuda_launches", artifact, format, str(int(graphs))).stdout
    opening, calls, thread = (Calls(**found) for found in json.loads(printed.splitlines()[-1]))
    return opening, calls, thread


def _count(artifact: Path, format: str, graphs: bool) -> None:
    # The packed formats read back how many tokens there are, in all and at most in a row; the stand-in answers these.
    os.environ |= {"FAKE_T": str(ROWS * LENGTH), "FAKE_L": str(LENGTH)}
    ids = np.ones((ROWS, LENGTH), np.int64)
    feeds = {"input_ids": ids, "attention_mask": ids, "token_type_ids": np.zeros_like(ids)}
    options = {"provider": MATH, "cuda_graphs": [[ROWS, LENGTH]] if graphs else []}
    opened: list[Backend] = []

    def open_it() -> None:
        opened.append(open_backend("onnxruntime-cuda", artifact, format=format, task=TASK, options=options))

    opening = counted(open_it)
    with opened[0] as backend:

        def infer() -> None:
            backend.infer(feeds)

        def infer_in_a_new_thread() -> None:
            thread = threading.Thread(target=infer)
            thread.start()
            thread.join()

        for _ in range(2):
            infer()
        print(json.dumps([asdict(calls) for calls in (opening, counted(infer), counted(infer_in_a_new_thread))]))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        _count(Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "1")
    else:
        main()
