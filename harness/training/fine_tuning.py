"""Fine-tuning of one checkpoint for a task, by a recipe that is the same for every model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedModel

from exporters.embedding import read_pooling
from exporters.tasks import IDENTITY, Head
from harness.checkpoints.loading import load_model
from harness.checkpoints.pruning import KeepZeros, is_sparse
from harness.checkpoints.tokenizer_files import copy_tokenizer
from harness.config.task_registry import task_class
from harness.config.tasks import QuestionAnswering
from harness.config.training import PlannedDistillation, Recipe
from harness.errors import UserError
from harness.examples.records import Example
from harness.tasks.fast_tokenizer import FastTokenizer, read_tokenizer
from harness.tasks.task import IGNORED, task_for
from harness.training.batches import FeatureDataset
from harness.training.distillation import DistillingTrainer
from harness.training.model_inputs import (
    accepted_inputs,
    require_positions,
    save,
    without_attention_dropout,
)
from harness.training.teacher import TaughtOutputs, Teacher, ends_of_blocks, load_teacher, soft_labels
from harness.training.trainer import ResumableTrainer, train


def fine_tune(
    starting: Path,
    destination: Path,
    *,
    task: str,
    examples: Sequence[Example],
    labels: tuple[str, ...] | None,
    recipe: Recipe,
    seed: int,
    teacher: Path | None,
    distillation: PlannedDistillation | None,
    question_answering: QuestionAnswering | None,
    work: Path,
    progress: Callable[[str, float], None],
) -> dict[str, Any]:
    """Fine-tune the checkpoint folder ``starting`` (with the task's head) and write it to ``destination``.

    Saves are kept in ``work``; called again with the same arguments it goes on from the last one, and
    the weights are those of a run that was not disturbed (on one machine, with as many threads). Weights that were
    pruned stay 0. With ``distillation`` the checkpoint ``teacher`` is learned from, and of embeddings it alone.
    Returns a record of the training, with no time in it. Raises `UserError` for input that cannot be trained on,
    `StepFailed` when it diverges.
    """
    if not examples:
        raise UserError(f"no training examples for {task}: data.train is empty")
    tokenizer = read_tokenizer(starting)
    head = task_class(task).head
    model = load_model(starting, task=head.task, **without_attention_dropout(starting))
    require_positions(model, recipe.max_length)
    if head.classifies and model.config.num_labels == 1:  # it learns the scores themselves, whatever its activation was
        model.config.update({"problem_type": "regression", "sentence_transformers": IDENTITY})
    inputs, targets = _columns(tokenizer, task, examples, labels, recipe, question_answering)
    columns = {**accepted_inputs(model, inputs), **targets}
    work.mkdir(parents=True, exist_ok=True)
    trainer_class: type[ResumableTrainer] = ResumableTrainer
    options: dict[str, Any] = {}
    if distillation is not None:
        if teacher is None:
            raise UserError("distillation needs a teacher: the task's reference must be another model")
        trainer_class = DistillingTrainer
        taught_outputs, asked, kept = _taught(teacher, starting, model, tokenizer, head, inputs, distillation, progress)
        options = {"distillation": distillation, "taught_outputs": taught_outputs, "teacher": asked}
        columns |= kept
    record = train(
        trainer_class,
        model,
        FeatureDataset(columns),
        recipe=recipe,
        seed=seed,
        pad_token_id=model.config.pad_token_id or 0,
        work=work,
        description="fine-tuning",
        progress=progress,
        callbacks=[KeepZeros(model)] if is_sparse(model) else [],
        **options,
    )
    save(model, destination)
    copy_tokenizer(starting, destination)
    return {"examples": len(examples), **record}


def _columns(
    tokenizer: FastTokenizer,
    task: str,
    examples: Sequence[Example],
    labels: tuple[str, ...] | None,
    recipe: Recipe,
    question_answering: QuestionAnswering | None,
) -> tuple[dict[str, list[NDArray[np.int64]]], Mapping[str, Sequence[Any]]]:
    """What models read and the targets of their loss, one entry a feature."""
    encoder = task_for(task, question_answering=question_answering, labels=labels or ())
    encoder = encoder.with_max_tokens(recipe.max_length)
    features = encoder.encode(tokenizer, examples)
    targets = encoder.targets(examples, features)
    classes = np.hstack(targets.get("labels", [0]))
    if labels is not None and classes.dtype.kind == "i":  # else they are scores
        unnamed = classes[(classes >= len(labels)) | ((classes < 0) & (classes != IGNORED))]
        if unnamed.size:
            raise UserError(f"training label {unnamed[0]} has no name: labels names {', '.join(labels)}")
    return features.inputs, targets


def _taught(
    folder: Path,
    starting: Path,
    student: PreTrainedModel,
    tokenizer: FastTokenizer,
    head: Head,
    inputs: Mapping[str, Sequence[NDArray[np.int64]]],
    distillation: PlannedDistillation,
    progress: Callable[[str, float], None],
) -> tuple[TaughtOutputs, Teacher | None, Mapping[str, Sequence[NDArray[np.float32]]]]:
    """What is looked at of the student, and the teacher, to be asked, or the columns of what it says."""
    model = load_teacher(folder, student, tokenizer, head)
    own, theirs = (
        TaughtOutputs(head, None if head.outputs else distillation.pooling or read_pooling(checkpoint))
        for checkpoint in (starting, folder)
    )
    read = accepted_inputs(model, inputs)
    if distillation.hidden_states:
        layers = ends_of_blocks(distillation.layers, model.config.num_hidden_layers)
        return own, Teacher(model, theirs, tuple(read), layers), {}
    pad_token_id = student.config.pad_token_id or 0
    return own, None, soft_labels(model, read, taught_outputs=theirs, pad_token_id=pad_token_id, progress=progress)
