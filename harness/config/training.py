"""Settings of fine-tuning."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from exporters.pooling import Pooling
from harness.config.strict import Strict


class Distillation(Strict):
    """The reference as a teacher: of its soft labels (Hinton et al. 2015), or of its embeddings, which need no labels
    beside them."""

    temperature: Annotated[float, Field(gt=0)] = 2.0
    """Of the soft labels, and of the student's own."""
    alpha: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Weighs the soft labels against the gold ones."""
    hidden_states: Annotated[float, Field(ge=0)] = 0.0
    """Weighs, beside these, the mean squared distance of each layer's output from that of the reference's layer that
    it stands for (TinyBERT, Jiao et al. 2020). Of students cut or pruned from the reference. 0: not looked at."""


class PlannedDistillation(Distillation):
    """With what the study says elsewhere."""

    layers: tuple[int, ...] | None = None
    """The reference's layers that the student is made of; None: all of them."""
    pooling: Pooling | None = None
    """Of embeddings; None: as each checkpoint says itself."""


class Recipe(Strict):
    """How every model of a task that trains is fine-tuned."""

    epochs: Annotated[float, Field(gt=0)] = 3
    batch_size: Annotated[int, Field(gt=0)] = 16
    learning_rate: Annotated[float, Field(gt=0)] = 3e-5
    warmup_ratio: Annotated[float, Field(ge=0, lt=1)] = 0.1
    weight_decay: Annotated[float, Field(ge=0)] = 0.01
    max_length: Annotated[int, Field(ge=16)] = 384
    precision: Literal["fp32", "bf16"] = "fp32"
    seed: Annotated[int, Field(ge=0)] = 0


class Training(Strict):
    """A model that is trained: the task's recipe, with what differs for this model alone."""

    seed: Annotated[int, Field(ge=0)] | None = None
    distillation: Distillation | None = None
