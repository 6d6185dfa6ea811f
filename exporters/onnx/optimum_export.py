"""A model through optimum's exporter, with one more output than optimum knows of. This file alone knows optimum."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exporters.errors import ExportError
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
    """Export ``model`` to the ONNX file ``path``, as optimum does it for ``task``; its ``forward`` is replaced.

    ``output``, whose free ``axes`` are named, is ``made_of`` the last hidden state (batch, sequence, hidden) and the
    attention mask (batch, sequence). Raises `ExportError`, which says what to do ``otherwise``, for an architecture
    that optimum does not export.
    """
    from optimum.exporters.onnx import export
    from optimum.exporters.tasks import TasksManager

    try:
        constructor = TasksManager.get_exporter_config_constructor(
            "onnx", model, task=task, library_name="transformers"
        )
    except (KeyError, ValueError) as error:
        raise ExportError(
            f"optimum has no ONNX export of {model.config.model_type!r} for {task}: {otherwise}"
        ) from error
    config = constructor(model.config)
    original = type(config)

    def outputs(self: Any) -> dict[str, dict[int, str]]:
        return {**original.outputs.fget(self), output: axes}

    config.__class__ = type(original.__name__, (original,), {"outputs": property(outputs)})
    _add_output(model, output, made_of)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer's, about Python values that are constant here
        export(model, config, path, opset=max(OPSET, config.DEFAULT_ONNX_OPSET))


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

    # optimum orders the inputs by the signature; functools.wraps would make it call the wrapped function.
    with_output.__signature__ = signature  # type: ignore[attr-defined]
    model.forward = with_output
