"""A model through optimum's exporter. This file alone knows optimum."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from exporters.errors import ExportError

if TYPE_CHECKING:
    from transformers import PreTrainedModel


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
    """Write what optimum writes for ``task``, in ``opset`` or later, with ``output`` that the model returns too.

    Raises `ExportError` for an architecture that optimum does not export.
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
    export(model, config, path, opset=max(opset, config.DEFAULT_ONNX_OPSET))
