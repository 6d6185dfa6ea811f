"""The stop words that a study names."""

from __future__ import annotations

from pathlib import Path

from harness.errors import UserError


def read_stop_words(path: Path) -> list[str]:
    """The words of a text file, in lower case, sorted, each once.

    Raises:
        UserError: the file cannot be read, or has no words.
    """
    try:
        words = path.read_text(encoding="utf-8").lower().split()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UserError(f"{path}: stop words cannot be read ({why}); name a text file of words") from None
    if not words:
        raise UserError(
            f"{path}: has no stop words; leave stop_words out for the English ones that come with scalemodel"
        )
    return sorted(set(words))
