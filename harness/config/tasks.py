"""A task: its models, its data, and how they are compared."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, FiniteFloat, PositiveInt
from pydantic_core import PydanticCustomError

from exporters.pooling import Pooling
from harness.config.characteristics import Characteristics
from harness.config.data import Data
from harness.config.models import Model
from harness.config.names import Name
from harness.config.strict import Strict
from harness.config.training import Recipe


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        message = 'needs a finite number (version_2_with_negative: false never answers "")'
        raise PydanticCustomError("not_finite", message)
    return value


class QuestionAnswering(Strict):
    """Decoding of extractive answers, as the reference post-processing of `run_qa.py` does it."""

    max_seq_length: Annotated[int, Field(ge=16)] = 384
    doc_stride: Annotated[int, Field(ge=1)] = 128
    n_best_size: Annotated[int, Field(ge=1)] = 20
    max_answer_length: Annotated[int, Field(ge=1)] = 30
    version_2_with_negative: bool | None = None
    """Whether "" may be the answer, as in SQuAD 2.0; false: every question is answered, as in SQuAD 1.1. None: if the
    evaluation data has unanswerable questions."""
    null_score_diff_threshold: Annotated[float, BeforeValidator(_finite)] = 0.0
    """The answer is "" where the score of that is ahead of the best span's by more than this."""


class Threshold(Strict):
    """From which score on a pair is high."""

    data: FiniteFloat
    """On the scale of the data."""
    prediction: FiniteFloat
    """On the scale of the models, behind their activation."""


def _on_one_scale(value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return {"data": value, "prediction": value} if is_number else value


class Calibration(Strict):
    """How static INT8 measures the ranges of its activations."""

    examples: Annotated[int, Field(gt=0)] = 128
    """Training examples, in padded batches of mixed lengths."""
    method: Literal["min-max", "entropy", "percentile"] = "min-max"
    """The least and the greatest value seen; the others cut off outliers, which BERT needs."""


def _number_of_examples(value: Any) -> Any:
    return {"examples": value} if isinstance(value, int) else value


class TaskSettings(Strict):
    reference: Name
    models: Annotated[dict[Name, Model], Field(min_length=1)]
    recipe: Recipe | None = None
    data: Data
    labels: tuple[str, ...] | None = None
    """The class names of text-classification and text-pair-classification, the labels of multi-label-classification, or
    the tags of token-classification, in the order of the label indices."""
    question_answering: QuestionAnswering | None = None
    threshold: Annotated[
        Threshold | None, BeforeValidator(_on_one_scale, json_schema_input_type=float | Threshold | None)
    ] = None
    """Of text-pair-regression, which needs it: a pair whose score is on the other side than the data's is an error. A
    number is that of both, where the models' scale is that of the data. Of multi-label-classification, a number: the
    probability from which on a text has a label; None: 0.5."""
    max_length: Annotated[int, Field(ge=16)] = 512
    """Longest text of every task but question answering, in tokens; longer ones are truncated, and become windows in
    token-classification."""
    pooling: Pooling | None = None
    """How the last hidden state becomes the representation. None: ``cls``; of embeddings, as each checkpoint itself
    says (the files of sentence-transformers beside it), and ``mean+normalize`` where it says nothing."""
    calibration: Annotated[
        Calibration, BeforeValidator(_number_of_examples, json_schema_input_type=PositiveInt | Calibration)
    ] = Calibration()
    """Of static INT8; a number is that many examples."""
    verification_examples: Annotated[int, Field(gt=0)] = 64
    """Evaluation examples on which every deployment is verified, before it is timed, against its checkpoint."""
    quality_loss: Annotated[float, Field(ge=0, le=1)] = 0.1
    """F1 or accuracy, as a share, that a deployment may lose on them. More, beyond doubt, fails it. Embeddings have
    none of single examples."""
    execution_floor: bool = True
    """Run the reference model's deployments a second time, batched and padded otherwise."""
    characteristics: Characteristics = Characteristics()
