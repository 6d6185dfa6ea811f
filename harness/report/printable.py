"""The one place where text goes to a terminal: what stands in studies, data and file names cannot steer it."""

from __future__ import annotations

import re
import sys

# The C0 and C1 controls but tab and line breaks, surrogates (bytes of file names that are no UTF-8), separators of
# lines, what overrides the direction of writing, and spaces without width, which hide; what joins letters is text.
_STEERING = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u2028-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]|\r(?!\n)"
)


def printable(text: str) -> str:
    """``text`` with every character that steers a terminal written as its escape, such as ``\\x1b``."""
    return _STEERING.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def say(line: str, *, error: bool = False) -> None:
    """Print ``line`` on standard output, or on standard error."""
    print(printable(line), file=sys.stderr if error else sys.stdout)
