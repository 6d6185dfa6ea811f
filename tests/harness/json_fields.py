"""Fields of what a JSON file holds, each by its path, and the same without one of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

FieldPath = tuple[str | int, ...]


def fields(value: Any) -> Iterator[FieldPath]:
    """Of all objects; of a list those of its first entry."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield (name,)
            yield from ((name, *path) for path in fields(inner))
    elif isinstance(value, list):
        yield from ((0, *path) for path in fields(value[0] if value else None))


def without(value: Any, path: FieldPath) -> Any:
    name, *rest = path
    copy = value.copy()
    if rest:
        copy[name] = without(value[name], tuple(rest))
    else:
        del copy[name]
    return copy
