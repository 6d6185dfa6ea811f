"""Make the embedded family again: ``python -m tools.train_demo_family``.

Writes the tokenizer, trains every member from scratch on the embedded corpora, stores the weights in
float16. It goes on where it was stopped: members that are there are not trained again, except with
``--afresh``. `tools.measure_demo_family` then says how good they are.
"""

from __future__ import annotations

import argparse
import math
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors.numpy import load_file, save_file
from transformers import AutoConfig

from exporters.files import CONFIG
from exporters.tasks import EMBEDDING, TASKS
from harness.checkpoints.labels import written_labels
from harness.checkpoints.loading import HEADS, MASKED_LANGUAGE_MODEL, classifies
from harness.config.tasks import QuestionAnswering
from harness.demo.corpora import CORPORA, generate
from harness.demo.weights import FAMILY, MODELS, TOKENIZER_FILES, WEIGHTS
from harness.examples.records import TextExample
from harness.training.fine_tuning import fine_tune
from harness.training.masked_language_model import train_masked_language_model
from tools.demo_family_members import (
    EXAMPLES,
    MAX_POSITIONS,
    RECIPES,
    TRAINING_SEED,
    VOCABULARY,
    Member,
    member,
)
from tools.demo_tokenizer import SPECIAL, write_tokenizer
from tools.train_demo_encoder import train_encoder


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Train the embedded family.")
    parser.add_argument("--family", type=Path, default=FAMILY, help="the folder to write to")
    parser.add_argument("--task", choices=tuple(MODELS), action="append", help="this task only")
    parser.add_argument("--model", action="append", help="this member only")
    parser.add_argument("--afresh", action="store_true", help="train members that are there already, too")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    if options.afresh or not (options.family / TOKENIZER_FILES[0]).is_file():
        write_tokenizer(options.family, size=VOCABULARY, positions=MAX_POSITIONS)
    for task in options.task or MODELS:
        for name in MODELS[task]:
            there = (options.family / task / name / WEIGHTS).is_file()
            if (options.model and name not in options.model) or (there and not options.afresh):
                continue
            started = time.process_time()
            train_member(name, task, options.family)
            print(f"{task} {name}: {time.process_time() - started:.0f} s of CPU", flush=True)


def train_member(name: str, head: str, family: Path) -> None:
    """Train one member with the tokenizer of ``family`` and store it there."""
    with tempfile.TemporaryDirectory(prefix="scalemodel-family-") as folder:
        start, trained, work = (Path(folder) / part for part in ("start", "trained", "work"))
        own = member(head, name)
        write_start(start, head, own, family)
        recipe, size = RECIPES[own.task], EXAMPLES[own.task]

        def progress(what: str, share: float) -> None:
            if round(share * 1000) % 50 == 0:
                print(f"  {head} {name}: {what}", flush=True)

        if head == MASKED_LANGUAGE_MODEL:
            examples = generate("text-classification", "train", size, TRAINING_SEED)
            texts = [cast(TextExample, example).text for example in examples]
            train_masked_language_model(
                start, trained, texts=texts, recipe=recipe, seed=own.seed, work=work, progress=progress
            )
        elif head == EMBEDDING.task:
            train_encoder(
                start,
                trained,
                examples=size,
                recipe=recipe,
                seed=own.seed,
                corpus_seed=TRAINING_SEED,
                progress=progress,
            )
        else:
            fine_tune(
                start,
                trained,
                task=own.task,
                examples=generate(own.task, "train", size, TRAINING_SEED),
                labels=CORPORA[own.task].labels,
                recipe=recipe,
                seed=own.seed,
                teacher=None,
                distillation=None,
                question_answering=QuestionAnswering() if own.task == "question-answering" else None,
                work=work,
                progress=progress,
            )
        _store(trained, family / head / name)


def write_start(destination: Path, head: str, own: Member, family: Path) -> None:
    """Write a checkpoint with initial weights from the member's seed and the tokenizer of ``family``."""
    shape = own.shape
    config = AutoConfig.for_model(
        "bert",
        vocab_size=VOCABULARY,
        num_hidden_layers=shape.layers,
        hidden_size=shape.hidden,
        num_attention_heads=shape.heads,
        intermediate_size=shape.intermediate,
        max_position_embeddings=MAX_POSITIONS,
        initializer_range=0.08,  # the usual 0.02 is for 768 units; these have a tenth of that
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        pad_token_id=SPECIAL.index("[PAD]"),
        **_outputs(head, own.task),
    )
    torch.manual_seed(own.seed)
    model = HEADS[head].from_config(config)
    _favour_equal_tokens(model.base_model)
    model.save_pretrained(destination)
    for file in TOKENIZER_FILES:
        shutil.copyfile(family / file, destination / file)


def _outputs(head: str, task: str) -> dict[str, Any]:
    """The fields of a configuration that say what the head's outputs are."""
    if not classifies(head):
        return {}
    return written_labels(CORPORA[task].labels or ("score",), multi_label=TASKS[head].multi_label)


def _favour_equal_tokens(bert: Any) -> None:
    """Let attention begin with tokens that are equal, or near: it is what reading comprehension needs first.

    Keys begin equal to queries, after mimetic initialisation (Trockman and Kolter 2023), and the position
    embeddings as sinusoids (Vaswani et al. 2017). From the usual start, small BERTs spend most of their
    training before they find that a name in the question and in the passage is the same.
    """
    with torch.no_grad():
        positions = bert.embeddings.position_embeddings.weight
        count, width = positions.shape
        angles = torch.arange(count)[:, None] * torch.exp(-math.log(1000) * torch.arange(0, width, 2) / width)
        positions[:, 0::2] = 0.05 * torch.sin(angles)
        positions[:, 1::2] = 0.05 * torch.cos(angles)
        for layer in bert.encoder.layer:
            attention = layer.attention.self
            attention.query.weight.normal_(std=1 / math.sqrt(width))
            attention.key.weight.copy_(attention.query.weight)


def _store(trained: Path, destination: Path) -> None:
    """Keep config.json and the weights in float16, whole or not at all."""
    destination.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(trained / CONFIG, destination / CONFIG)
    half = {key: tensor.astype(np.float16) for key, tensor in load_file(trained / WEIGHTS).items()}
    unfinished = destination / f"{WEIGHTS}.unfinished"
    save_file(half, unfinished, metadata={"format": "pt"})
    unfinished.replace(destination / WEIGHTS)


if __name__ == "__main__":
    main()
