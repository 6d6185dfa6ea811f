"""Layers of an engine by precision, as TensorRT's engine inspector tells them."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

PRODUCTS = re.compile(r"gemm|matmul|matrix_?multiply|fullyconnected|mha|attention", re.IGNORECASE)
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
"""In ``Format/Datatype``: "Half", or "Thirty-two wide channel vectorized row major Int8 format"."""


def layers_by_precision(information: str) -> dict[str, int]:
    """Layers by the precision of their first output, of the inspector's JSON; those without one are left out.

    An engine that was built without detailed profiling verbosity names its layers only: nothing is counted.
    """
    return _counted(information, products_only=False)


def products_by_precision(information: str) -> dict[str, int]:
    """As `layers_by_precision`, of the layers that multiply matrices, by the precision of their first input."""
    return _counted(information, products_only=True)


def _counted(information: str, *, products_only: bool) -> dict[str, int]:
    counts = Counter[str]()
    for layer in json.loads(information).get("Layers", []):
        if not isinstance(layer, Mapping) or (products_only and not _multiplies(layer)):
            continue
        precision = _precision(layer, "Inputs" if products_only else "Outputs")
        if precision is not None:
            counts[precision] += 1
    return dict(sorted(counts.items()))


def _multiplies(layer: Mapping[str, Any]) -> bool:
    return any(PRODUCTS.search(str(layer.get(key, ""))) for key in ("LayerType", "ParameterType", "TacticName"))


def _precision(layer: Mapping[str, Any], side: str) -> str | None:
    first: Any = next(iter(layer.get(side) or []), None)
    told = str(first.get("Format/Datatype", "")) if isinstance(first, Mapping) else ""
    return next((name for pattern, name in PRECISIONS if pattern.search(told)), None)
