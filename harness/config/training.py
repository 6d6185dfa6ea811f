"""Settings of fine-tuning."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from harness.config.strict import Strict


class Distillation(Strict):
    """Soft labels from the reference (Hinton et al. 2015): ``alpha`` weighs them against the gold labels."""

    temperature: Annotated[float, Field(gt=0)] = 2.0
    alpha: Annotated[float, Field(ge=0, le=1)] = 0.5


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
