"""Every kind of results in every format, at every width, on every kind of stream."""

from __future__ import annotations

import copy
import io
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError
from rich.console import Console

from harness.report import latex
from harness.report.build import build_report
from harness.report.render import render
from harness.results.schema import RESULTS_VERSION
from tests.harness.report import synthetic_results as synthetic

Printed = Callable[..., str]


@pytest.mark.parametrize("name", synthetic.EVERY)
@pytest.mark.parametrize("width", [*(pytest.param(one, marks=pytest.mark.slow) for one in (20, 40, 120)), 80, 200])
def test_no_line_is_wider_than_the_terminal(name: str, width: int, printed: Printed) -> None:
    text = printed(synthetic.EVERY[name](), width=width)
    assert "How to read this" in text
    # commands are not wrapped: they are there to be copied
    lines = [line for line in text.splitlines() if not line.startswith("    $ ")]
    if width >= 40:
        assert max(len(line) for line in lines) <= width
    assert not any(line != line.rstrip() for line in lines)


@pytest.mark.parametrize("name", synthetic.EVERY)
def test_markdown_tables_are_whole(name: str, printed: Printed) -> None:
    text = printed(synthetic.EVERY[name](), format="markdown")
    tables: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.startswith("|"):
            tables[-1].append(line.replace("\\|", ""))
        elif tables[-1]:
            tables.append([])
    for table in filter(None, tables):
        assert len({line.count("|") for line in table}) == 1
        assert set(table[1]) <= set("|:- ")


@pytest.mark.parametrize("name", synthetic.EVERY)
def test_latex_tables_are_whole(name: str, printed: Printed) -> None:
    """Every environment is closed, every row has a cell for each column, and no data is a command."""
    text = printed(synthetic.EVERY[name](), format="latex")
    tables = re.findall(r"\\begin\{table\}\n(.*?)\\end\{table\}\n", text, flags=re.DOTALL)
    assert text.count("\\begin{") == text.count("\\end{") == 3 * len(tables)
    assert name in ("minimal", "empty") or tables
    for table in tables:
        columns = re.search(r"\\begin\{tabular\}\{([lr]+)\}\n\\toprule\n(.*?)\\bottomrule", table, flags=re.DOTALL)
        assert columns is not None
        for line in columns[2].splitlines():
            if line != "\\midrule" and not line.startswith("\\multicolumn"):
                assert line.endswith(" \\\\") and len(re.findall(r"(?<!\\)&", line)) == len(columns[1]) - 1
        assert table.index("max width=\\linewidth") < table.index("\\toprule")
        bare = re.sub(r"\\[\\{}$&#%_]", "", table)
        assert bare.count("{") == bare.count("}") and not re.search(r"[#%_^~<>|]", bare)
        assert bare.count("$") % 2 == 0


def test_latex_captions_tell_the_task(printed: Printed) -> None:
    captions = re.findall(r"\\caption\{(.*)\}", printed(synthetic.whole(), format="latex"))
    assert len(set(captions)) == len(captions)
    assert {caption.partition(":")[0] for caption in captions} == {synthetic.QA, synthetic.TEXT}


def test_latex_escapes() -> None:
    assert latex.escape("50 % of a_b & \\input{x} $") == r"50 \% of a\_b \& \textbackslash{}input\{x\} \$"
    assert latex.escape("-0.5 to --full 0.1\u20130.2 int8-2") == "$-$0.5 to -{-}full 0.1--0.2 int8-2"
    assert latex.escape("e\u0301 модель") == r"é \beyondlatin{модель}{U+043C U+043E U+0434 U+0435 U+043B U+044C}"
    assert latex.escape("[1] x^2 \x1b") == r"{[}1] x\textasciicircum{}2 \textbackslash{}x1b"


@pytest.mark.parametrize("name", synthetic.EVERY)
def test_json_holds_results_and_findings(name: str, printed: Printed) -> None:
    results = synthetic.EVERY[name]()
    report = json.loads(printed(results, format="json"))
    assert report["report_version"] == 2
    assert report["results"]["version"] == RESULTS_VERSION
    assert set(report["findings"]) == set(results["tasks"])
    for findings in report["findings"].values():
        for finding in findings:
            assert finding["kind"] in {"failure", "warning", "result", "advice"}
            assert finding["text"]


def test_json_has_no_values_that_json_lacks(printed: Printed) -> None:
    results = synthetic.minimal()

    def refuse(value: str) -> None:
        raise AssertionError(value)

    json.loads(printed(results, format="json"), parse_constant=refuse)


def test_results_are_not_changed() -> None:
    run = synthetic.run_of(synthetic.whole())
    before = copy.deepcopy(run)
    for form in ("terminal", "markdown", "json", "latex"):
        render(run, format=form, console=Console(file=io.StringIO()))
    assert run == before


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
@pytest.mark.parametrize("form", ["terminal", "markdown", "json", "latex"])
def test_streams_of_other_encodings(encoding: str, form: Any) -> None:
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding=encoding)
    render(synthetic.run_of(synthetic.hostile()), format=form, console=Console(file=stream, width=80))
    stream.flush()
    text = buffer.getvalue().decode(encoding)
    if form == "terminal":
        assert "\u2500" not in text and "---" in text
        assert "0.94-0.98" in text or "0.92-1.00" in text


def colours(monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stream = io.StringIO()
    render(synthetic.run_of(synthetic.small()), console=Console(file=stream, width=80, force_terminal=True))
    return stream.getvalue()


def test_a_terminal_gets_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "\x1b[31m" in colours(monkeypatch, TERM="xterm-256color")


def test_no_color_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    text = colours(monkeypatch, TERM="xterm-256color", NO_COLOR="1")
    assert not any(f"\x1b[{code}m" in text for code in (*range(30, 38), *range(90, 98)))


def test_a_pipe_gets_no_escape_codes(printed: Printed) -> None:
    assert "\x1b" not in printed(synthetic.whole())


def test_data_is_never_markup_nor_control_codes(printed: Printed) -> None:
    text = printed(synthetic.hostile(), width=120)
    assert "scalemodel: [red]study[/red] [/]" in text
    assert "[bold]note[/bold] | 日本語のメモ" in text
    assert "[[link=x]fine[/link] -> [link=x]bad[/link]]" in text
    assert "bad[/link]]" in text and "\\x07film" in text
    markdown = printed(synthetic.hostile(), format="markdown")
    assert "\\\\x1b\\[31mred" in markdown or "\\x1b" in markdown
    assert not any(character in text + markdown for character in "\x1b\x07\u202e\ud800")
    assert "<script>" not in markdown
    assert "\\[bold\\]note\\[/bold\\] \\| 日本語のメモ" in markdown


def test_two_builds_of_a_report_are_equal(printed: Printed) -> None:
    assert printed(synthetic.whole()) == printed(synthetic.whole())


def test_order_of_deployments_does_not_depend_on_the_order_of_keys(printed: Printed) -> None:
    results = synthetic.whole()
    shuffled = copy.deepcopy(results)
    for task in shuffled["tasks"].values():
        task["deployments"] = dict(sorted(task["deployments"].items(), reverse=True))
        task["failures"] = []
        results["tasks"][synthetic.QA]["failures"] = results["tasks"][synthetic.TEXT]["failures"] = []
    assert printed(results) == printed(shuffled)


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where everything in the results lies, one element of each list."""
    paths = [path] if path else []
    if isinstance(value, dict):
        for key, item in value.items():
            paths += paths_of(item, (*path, key))
    elif isinstance(value, list) and value:
        paths += paths_of(value[0], (*path, 0))
    return paths


@pytest.mark.slow
def test_what_need_not_be_known_may_be_unknown() -> None:
    results = synthetic.small(synthetic.TEXT)
    task = results["tasks"][synthetic.TEXT]
    for name in list(task["deployments"])[2:]:
        del task["deployments"][name]
    unknown = 0
    for path in paths_of(task):
        if path[0] == "deployments" and len(path) < 3:
            continue
        place: Any = task
        for key in path[:-1]:
            place = place[key]
        whole, place[path[-1]] = place[path[-1]], None
        try:
            run = synthetic.run_of(results)
        except ValidationError:
            continue  # this one is always known
        else:
            unknown += 1
            build_report(run)
        finally:
            place[path[-1]] = whole
    assert unknown > 100


def test_only_the_mark_of_a_finding_is_coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    text = colours(monkeypatch, TERM="xterm-256color")
    assert "\x1b[1;36mFOUND    \x1b[0mBest trade" in text
