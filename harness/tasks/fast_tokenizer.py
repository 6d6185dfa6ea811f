"""A fast tokenizer with those settings beside it that say what a model is given."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tokenizers import Tokenizer

from exporters.embedding import read_embedding
from exporters.files import TOKENIZER, TOKENIZER_SETTINGS

TOKEN_TYPES = "token_type_ids"


@dataclass(frozen=True)
class FastTokenizer:
    """``backend`` alone decides on tokens; the defaults of the others are those of `transformers`."""

    backend: Tokenizer
    token_types: bool = True
    """Whether its models tell a pair's texts apart; if not they get zeros, whatever ``backend`` says of a text's
    type (in windows after the first it says 1 for every second text)."""
    truncation_side: str = "right"
    """The end of a text, or pair, that is too long; "left": its beginning."""
    prompts: Mapping[str, str] = field(default_factory=dict)
    """What its models are given before a text, by the kind of text: `exporters.embedding.Embedding`."""
    max_tokens: int | None = None
    """Of the texts that its models were made for, where they say so."""


def read_tokenizer(folder: Path) -> FastTokenizer:
    """Of an artifact or of a materialised checkpoint, both of which have the settings written out."""
    settings = {}
    if (folder / TOKENIZER_SETTINGS).is_file():
        settings = json.loads((folder / TOKENIZER_SETTINGS).read_text(encoding="utf-8"))
    embedding = read_embedding(folder)
    return FastTokenizer(
        Tokenizer.from_file(str(folder / TOKENIZER)),
        token_types=TOKEN_TYPES in settings.get("model_input_names", [TOKEN_TYPES]),
        truncation_side=settings.get("truncation_side", "right"),
        prompts={} if embedding is None else embedding.prompts,
        max_tokens=None if embedding is None else embedding.max_tokens,
    )
