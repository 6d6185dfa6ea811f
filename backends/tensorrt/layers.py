"""Layers of an engine by precision, as TensorRT's engine inspector tells them: both that of 10 and that of 11."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

from backends.errors import BackendError

MATMULS = re.compile(r"gemm|matmul|matrix_?multiply|fullyconnected|mha|attention", re.IGNORECASE)
"""In the types and names of layers that multiply matrices, in TensorRT's own and in Myelin's words."""

PRECISIONS = (
    (re.compile(r"\bint8\b", re.IGNORECASE), "int8"),
    (re.compile(r"\bfp8(e4m3)?\b", re.IGNORECASE), "fp8"),
    (re.compile(r"\bfp4\b", re.IGNORECASE), "fp4"),
    (re.compile(r"\bint4\b", re.IGNORECASE), "int4"),
    (re.compile(r"\b(bf16|bfloat16)\b", re.IGNORECASE), "bf16"),
    (re.compile(r"\b(fp16|half)\b", re.IGNORECASE), "fp16"),
    (re.compile(r"\b(fp32|float)\b", re.IGNORECASE), "fp32"),
)
"""In a type's name: "Half", or "Thirty-two wide channel vectorized row major Int8 format"."""

TYPE_KEYS = ("Datatype", "Format/Datatype")
"""Where TensorRT 11 tells the type of a layer's input or output, and where 10 does."""


def layers_by_precision(information: str) -> dict[str, int] | None:
    """Layers by the precision of their first output, of the inspector's JSON; those without one are left out.

    None for an engine that was built without detailed profiling verbosity, which names its layers only.
    `BackendError` where layers are told, but the precision of none of them can be read.
    """
    return _counted(information, matmuls_only=False)


def matmuls_by_precision(information: str) -> dict[str, int] | None:
    """As `layers_by_precision`, of the layers that multiply matrices, by the precision of their first input."""
    return _counted(information, matmuls_only=True)


def _counted(information: str, *, matmuls_only: bool) -> dict[str, int] | None:
    layers = [layer for layer in json.loads(information).get("Layers", []) if isinstance(layer, Mapping)]
    if not layers:
        return None
    side = "Inputs" if matmuls_only else "Outputs"
    precisions = [_precision(layer, side) for layer in layers if not matmuls_only or _multiplies(layer)]
    counts = Counter(filter(None, precisions))
    if not counts:
        what = "matrix product" if matmuls_only else "layer"
        raise BackendError(
            f"tensorrt: the engine inspector tells the precision of no {what}, of {len(layers)} layers: this version's "
            "words are unknown here; tell the project which TensorRT it is"
        )
    return dict(sorted(counts.items()))


def _multiplies(layer: Mapping[str, Any]) -> bool:
    return any(MATMULS.search(str(layer.get(key, ""))) for key in ("LayerType", "ParameterType", "TacticName"))


def _precision(layer: Mapping[str, Any], side: str) -> str | None:
    first: Any = next(iter(layer.get(side) or []), None)
    type_name = next((str(first[key]) for key in TYPE_KEYS if key in first), "") if isinstance(first, Mapping) else ""
    return next((name for pattern, name in PRECISIONS if pattern.search(type_name)), None)
