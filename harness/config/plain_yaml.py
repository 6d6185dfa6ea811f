"""Plain values from a YAML file that people write: no duplicate keys, no tags, no billions of aliases."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness.errors import UserError

LARGEST_FILE = 1_000_000  # bytes; such a file is a page, anything above is a mistake
LARGEST_TREE = 20_000  # values after aliases are expanded: a page of anchors can mean billions


@dataclass(frozen=True)
class FileKind:
    """What a file is to hold, for the messages of those that do not."""

    name: str
    missing: str
    """What to say where there is none."""
    start: str
    """What to start from."""


def read_yaml(path: Path, kind: FileKind) -> dict[str, Any]:
    """The mapping in ``path``.

    Raises:
        UserError: the file cannot be read, is too large, not YAML, or no mapping.
    """
    return _parse(path, _read(path, kind), kind)


def _read(path: Path, kind: FileKind) -> str:
    try:
        if path.is_dir():
            raise UserError(f"{path}: is a folder, not a {kind.name}; name the YAML file in it")
        if path.exists() and not path.is_file():
            raise UserError(f"{path}: is no regular file but a pipe or a device; write the {kind.name} to a file")
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise UserError(f"{path}: {kind.missing}") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None
    if len(raw) > LARGEST_FILE:
        raise UserError(f"{path}: larger than {LARGEST_FILE:,} bytes, which no {kind.name} is; name another file")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8") from None


class _Loader(yaml.SafeLoader):
    """Safe YAML that also refuses a key given twice, which PyYAML takes in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, "a key that is no plain word", key.start_mark)
            if key.value in seen and key.tag != "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(None, None, f"key {key.value!r} twice", key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        if len(node.value) > LARGEST_TREE:  # merges of merges double with every line
            raise yaml.constructor.ConstructorError(None, None, "merges without end", node.start_mark)


def load_plain(text: str) -> Any:
    """Plain values of a YAML text. Raises `yaml.YAMLError`."""
    try:
        tree = yaml.load(text, _Loader)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        # 2026-13-45 is a bad date, !!timestamp x none, 5,000 digits no number, [[[[... too deep
        raise yaml.YAMLError(str(error).splitlines()[0]) from None
    for count, value in enumerate(_values(tree)):
        if count >= LARGEST_TREE:
            raise yaml.YAMLError(f"it expands to more than {LARGEST_TREE:,} values; write it without nested aliases")
        if isinstance(value, int) and value.bit_length() > 63:
            raise yaml.YAMLError("a number of more than 63 bits")
    return tree


def _parse(path: Path, text: str, kind: FileKind) -> dict[str, Any]:
    try:
        tree = load_plain(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        if not mark and path.suffix not in (".yaml", ".yml"):
            raise UserError(f"{path}: is no YAML file; give a {kind.name}, or {kind.start}") from None
        raise UserError(f"{path}: not plain YAML{where}: {problem}; mend that line") from None
    if not isinstance(tree, dict):
        description = "nothing" if tree is None else f"a {type(tree).__name__}"
        raise UserError(f"{path}: holds {description}, not a {kind.name}; {kind.start}")
    return tree


def _values(tree: Any) -> Iterator[Any]:
    stack = [tree]
    while stack:
        value = stack.pop()
        yield value
        if isinstance(value, dict):
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
