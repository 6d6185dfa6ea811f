from __future__ import annotations

import json
from dataclasses import fields as dataclass_fields
from dataclasses import is_dataclass, replace
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import pytest
from pydantic import BaseModel

from harness.errors import UserError
from harness.results.read import PERFORMANCE_FILE, RESULTS_FILE, RunResults, load_results
from harness.results.schema import RESULTS_VERSION, PerformanceResults, Results, json_schema
from tests.harness.report import synthetic_results as synthetic


def refused(path: Path) -> str:
    with pytest.raises(UserError) as raised:
        load_results(path)
    message = str(raised.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def write(folder: Path, run: RunResults) -> Path:
    (folder / RESULTS_FILE).write_text(run.results.model_dump_json(), encoding="utf-8")
    if run.performance is not None:
        (folder / PERFORMANCE_FILE).write_text(run.performance.model_dump_json(), encoding="utf-8")
    return folder


def test_a_run_folder_and_its_file_are_read(tmp_path: Path) -> None:
    run = synthetic.run_of(synthetic.whole())
    write(tmp_path, run)
    assert load_results(tmp_path) == load_results(tmp_path / "results.json") == run


def test_timings_come_from_their_own_file(tmp_path: Path) -> None:
    run = synthetic.run_of(synthetic.small())
    write(tmp_path, replace(run, performance=None))
    assert load_results(tmp_path).timings(synthetic.QA) == {}
    write(tmp_path, run)
    assert load_results(tmp_path).timings(synthetic.QA) == run.timings(synthetic.QA) != {}
    (tmp_path / "performance.json").write_text('{"version": 1, "tasks": {}}', encoding="utf-8")
    with pytest.raises(UserError, match=r"performance\.json: results of version 1"):
        load_results(tmp_path)


Path_ = tuple[str | int, ...]


def example(kind: Any, path: Path_, fields: dict[Path_, Any]) -> Any:
    """Content of a type as JSON, everything in it known; the path of every field, and whose it is, go to ``fields``."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return example(arguments[0], path, fields)
    if origin is Literal:
        return arguments[0]
    if origin in (Union, UnionType):
        return example(next(one for one in arguments if one is not NoneType), path, fields)
    if origin is list:
        return [example(arguments[0], (*path, 0), fields)]
    if origin is tuple:
        inner = [one for one in arguments if one is not ...]
        return [example(one, (*path, number), fields) for number, one in enumerate(inner)]
    if origin is dict:
        key = example(arguments[0], path, {})
        return {key: example(arguments[1], (*path, key), fields)}
    if isinstance(kind, type) and (issubclass(kind, BaseModel) or is_dataclass(kind)):
        content = {}
        hints = get_type_hints(kind, include_extras=True)
        names = kind.model_fields if issubclass(kind, BaseModel) else [one.name for one in dataclass_fields(kind)]
        for name in names:
            fields[*path, name] = kind
            content[name] = example(hints[name], (*path, name), fields)
        return content
    known = {str: "1", int: 1, float: 0.5, bool: True}
    return known.get(kind, "1")  # what may be any JSON is a text


@pytest.mark.parametrize(
    ("fault", "everywhere"),
    [
        ("missing", False),
        pytest.param("missing", True, marks=pytest.mark.slow),
        pytest.param("renamed", True, marks=pytest.mark.slow),
        pytest.param("of another type", True, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize(("file", "root"), [(RESULTS_FILE, Results), (PERFORMANCE_FILE, PerformanceResults)])
def test_a_field_that_is_missing_renamed_or_of_another_type_is_named(
    tmp_path: Path, file: str, root: type[BaseModel], fault: str, everywhere: bool
) -> None:
    """Wherever it stands, or in one place of each type."""
    fields: dict[Path_, Any] = {}
    write(tmp_path, synthetic.run_of(synthetic.small()))
    whole = example(root, (), fields)
    (tmp_path / file).write_text(json.dumps(whole), encoding="utf-8")
    load_results(tmp_path)
    assert len(fields) > 100
    for path in fields if everywhere else {(kind, path[-1]): path for path, kind in fields.items()}.values():
        name = str(path[-1])
        if path == ("version",):
            continue  # of files without one, below
        place = whole
        for key in path[:-1]:
            place = place[key]
        before = dict(place)
        value = place.pop(name)
        if fault == "renamed":
            place[f"{name}_"] = value
        elif fault == "of another type":
            place[name] = [[value]]
        (tmp_path / file).write_text(json.dumps(whole), encoding="utf-8")
        place.clear()
        place.update(before)
        message = refused(tmp_path)
        assert f"{file}: " in message and f"results of version {RESULTS_VERSION}" in message, (path, message)
        assert name in message, (path, message)


def test_no_folder(tmp_path: Path) -> None:
    assert "no such run folder" in refused(tmp_path / "none")


def test_unfinished_run(tmp_path: Path) -> None:
    assert "is no run folder" in refused(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    assert "not finished" in refused(tmp_path)


def test_truncated(tmp_path: Path) -> None:
    text = json.dumps(synthetic.small(), indent=1)
    for end in (0, 1, len(text) // 2, len(text) - 1):
        (tmp_path / "results.json").write_text(text[:end], encoding="utf-8")
        assert "truncated" in refused(tmp_path)


def test_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_bytes(b'{"version": 3, "study": "\xff"}')
    assert "not UTF-8 at byte 25" in refused(tmp_path)


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    (tmp_path / "results.json").mkdir()
    assert "cannot be read" in refused(tmp_path)


def test_nested_too_deeply(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text("[" * 200_000, encoding="utf-8")
    refused(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[]", "holds a list"),
        ("{}", "has no version"),
        ('{"version": "1"}', "has no version"),
        ('{"version": true}', "has no version"),
        ('{"version": 2, "tasks": {}}', f"version 2, this scalemodel reads {RESULTS_VERSION}; run the study again"),
        ('{"version": 99, "tasks": {}}', f"version 99, this scalemodel reads {RESULTS_VERSION}; update scalemodel"),
        (f'{{"version": {RESULTS_VERSION}}}', f"study is missing, results of version {RESULTS_VERSION} have it"),
        ('{"version": 1, "seconds": -1e300}', "-1e300 is too large for a result; remove it"),
        (f'{{"version": {"9" * 5000}}}', "99... is too large for a result"),
    ],
)
def test_other_content(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "results.json").write_text(content, encoding="utf-8")
    assert said in refused(tmp_path)


def test_the_schema_says_what_every_field_is() -> None:
    without = [
        f"{name}.{field}"
        for name, definition in json_schema()["$defs"].items()
        for field, schema in definition.get("properties", {}).items()
        if "description" not in schema
    ]
    assert not without
