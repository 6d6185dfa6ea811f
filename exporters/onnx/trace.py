"""A model traced to an ONNX file, with one more output than its class has.

By optimum's exporter where it is installed, which holds transformers below 4.58, else by torch's own. Both trace with
TorchScript: ONNX Runtime fuses no attention of a graph from torch's newer exporter.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exporters.pooling import keep_last_hidden_state

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel


OPSET = 18
"""At least: LayerNormalization is one operator since 17, and the reductions of 18 take their axes as an input."""


def export_with_output(
    model: PreTrainedModel,
    path: Path,
    *,
    task: str,
    output: str,
    axes: dict[int, str],
    made_of: Callable[[Tensor, Tensor], Tensor],
    otherwise: str,
) -> None:
    """Export ``model`` to the ONNX file ``path`` for ``task``, in optimum's words; its ``forward`` is replaced.

    Inputs: int64 ``input_ids``, ``attention_mask`` and, where the model has them, ``token_type_ids``, each (batch,
    sequence). Outputs: the task's logits, and ``output``, whose free ``axes`` are named: it is ``made_of`` the last
    hidden state (batch, sequence, hidden) and the attention mask (batch, sequence). Raises `ExportError`, which says
    what to do ``otherwise``, for an architecture that is not exported.
    """
    _add_output(model, output, made_of)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's, about Python values that are constant here
        if has_optimum():
            from exporters.onnx import optimum_export

            optimum_export.export(model, path, task=task, output=output, axes=axes, opset=OPSET, otherwise=otherwise)
        else:
            from exporters.onnx import torch_export

            torch_export.export(model, path, task=task, output=output, axes=axes, opset=OPSET, otherwise=otherwise)


def has_optimum() -> bool:
    """Whether optimum's exporter is installed, without importing it."""
    try:
        metadata.version("optimum-onnx")
    except metadata.PackageNotFoundError:
        return False
    return True


def _add_output(model: PreTrainedModel, name: str, made_of: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Let ``model`` return it beside its logits."""
    forward = model.forward
    signature = inspect.signature(forward)
    take = None if model.base_model is model else keep_last_hidden_state(model)

    def with_output(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs).arguments
        outputs = forward(**{**given, **given.pop("kwargs", {})})
        outputs[name] = made_of(outputs[0] if take is None else take(), given["attention_mask"])
        return outputs

    # The exporters order the inputs by the signature; functools.wraps would make them call the wrapped function.
    with_output.__signature__ = signature  # type: ignore[attr-defined]
    model.forward = with_output
