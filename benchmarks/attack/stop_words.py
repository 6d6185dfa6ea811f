"""English function words: an attack neither changes them nor puts them in."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def stop_words() -> frozenset[str]:
    """The words of ``stop_words.txt`` beside this file, in lower case."""
    text = resources.files(__package__).joinpath("stop_words.txt").read_text(encoding="utf-8")
    return frozenset(text.split())
