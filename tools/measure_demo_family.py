"""Measure the shipped family on the embedded corpora: ``python -m tools.measure_demo_family``.

Prints its figures as tables.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from exporters.embedding import Embedding, write_embedding
from exporters.tasks import EMBEDDING, Head
from harness.checkpoints.loading import MASKED_LANGUAGE_MODEL, load_model
from harness.config.task_registry import task_class
from harness.config.tasks import Threshold
from harness.demo.corpora import CORPORA, DOCUMENTS, generate
from harness.demo.weights import MODELS, WEIGHTS, files, tasks_of, write_checkpoint
from harness.tasks.fast_tokenizer import read_tokenizer
from harness.tasks.task import task_for
from harness.training.batches import Collator
from harness.training.teacher import TaughtOutputs
from tools.demo_family_members import LARGE_TASKS

EXAMPLES = 2_000
THRESHOLDS = {"text-pair-regression": Threshold(data=2.75, prediction=2.75)}
SEED = 1
"""Seed 0 was looked at while corpora, shapes and recipes were chosen."""


def main() -> None:
    torch.set_num_threads(1)
    for head, names in MODELS.items():
        for name in names if head != MASKED_LANGUAGE_MODEL else ():
            size = next(file for file in files(name, head) if file.name == WEIGHTS).stat().st_size
            for task, splits in studied(head, name).items():
                figures = " | ".join(
                    f"{100 * value:.1f}" for split in splits for value in measure(name, task, split).values()
                )
                print(f"| {task} | {name} | {size / 1e6:.2f} | {figures} |", flush=True)


def studied(head: str, name: str) -> dict[str, tuple[str, ...]]:
    """The tasks of a member, and the splits of each whose examples are measured."""
    return {
        task: ("evaluation", "out-of-distribution") if task in LARGE_TASKS else ("evaluation",)
        for task in tasks_of(head, name)
    }


def measure(name: str, task: str, split: str, size: int = EXAMPLES) -> dict[str, float]:
    """The task's metrics, from 0 to 1; of question answering exact match over all, answerable and other questions."""
    kind = task_class(task)
    reader = task_for(task, max_length=128, labels=CORPORA[task].labels or (), threshold=THRESHOLDS.get(task))
    with tempfile.TemporaryDirectory(prefix="scalemodel-measure-") as folder:
        checkpoint = Path(folder) / name
        write_checkpoint(name, kind.head.task, checkpoint)
        if kind.head is EMBEDDING:
            write_embedding(checkpoint, Embedding())
        tokenizer = read_tokenizer(checkpoint)
        model = load_model(checkpoint, task=kind.head.task)

        def table(corpus: str) -> Any:
            examples = generate(corpus, split, size, SEED)
            features = reader.encode(tokenizer, examples)
            return reader.table(examples, features, model_outputs(model, features.inputs, kind.head))

        judged = reader.judged(table(task), table(DOCUMENTS) if task == "retrieval" else None)
    metrics = {name: value for name, value in kind.metrics(judged).items() if value is not None}
    wanted = ("exact", "exact_answerable", "exact_unanswerable") if task == "question-answering" else metrics
    return {name: metrics[name] for name in wanted}


def model_outputs(
    model: Any, inputs: Mapping[str, list[NDArray[np.int64]]], head: Head
) -> dict[str, list[NDArray[np.float32]]]:
    """Of each input the logits, trimmed to its tokens; ``representation`` is the embedding where there are none."""
    lengths = np.array([len(ids) for ids in inputs["input_ids"]])
    outputs_of = TaughtOutputs(head, None if head.outputs else Embedding().pooling)
    outputs: dict[str, list[Any]] = {"representation": [np.zeros(1, np.float32)] * len(lengths)}
    collate = Collator(pad_token_id=0)
    for chosen in np.array_split(np.argsort(lengths, kind="stable"), len(lengths) // 64 + 1):
        batch = collate([{name: column[index] for name, column in inputs.items()} for index in chosen])
        with torch.inference_mode():
            batch_outputs = outputs_of(model(**batch), batch["attention_mask"])
        for name, rows in batch_outputs.items():
            kept = outputs.setdefault(name, [None] * len(lengths))
            for row, index in zip(rows.numpy(), chosen, strict=True):
                kept[index] = row[: lengths[index]] if name in head.per_token else row
    return outputs


if __name__ == "__main__":
    main()
