"""Faults of a file that does not fit its model, a line for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from harness.config.data import ONE, SEVERAL
from harness.config.slips import meant


def all_faults(error: ValidationError, tree: Any, root: type[BaseModel]) -> list[str]:
    """Every problem in words."""
    return [_in_words(problem, tree, root) for problem in _problems(error)]


_Problem = Mapping[str, Any]


def _problems(error: ValidationError) -> list[_Problem]:
    """Without those that are no more than what another one leads to."""
    problems: list[_Problem] = [dict(problem) for problem in error.errors(include_url=False)]
    # Of a list whose every value is wrong, pydantic complains as well that it is empty.
    inside = {problem["loc"][:depth] for problem in problems for depth in range(len(problem["loc"]))}
    # A misspelt key is also a missing one: the misspelling is what helps.
    misspelt = {problem["loc"][:-1] for problem in problems if problem["type"] == "extra_forbidden"}
    # What stands under a key that is none is read as what it is not.
    keys = {problem["loc"][:-1] for problem in problems if problem["loc"][-1:] == ("[key]",)}
    return [
        problem
        for problem in problems
        if not (problem["type"] == "too_short" and problem["loc"] in inside)
        and not (problem["type"] == "missing" and problem["loc"][:-1] in misspelt)
        and not any(problem["loc"][: len(key)] == key and problem["loc"][-1] != "[key]" for key in keys)
    ]


def _in_words(problem: _Problem, tree: Any, root: type[BaseModel]) -> str:
    place = _place(problem["loc"], tree)
    where = ".".join(map(str, place)) or "the file"
    kind, value = problem["type"], problem.get("input")
    if kind == "extra_forbidden":
        nearest = nearest_option(str(place[-1]), _fields(problem["loc"][:-1], root))
        message = f"unknown key{nearest}"
    elif kind == "missing":
        message = "is missing; add it"
    elif kind == "limit":
        message = problem["msg"]
    elif kind in ("source", "prebuilt_format"):
        message = f"{problem['msg']}, got {_short(value)}"
        keys = problem["msg"].rpartition(": ")[2].split(", ")
        slips = [match for key in value if (match := meant(str(key), keys))] if isinstance(value, dict) else []
        if slips:  # all of them stand in the message already
            message += f"; did you mean {slips[0]!r}?"
    else:
        message = f"{_expected(problem['type'], problem['msg'])}, got {_short(value)}"
        if kind == "literal_error" and isinstance(value, str):
            options = problem.get("ctx", {}).get("expected", "").replace("'", "").replace(" or ", ", ").split(", ")
            if match := meant(value, options):  # all of them stand in the message already
                message += f"; did you mean {match!r}?"
        elif kind == "literal_error" or (kind == "string_type" and isinstance(value, bool | int | float)):
            # YAML reads 2:4 as 124, and no as False
            message += "; put it in quotes"
        elif kind in _MAPPINGS and (keys := _fields(problem["loc"], root)) != _fields(problem["loc"][:-1], root):
            message += f"; known keys: {', '.join(keys)}"
    return f"{where}: {message}"


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
        if part in ("[key]", ONE, SEVERAL):
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


def nearest_option(word: str, options: Sequence[str]) -> str:
    if match := meant(word, options):
        return f"; did you mean {match!r}?"
    return f"; known: {', '.join(options)}" if options else ""


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def _fields(loc: tuple[int | str, ...], root: type[BaseModel]) -> list[str]:
    """The keys that the model at ``loc`` knows."""
    models: list[type[BaseModel]] = [root]
    for part in loc:
        tagged = [model for model in models if isinstance(part, str) and part in _TAGS and part in model.model_fields]
        if tagged and len(models) > 1:
            models = tagged
            continue
        children = [
            child
            for model in models
            if isinstance(part, str) and part in model.model_fields
            for child in _models(model.model_fields[part].annotation)
        ]
        models = children or models  # an index, or a name in a mapping of models: stay
    return sorted({name for model in models for name in model.model_fields})


_TAGS = {"hub", "folder", "package", "random", "cut", "pruned", "embedded", "squad", "table"}
