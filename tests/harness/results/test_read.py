from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.results.read import read_results
from tests.harness.report import synthetic_results as synthetic


def refused(path: Path) -> str:
    with pytest.raises(UserError) as raised:
        read_results(path)
    message = str(raised.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def test_a_run_folder_and_its_file_are_read(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(json.dumps(synthetic.small()), encoding="utf-8")
    assert read_results(tmp_path) == read_results(tmp_path / "results.json") == synthetic.small()


def test_timings_come_from_their_own_file(tmp_path: Path) -> None:
    results = synthetic.small()
    task = results["tasks"][synthetic.QA]
    timings = {name: entry.pop("performance") for name, entry in task["deployments"].items()}
    timings["of another run"] = {}
    (tmp_path / "results.json").write_text(json.dumps(results), encoding="utf-8")
    performance = {"version": 2, "tasks": {synthetic.QA: timings}}
    (tmp_path / "performance.json").write_text(json.dumps(performance), encoding="utf-8")
    assert read_results(tmp_path) == synthetic.small()
    performance["version"] = 1
    (tmp_path / "performance.json").write_text(json.dumps(performance), encoding="utf-8")
    with pytest.raises(UserError, match=r"performance\.json: results of version 1"):
        read_results(tmp_path)


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
    (tmp_path / "results.json").write_bytes(b'{"version": 2, "study": "\xff"}')
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
        ('{"version": 0, "tasks": {}}', "version 0, this scalemodel reads 2; run the study again"),
        ('{"version": 3, "tasks": {}}', "version 3, this scalemodel reads 2; update scalemodel"),
        ('{"version": 2}', "names no tasks"),
        ('{"version": 2, "tasks": {}}', "names no tasks"),
        ('{"version": 2, "tasks": {"x": []}}', "tasks.x is not a mapping"),
        ('{"version": 2, "tasks": {"x": {"reference": "a"}}}', "tasks.x has no deployments"),
        (
            '{"version": 2, "tasks": {"x": {"reference": "a", "deployments": []}}}',
            "tasks.x.deployments is not",
        ),
        (f'{{"version": {"9" * 5000}}}', "a number too long"),
    ],
)
def test_other_content(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "results.json").write_text(content, encoding="utf-8")
    assert said in refused(tmp_path)
