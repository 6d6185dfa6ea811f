"""Knowledge distillation: soft labels of a teacher mixed with the gold ones.

Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural Network" (2015), section 2.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import kl_div, log_softmax

from harness.config.training import Distillation
from harness.tasks.task import IGNORED
from harness.training.batches import FAR_BELOW, Collator
from harness.training.trainer import ResumableTrainer

PREFIX = "teacher_"
_TOKENS_A_BATCH = 8192


def soft_labels(
    teacher: torch.nn.Module,
    inputs: Mapping[str, Sequence[NDArray[np.int64]]],
    *,
    outputs: Sequence[str],
    per_token: Collection[str],
    pad_token_id: int,
    progress: Callable[[str, float], None],
) -> dict[str, list[NDArray[np.float32]]]:
    """The teacher's logits for every feature, float32: one a class, or a token, or a class of a token.

    Those named in ``per_token`` are trimmed to the feature's tokens.

    The teacher does not change and has no dropout here, so one pass serves all epochs.
    """
    lengths = np.array([len(ids) for ids in inputs["input_ids"]])
    order = np.argsort(lengths, kind="stable")
    collate = Collator(pad_token_id)
    labels: dict[str, list[Any]] = {PREFIX + name: [None] * len(lengths) for name in outputs}
    teacher.eval()
    device = next(teacher.parameters()).device
    done = 0
    while done < len(order):
        size = max(1, _TOKENS_A_BATCH // int(lengths[order[min(done + 32, len(order)) - 1]]))
        chosen = order[done : done + min(size, 32)]
        batch = collate([{name: column[index] for name, column in inputs.items()} for index in chosen])
        with torch.inference_mode():
            said = teacher(**{name: tensor.to(device) for name, tensor in batch.items()})
        for name in outputs:
            rows = said[name].float().cpu().numpy()
            for row, index in zip(rows, chosen, strict=True):
                labels[PREFIX + name][index] = row[: lengths[index]].copy() if name in per_token else row
        done += len(chosen)
        progress(f"soft labels of the teacher: {done} of {len(order)}", done / len(order))
    return labels


def distillation_loss(student: torch.Tensor, teacher: torch.Tensor, temperature: float) -> torch.Tensor:
    """KL(teacher || student) of the softened distributions times T², mean over the batch.

    Both are logits, shape (batch, classes or tokens). T² keeps the gradients' size as T changes.
    """
    divergence = kl_div(
        log_softmax(student.float() / temperature, dim=-1),
        log_softmax(teacher / temperature, dim=-1),
        reduction="batchmean",
        log_target=True,
    )
    return divergence * temperature**2


class DistillingTrainer(ResumableTrainer):
    """Mixes the loss on the gold labels with that on the soft ones, which ``alpha`` weighs."""

    def __init__(self, *, distillation: Distillation, **options: Any) -> None:
        super().__init__(**options)
        self.distillation = distillation

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | None = None,
    ) -> Any:
        taught = {name: inputs.pop(name) for name in list(inputs) if name.startswith(PREFIX)}
        gold, outputs = super().compute_loss(model, inputs, True, num_items_in_batch)
        padding = inputs["attention_mask"] == 0
        losses = []
        for name, teacher in taught.items():
            student = outputs[name.removeprefix(PREFIX)]
            if student.dim() == 3:  # a decision a token, of those that have a gold one
                decided = inputs["labels"] != IGNORED
                student, teacher = student[decided], teacher[decided]
            elif student.shape == padding.shape and name != PREFIX + "logits":
                student = student.masked_fill(padding, FAR_BELOW)
            losses.append(distillation_loss(student, teacher, self.distillation.temperature))
        soft = torch.stack(losses).mean()
        loss = (1 - self.distillation.alpha) * gold + self.distillation.alpha * soft
        return (loss, outputs) if return_outputs else loss
