"""A model through torch's own exporter, with the names and free axes that optimum gives it."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from exporters.errors import ExportError, one_line
from exporters.tasks import TASKS

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

BATCH, LENGTH = 2, 16
"""Of what is traced; both stay free in the graph."""
FREE = {0: "batch_size", 1: "sequence_length"}


def export(
    model: PreTrainedModel,
    path: Path,
    *,
    task: str,
    output: str,
    axes: dict[int, str],
    opset: int,
    otherwise: str,
) -> None:
    """Write the task's logits and ``output``, which the model returns too, in ``opset``.

    Raises `ExportError` for an architecture that torch cannot trace.
    """
    import torch

    per_token = task == "fill-mask" or TASKS[task].per_token
    free = {name: FREE if per_token else {0: FREE[0]} for name in _logits(task)}
    free[output] = axes
    inputs = _inputs(model)
    forward, signature = model.forward, inspect.signature(model.forward)

    def named(*args: Any, **kwargs: Any) -> tuple[Tensor, ...]:
        outputs = forward(*args, **kwargs)
        return tuple(outputs[name] for name in free)

    named.__signature__ = signature  # type: ignore[attr-defined]  # by which the exporter orders the inputs
    model.forward = named
    try:
        with _added_mask(model):
            torch.onnx.export(
                model,
                (inputs,),
                str(path),
                input_names=list(inputs),
                output_names=list(free),
                dynamic_axes=dict.fromkeys(inputs, FREE) | free,
                opset_version=opset,
                dynamo=False,
            )
    except MemoryError:
        raise
    except Exception as error:  # of torch and the model's own code, of many kinds
        raise ExportError(
            f"torch cannot export {model.config.model_type!r} for {task} ({one_line(error)}): {otherwise}"
        ) from error


@contextmanager
def _added_mask(model: PreTrainedModel) -> Iterator[None]:
    """Transformers 5's mask as 4.57 makes it: ``(1 - mask) * lowest``, to be added to every row of scores.

    Its own picks one number for each pair of tokens out of the mask and copies the result to (batch, 1, sequence,
    sequence): ONNX Runtime fuses no attention behind that, and the copy's shape keeps a CUDA graph from being captured.
    """
    import torch

    def added(config: Any, inputs_embeds: Tensor, attention_mask: Tensor, *rest: Any, **more: Any) -> Tensor:
        return (1 - attention_mask[:, None, None, :].to(inputs_embeds.dtype)) * torch.finfo(inputs_embeds.dtype).min

    module = sys.modules[type(model.base_model).__module__]
    if not hasattr(module, "create_bidirectional_mask"):  # of transformers 4.57, or with masks of its own
        yield
        return
    with mock.patch.object(module, "create_bidirectional_mask", added):
        yield


def _logits(task: str) -> list[str]:
    return ["logits"] if task == "fill-mask" else list(TASKS[task].outputs)


def _inputs(model: PreTrainedModel) -> dict[str, Tensor]:
    """A batch of random tokens, the second text shorter, in the order of the model's signature.

    Kinds of tokens only where the model tells them apart: RoBERTa has one kind, DeBERTa-v3 has none.
    """
    import torch

    taken = inspect.signature(model.forward).parameters
    mask = torch.ones(BATCH, LENGTH, dtype=torch.int64)
    mask[1, LENGTH // 2 :] = 0
    tokens = torch.randint(model.config.vocab_size, mask.shape, generator=torch.Generator().manual_seed(0))
    inputs = {"input_ids": tokens, "attention_mask": mask}
    if "token_type_ids" in taken and getattr(model.config, "type_vocab_size", 0) > 1:
        inputs["token_type_ids"] = torch.zeros_like(mask)
    return {name: inputs[name] for name in taken if name in inputs}
