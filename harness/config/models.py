"""The models of a task: a checkpoint or a finished file, and what is made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from harness.config.checkpoints import CheckpointSource
from harness.config.names import FormatName, Name
from harness.config.strict import Strict
from harness.config.training import Training


class PrebuiltArtifact(Strict):
    """A finished file in place of a checkpoint. Names are asked for only where they cannot be found."""

    onnx: Path | None = None
    """An ONNX file; weights that it keeps in other files lie beside it."""
    tensorrt: Path | None = None
    """Or a TensorRT engine, with inputs and outputs of the usual names; it has no other than these."""
    tokenizer: Path | None = None
    """The folder of tokenizer.json or vocab.txt; None takes the file's own."""
    logits: str | None = None
    """The output with the classes' logits (batch, labels), where it is not called ``logits``."""
    start_logits: str | None = None
    end_logits: str | None = None
    """The outputs of question answering (batch, length), where they are called otherwise."""
    input_ids: str | None = None
    attention_mask: str | None = None
    token_type_ids: str | None = None
    position_ids: str | None = None
    """The inputs (batch, length), where they are called otherwise: ``input_mask`` or ``segment_ids``, for example."""
    representation: str | None = None
    """An output, or a tensor inside: (batch, length, hidden), to be pooled, or (batch, hidden). ``none``: left out."""
    first_position: Annotated[int, Field(ge=0)] | None = None
    """Of ``position_ids``, where they are an input: 0 in BERT's kind, the padding token's id + 1 in RoBERTa's. None
    takes what the ``config.json`` beside the file tells."""
    precision: Literal["fp32", "fp16", "fp8", "int8"] | None = None
    """What the report calls it; None takes what the graph's weights and operators tell."""


Percent = Annotated[float, Field(ge=0, le=100)]


class Claimed(Strict):
    """What a checkpoint's card claims that it scores on the study's evaluation data, whole: checked by the report."""

    exact_match: Percent | None = None
    f1: Percent | None = None
    """Of question answering, as the exact match."""
    accuracy: Percent | None = None
    """Of the other tasks."""
    within: Annotated[float, Field(gt=0, le=100)] = 1.0
    """Points that what is measured may be away from it; where the evaluation is a sample, its sampling error more."""


class Model(Strict):
    """Either a checkpoint, which is exported to formats, or an artifact, which has one format of its own."""

    checkpoint: CheckpointSource | None = None
    artifact: PrebuiltArtifact | None = None
    training: Training | None = None
    """Present: fine-tuned by the task's recipe before it is exported. Absent: exported as it is."""
    replicate_of: Name | None = None
    """The same recipe with another seed: differences from that model are the seed floor."""
    claimed: Claimed | None = None
    """Scores to hold what is measured against, in percent; only as published: no training."""
    formats: tuple[FormatName, ...] | None = None
    """Instead of the study's formats."""
