"""JSON that may not say a thing twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.data.checks import bad_data, short


class _Twice(Exception):
    pass


def parse(path: Path, text: str, *, first_line: int = 1) -> Any:
    """The value of the JSON text of a file, or of its part that starts at ``first_line``.

    Raises:
        UserError: not JSON, nested too deeply, or a key twice in one object (the last would win in silence).
    """
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        place = f"line {first_line + error.lineno - 1}, column {error.colno}"
        raise bad_data(path, place, f"is not JSON ({error.msg})", "correct the file or fetch it again") from None
    except _Twice as error:
        raise bad_data(
            path, f"the JSON from line {first_line}", f"has {error} twice", "keep one entry for each id"
        ) from None
    except (RecursionError, ValueError) as error:  # ValueError: a number of thousands of digits
        reason = str(error).splitlines()[0]
        raise bad_data(
            path, f"the JSON from line {first_line}", f"cannot be read ({reason})", "correct the file"
        ) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for key, value in pairs:
        if key in record:
            raise _Twice(short(key))
        record[key] = value
    return record
