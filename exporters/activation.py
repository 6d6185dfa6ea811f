"""Activation of a head with one output: what turns that number into the score, which no graph holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

from exporters.errors import ExportError

Activation = Literal["identity", "sigmoid"]

IDENTITY = {"activation_fn": "torch.nn.modules.linear.Identity"}
"""The field ``sentence_transformers`` of a configuration whose output is the score as it is."""


def activation_of(config: Mapping[str, Any]) -> Activation:
    """What ``config``, the content of a config.json, says of a head with one output.

    As sentence-transformers' CrossEncoder has it (``sentence_transformers.activation_fn``, or its older name); where
    it says nothing, as the pipeline of transformers: none for a regression, or else a sigmoid. Raises `ExportError`
    for another activation.
    """
    own = config.get("sentence_transformers")
    named = own.get("activation_fn") if isinstance(own, Mapping) else None
    named = named or config.get("sbert_ce_default_activation_function")
    if named is None:
        return "identity" if config.get("problem_type") == "regression" else "sigmoid"
    known = str(named).rpartition(".")[2].lower()
    if known not in ("identity", "sigmoid"):
        raise ExportError(f"activation {named!r} of the configuration is not known: it is Identity or Sigmoid")
    return cast("Activation", known)
