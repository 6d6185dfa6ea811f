"""``onnx-fp32``: a checkpoint through optimum's exporter, with the representation as one more output.

The graph stays as the exporter writes it, in standard ONNX operators: once loaded, ONNX Runtime is as fast on
it as on one fused beforehand, and OpenVINO and TensorRT read it too. This file alone knows optimum.
"""

from __future__ import annotations

import inspect
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exporters.additive_mask import add_mask
from exporters.checkpoint import load_model
from exporters.errors import ExportError
from exporters.files import link_or_copy
from exporters.onnx_graph import REPRESENTATION, fold_identities, write_model
from exporters.pooling import pool

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def write(checkpoint: Path, destination: Path, *, task: str, pooling: str) -> None:
    """Export ``checkpoint`` to ``destination/model.onnx`` in float32, with dynamic batch and sequence.

    Raises `ExportError` for an architecture that optimum does not export.
    """
    import onnx
    from optimum.exporters.onnx import export

    # Eager attention: its scale folds into the product; an SDPA export scales queries and keys apart.
    model = load_model(checkpoint, task=task, attention="eager")
    _add_representation(model, pooling)
    config = _configuration(model, task)
    with tempfile.TemporaryDirectory(dir=destination, prefix=".export-") as scratch:
        raw = Path(scratch) / "raw.onnx"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the tracer's, about Python values that are constant here
            export(model, config, raw)
        del model
        graph = onnx.load(str(raw))
    fold_identities(graph)
    add_mask(graph)
    write_model(graph, destination)
    link_or_copy(checkpoint / "tokenizer.json", destination / "tokenizer.json")


def _configuration(model: PreTrainedModel, task: str) -> Any:
    """optimum's export configuration for this model, with the representation among the outputs."""
    from optimum.exporters.tasks import TasksManager

    try:
        constructor = TasksManager.get_exporter_config_constructor(
            "onnx", model, task=task, library_name="transformers"
        )
    except (KeyError, ValueError) as error:
        raise ExportError(
            f"optimum has no ONNX export of {model.config.model_type!r} for {task}: use torch-fp32"
        ) from error
    config = constructor(model.config)
    original = type(config)

    def outputs(self: Any) -> dict[str, dict[int, str]]:
        return {**original.outputs.fget(self), REPRESENTATION: {0: "batch_size"}}

    config.__class__ = type(original.__name__, (original,), {"outputs": property(outputs)})
    return config


def _add_representation(model: PreTrainedModel, pooling: str) -> None:
    """Let ``model`` return the pooled last hidden state beside its logits."""
    forward = model.forward
    signature = inspect.signature(forward)

    def with_representation(*args: Any, **kwargs: Any) -> Any:
        given = signature.bind(*args, **kwargs).arguments
        outputs = forward(**{**given, **given.pop("kwargs", {}), "output_hidden_states": True})
        outputs[REPRESENTATION] = pool(outputs.hidden_states[-1], given["attention_mask"], pooling)
        return outputs

    # optimum orders the inputs by the signature; functools.wraps would make it call the wrapped function.
    with_representation.__signature__ = signature  # type: ignore[attr-defined]
    model.forward = with_representation
