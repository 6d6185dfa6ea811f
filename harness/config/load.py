"""A config file into a `Study`. Whatever is wrong with it becomes one line with file, key path, value and way out."""

from __future__ import annotations

import string
from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from harness.config.references import check_references
from harness.config.slips import meant
from harness.config.study import Study
from harness.errors import UserError

LARGEST_FILE = 1_000_000  # bytes; a study is a page, anything above is a mistake
LARGEST_TREE = 20_000  # values after aliases are expanded: a page of anchors can mean billions


def load_study(path: Path, overrides: Sequence[str] = (), *, tasks: Sequence[str] = ()) -> Study:
    """Read the study in ``path``, with ``overrides`` of the form ``path.to.key=value``; of its tasks only ``tasks``.

    Strings may name an entry of the file's ``parameters`` as ``${name}``. No ``tasks`` are all of them.

    Raises:
        UserError: the file cannot be read, is not YAML, does not describe a study, or lacks one of ``tasks``.
    """
    tree = _parse(path, _read(path))
    for override in overrides:
        _override(tree, override, path)
    tree = _substitute(tree, path)
    try:
        study = Study.model_validate(tree)
    except ValidationError as error:
        raise UserError(f"{path}: {_describe(error, tree)}") from None
    for task in tasks:
        if task not in study.tasks:
            raise UserError(f"--task {task}: {path} has no such task; it has {', '.join(study.tasks)}")
    if tasks:
        study = study.model_copy(update={"tasks": {name: study.tasks[name] for name in study.tasks if name in tasks}})
    check_references(study, path)
    return study


def _read(path: Path) -> str:
    try:
        if path.is_dir():
            raise UserError(f"{path}: is a folder, not a config file; name the YAML file in it")
        if path.exists() and not path.is_file():
            raise UserError(f"{path}: is no regular file but a pipe or a device; write the study to a file")
        with path.open("rb") as file:
            raw = file.read(LARGEST_FILE + 1)
    except FileNotFoundError:
        raise UserError(f"{path}: no such config file; `scalemodel list configs` names those that ship") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None
    if len(raw) > LARGEST_FILE:
        raise UserError(f"{path}: larger than {LARGEST_FILE:,} bytes, which no study is; name a config file")
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


def _load(text: str) -> Any:
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


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        tree = _load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        if not mark and path.suffix not in (".yaml", ".yml"):
            raise UserError(f"{path}: is no YAML file; give a study, or start from `configs/quickstart.yaml`") from None
        raise UserError(f"{path}: not plain YAML{where}: {problem}; mend that line") from None
    if not isinstance(tree, dict):
        found = "nothing" if tree is None else f"a {type(tree).__name__}"
        raise UserError(f"{path}: holds {found}, not a study; start from `configs/quickstart.yaml`")
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


def _override(tree: dict[str, Any], override: str, path: Path) -> None:
    key_path, equals, text = override.partition("=")
    keys = key_path.strip().split(".")
    if not equals or not all(keys):
        raise UserError(f"--set {override}: not of the form path.to.key=value")
    try:
        value = _load(text)
    except yaml.YAMLError:
        short = override if len(override) < 80 else override[:77] + "..."
        raise UserError(f"--set {short}: the value is not plain YAML; quote it") from None
    place: Any = tree
    for depth, key in enumerate(keys):
        last = depth == len(keys) - 1
        if isinstance(place, list):
            if not key.isdigit() or int(key) >= len(place):
                raise UserError(f"--set {override}: {key!r} is not an index below {len(place)} in {path}")
            if last:
                place[int(key)] = value
            place = place[int(key)]
        elif isinstance(place, dict):
            if last:
                place[key] = value
            elif place.get(key) is None:
                place[key] = {}
            place = place[key]
        else:
            raise UserError(f"--set {override}: {'.'.join(keys[:depth])} is a plain value in {path}, not a mapping")


def _substitute(tree: dict[str, Any], path: Path) -> dict[str, Any]:
    """Replace ``${name}`` in every string by the entry of ``parameters``, which is taken out."""
    parameters = tree.pop("parameters", None) or {}
    if not isinstance(parameters, dict):
        raise UserError(f"{path}: parameters: needs names with values, got {parameters!r}")
    used: set[str] = set()

    def replace(value: Any, place: str) -> Any:
        if isinstance(value, dict):
            return {key: replace(child, f"{place}.{key}") for key, child in value.items()}
        if isinstance(value, list):
            return [replace(child, f"{place}.{index}") for index, child in enumerate(value)]
        if isinstance(value, str) and "${" in value:
            used.update(string.Template(value).get_identifiers())
            try:
                return string.Template(value).substitute({key: str(item) for key, item in parameters.items()})
            except (KeyError, ValueError):
                known = ", ".join(map(str, parameters)) or "none is given"
                raise UserError(f"{path}: {place[1:]}: {value!r} names no parameter (known: {known})") from None
        return value

    replaced = {key: replace(value, f".{key}") for key, value in tree.items()}
    for name in parameters:
        if name not in used:
            nearest = _nearest(str(name), sorted(used)) if used else ""
            raise UserError(f"{path}: parameters.{name}: nothing uses it as ${{{name}}}{nearest}")
    return replaced


def _describe(error: ValidationError, tree: Any) -> str:
    """The first problem in words; the number of the others."""
    found = error.errors(include_url=False)
    # Of a list whose every value is wrong, pydantic complains as well that it is empty.
    inside = {problem["loc"][:-1] for problem in found}
    problems = [problem for problem in found if problem["type"] != "too_short" or problem["loc"] not in inside]
    # A misspelt key is also a missing one: the misspelling is what helps.
    first = next((problem for problem in problems if problem["type"] == "extra_forbidden"), problems[0])
    place = _place(first["loc"], tree)
    where = ".".join(map(str, place)) or "the file"
    kind, value = first["type"], first.get("input")
    if kind == "extra_forbidden":
        nearest = _nearest(str(place[-1]), _fields(first["loc"][:-1]))
        message = f"unknown key{nearest}"
    elif kind == "missing":
        message = "is missing; add it"
    elif kind in ("source", "prebuilt_format"):
        message = f"{first['msg']}, got {_short(value)}"
    else:
        message = f"{_expected(first['type'], first['msg'])}, got {_short(value)}"
        if kind == "literal_error" and isinstance(value, str):
            options = first.get("ctx", {}).get("expected", "").replace("'", "").replace(" or ", ", ").split(", ")
            if match := meant(value, options):  # all of them stand in the message already
                message += f"; did you mean {match!r}?"
        elif kind == "literal_error" or (kind == "string_type" and isinstance(value, bool | int | float)):
            # YAML reads 2:4 as 124, and no as False
            message += "; put it in quotes"
        elif kind in _MAPPINGS and (keys := _fields(first["loc"])) != _fields(first["loc"][:-1]):
            message += f"; known keys: {', '.join(keys)}"
    more = f" ({len(problems) - 1} more to mend after it)" if len(problems) > 1 else ""
    return f"{where}: {message}{more}"


_MAPPINGS = ("model_type", "model_attributes_type", "dict_type", "mapping_type")
_IN_YAML = {
    **dict.fromkeys(_MAPPINGS, "input should be a mapping, {key: value}"),
    "tuple_type": "input should be a list, [value, ...]",
    "too_short": "list should not be empty",
    "bool_parsing": "input should be true or false",
    "int_parsing": "input should be a whole number",
    "int_from_float": "input should be a whole number",
    "float_parsing": "input should be a number",
    "string_pattern_mismatch": "a name has lower-case letters, digits, '.', '_' and '-', a letter or digit first",
}


def _expected(kind: str, message: str) -> str:
    """What should stand there, in the words of YAML where pydantic's are those of Python."""
    return _IN_YAML.get(kind, f"{message[0].lower()}{message[1:]}")


def _place(loc: tuple[int | str, ...], tree: Any) -> list[int | str]:
    """The keys of ``loc`` as the file has them: without the union tags that pydantic puts in between."""
    place: list[int | str] = []
    value = tree
    for depth, part in enumerate(loc):
        last = depth == len(loc) - 1
        if not last and part in _TAGS and isinstance(value, dict):
            continue  # a source's tag; its own fields lie one step further in ``loc`` but not in the file
        if part == "[key]":
            continue
        place.append(part)
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
    return place


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _nearest(word: str, options: Sequence[str]) -> str:
    if match := meant(word, options):
        return f"; did you mean {match!r}?"
    return f"; known: {', '.join(options)}" if options else ""


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _fields(loc: tuple[int | str, ...]) -> list[str]:
    """The keys that the model at ``loc`` knows."""
    models: list[type[BaseModel]] = [Study]
    for part in loc:
        tagged = [model for model in models if isinstance(part, str) and part in _TAGS and part in model.model_fields]
        if tagged and len(models) > 1:
            models = tagged
            continue
        found = [
            child
            for model in models
            if isinstance(part, str) and part in model.model_fields
            for child in _models(model.model_fields[part].annotation)
        ]
        models = found or models  # an index, or a name in a mapping of models: stay
    return sorted({name for model in models for name in model.model_fields})


_TAGS = {"hub", "folder", "package", "random", "cut", "pruned", "embedded", "squad", "table"}
