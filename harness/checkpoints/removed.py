"""Checks that a model has the layers and heads that a smaller one is made with and without, by their numbers.

Asked before anything is loaded, and again where it is done. Loads no torch.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import UserError


def require_layers(layers: Sequence[int], there: int, name: str) -> None:
    """Raise a `UserError` for a layer that is none of the ``there`` layers of ``name``."""
    if outside := [layer for layer in layers if layer >= there]:
        raise UserError(f"cannot cut layer {outside[0]} out of {name!r}: its layers are 0 to {there - 1}")


def heads_removed(share: float, heads: int, name: str) -> int:
    """How many of the ``heads`` of a layer of ``name`` go: ``share`` of them, rounded down; one stays.

    Raises:
        UserError: none goes.
    """
    removed = min(int(round(share * heads, 6)), heads - 1)
    if removed == 0:
        raise UserError(f"heads: {share:g} of the {heads} heads of a layer of {name!r} is none: raise it")
    return removed
