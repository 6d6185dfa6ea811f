"""An option that can have a few values only says which, in its help and where its value is missing."""

from __future__ import annotations

import sys

import pytest

from harness.cli.main import main
from harness.report.section_names import SectionName


def told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    monkeypatch.setattr(sys, "argv", ["scalemodel", *words])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as left:
        main()
    found = capsys.readouterr()
    assert left.value.code == (2 if found.err else 0)
    return " ".join((found.err or found.out).replace("\u2502", " ").split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("report", "--sort"), "one of verdict, speed, size, changed, name; see `scalemodel report --help`"),
        (("run", "quickstart", "-f"), "one of terminal, markdown, json; see `scalemodel run --help`"),
        (("report", "--section"), f"one of {', '.join(SectionName)}; see `scalemodel report --help`"),
        (("store", "list", "--store"), "requires an argument; see `scalemodel store list --help`"),
        (("report", "--section", "zzz"), "'zzz' is not one of 'what-was-compared', "),
        (("report", "--section", "speed"), "there is no 'speed'; did you mean speed-memory-and-quality?; see "),
        (
            ("report", "--section", "eror"),
            "there is no 'eror'; did you mean prediction-errors?; see `scalemodel report",
        ),
        (("report", "--sort", "speeds"), "value for '--sort': there is no 'speeds'; did you mean speed?; see "),
        (("list", "backend"), "value for 'what': there is no 'backend'; did you mean backends?; see `scalemodel list"),
        (("report", "--changed", "zero"), "value for '--changed': 'zero' is no whole number; see `scalemodel report"),
        (("report", "--changed", "0"), "value for '--changed': 0 is less than 1; see `scalemodel report --help`"),
        (("compare", "--minimum-effect", "tiny"), "value for '--minimum-effect': 'tiny' is no number; see "),
    ],
)
def test_a_missing_value(
    words: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in told(monkeypatch, capsys, *words)


def test_the_help_names_every_section(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    text = told(monkeypatch, capsys, "report", "--help").replace(" ", "")
    assert all(name in text for name in SectionName)
