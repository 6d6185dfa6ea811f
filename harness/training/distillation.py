"""Knowledge distillation: what a teacher says mixed with the gold labels.

Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural Network" (2015), section 2. For hidden states Jiao et al.,
"TinyBERT" (2020), section 3.1; for embeddings Reimers and Gurevych, "Making Monolingual Sentence Embeddings
Multilingual using Knowledge Distillation" (2020), section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import kl_div, log_softmax

from harness.config.training import Distillation
from harness.tasks.task import IGNORED
from harness.training.batches import FAR_BELOW
from harness.training.teacher import PREFIX, REPRESENTATION, TaughtOutputs, Teacher
from harness.training.trainer import ResumableTrainer


def distillation_loss(student: torch.Tensor, teacher: torch.Tensor, temperature: float) -> torch.Tensor:
    """KL(teacher || student) of the softened distributions times T², mean over the batch.

    Both are logits, shape (batch, classes or tokens). T² keeps the gradients' size as T changes.
    """
    divergence = kl_div(
        log_softmax(student.float() / temperature, dim=-1),
        log_softmax(teacher.float() / temperature, dim=-1),
        reduction="batchmean",
        log_target=True,
    )
    return divergence * temperature**2


def embedding_loss(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """The squared error of (batch, width) embeddings, summed over their width, mean over the batch.

    Of normalised ones that is 2 - 2 cos, whatever the width.
    """
    return (student.float() - teacher.float()).square().sum(dim=1).mean()


def hidden_state_loss(
    student: Sequence[torch.Tensor], teacher: Sequence[torch.Tensor], attention_mask: torch.Tensor
) -> torch.Tensor:
    """TinyBERT's equation 8 without its projection, since both are as wide: the mean squared error of hidden states.

    Both are (batch, tokens, width), one a layer of the student. The mean is over the tokens whose mask (batch, tokens)
    is 1, and over the layers, where TinyBERT has their sum: one weight then serves students of any depth.
    """
    real = attention_mask.bool()
    errors = [
        (own[real].float() - other[real].float()).square().mean() for own, other in zip(student, teacher, strict=True)
    ]
    return torch.stack(errors).mean()


class DistillingTrainer(ResumableTrainer):
    """Mixes the loss on the gold labels with that on the soft ones, which ``alpha`` weighs.

    Where there are no gold labels the loss on embeddings is alone. ``teacher`` is asked where hidden states count,
    whose loss is added; else what it says of a feature is in the feature's columns.
    """

    def __init__(
        self, *, distillation: Distillation, taught_outputs: TaughtOutputs, teacher: Teacher | None, **options: Any
    ) -> None:
        super().__init__(**options)
        self.distillation, self.taught_outputs, self.teacher = distillation, taught_outputs, teacher

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | None = None,
    ) -> Any:
        taught = {name.removeprefix(PREFIX): inputs.pop(name) for name in list(inputs) if name.startswith(PREFIX)}
        states: list[torch.Tensor] = []
        asked: dict[str, Any] = dict(inputs)
        if self.teacher is not None:
            taught, states = self.teacher(inputs)
            asked["output_hidden_states"] = True
        gold, outputs = None, None
        if self.taught_outputs.head.outputs:
            gold, outputs = super().compute_loss(model, asked, True, num_items_in_batch)
        else:
            outputs = model(**asked)
        student = self.taught_outputs(outputs, inputs["attention_mask"])
        loss = torch.stack([self._loss(name, student[name], taught[name], inputs) for name in taught]).mean()
        if gold is not None:
            loss = (1 - self.distillation.alpha) * gold + self.distillation.alpha * loss
        if states:
            own = outputs["hidden_states"][1:]  # the first are the embeddings of tokens
            loss = loss + self.distillation.hidden_states * hidden_state_loss(own, states, inputs["attention_mask"])
        return (loss, outputs) if return_outputs else loss

    def _loss(
        self, name: str, student: torch.Tensor, teacher: torch.Tensor, inputs: dict[str, torch.Tensor]
    ) -> torch.Tensor:
        if name == REPRESENTATION:
            return embedding_loss(student, teacher)
        if student.dim() == 3:  # a decision a token, of those that have a gold one
            decided = inputs["labels"] != IGNORED
            student, teacher = student[decided], teacher[decided]
        elif name in self.taught_outputs.head.per_token:  # one decision among the tokens
            padding = inputs["attention_mask"] == 0
            student, teacher = (logits.masked_fill(padding, FAR_BELOW) for logits in (student, teacher))
        return distillation_loss(student, teacher, self.distillation.temperature)
