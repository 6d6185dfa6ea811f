"""Position ids and padding as an encoder's ``config.json`` tells them: which come first, and how many there are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

AFTER_PADDING = frozenset(
    (
        "camembert",
        "data2vec-text",
        "ibert",
        "longformer",
        "luke",
        "mpnet",
        "roberta",
        "roberta-prelayernorm",
        "xlm-roberta",
        "xlm-roberta-xl",
        "xmod",
    )
)
"""The ``model_type`` of RoBERTa's kind: a padding's position is the padding's id, tokens are counted from behind it."""

FROM_TWO = frozenset(("mra", "nystromformer", "yoso"))
"""Tokens are counted from 2, in a table that has the two rows more."""


def first_position(config: Mapping[str, Any]) -> int:
    """The position id of a text's first token."""
    if config.get("model_type") in AFTER_PADDING:
        return pad_token(config) + 1
    return 2 if config.get("model_type") in FROM_TWO else 0


def usable_positions(config: Mapping[str, Any]) -> int | None:
    """How long an input may be, in tokens; None where the configuration does not tell."""
    rows = config.get("max_position_embeddings")
    if not isinstance(rows, int) or rows < 1:
        return None
    return rows - first_position(config) if config.get("model_type") in AFTER_PADDING else rows


def pad_token(config: Mapping[str, Any]) -> int:
    """The id that shorter rows of ``input_ids`` are filled up with."""
    of_roberta = config.get("model_type") in AFTER_PADDING
    token_id = config.get("pad_token_id")
    if isinstance(token_id, int) and token_id >= 0 and config.get("model_type") != "mpnet":  # whose padding is always 1
        return token_id
    return 1 if of_roberta else 0
