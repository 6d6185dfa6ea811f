"""The page as text: whole, escaped, without requests; what it leaves out, it says."""

from __future__ import annotations

import re
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.errors import UserError
from harness.page import explorer as explorer_module
from harness.page.build import build_page
from harness.page.charts import charts
from harness.page.explorer import explorer
from harness.report.summary.surer import surer
from harness.report.view import tasks_of
from tests.harness.report import synthetic_results as synthetic
from tests.harness.report.synthetic_results import TEXT, run_of

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)> & \" ' \u202e"


class Parsed(HTMLParser):
    """Tags with their attributes, and whether every one of them is closed."""

    VOID = ("meta", "link", "br", "input", "img")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", synthetic.EVERY)
def test_every_kind_of_run_has_a_page(name: str) -> None:
    page = build_page(run_of(synthetic.EVERY[name]()), None)
    tags = Parsed(page).tags
    assert [tag for tag, _ in tags].count("h1") == 1
    for tag, attributes in tags:
        assert not {"src", "onerror", "onclick"} & set(attributes)
        assert tag != "a" or (attributes["href"] or "").startswith("#")
        assert tag != "link" or attributes["href"] == "data:,"
    assert "url(" not in page and "@import" not in page


def test_texts_of_data_are_escaped_wherever_they_stand(tmp_path: Path) -> None:
    tree, folder = run_with_texts(tmp_path, HOSTILE)
    tree["study"] = tree["description"] = HOSTILE
    tree["tasks"][TEXT]["notes"] = [HOSTILE]
    page = build_page(run_of(tree), folder)
    tags = [tag for tag, _ in Parsed(page).tags]
    assert tags.count("script") == 1 and "img" not in tags
    assert "&lt;img src=x onerror=alert(2)&gt;" in page and "\u202e" not in page


def test_without_texts_no_text_stands_in_it(tmp_path: Path) -> None:
    tree, folder = run_with_texts(tmp_path, "a rare word: quokka")
    assert "quokka" in build_page(run_of(tree), folder)
    page = build_page(run_of(tree), folder, texts=False)
    assert "quokka" not in page and 'class="explorer"' not in page


def test_what_is_left_out_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree, folder = run_with_texts(tmp_path, "word " * 400)
    (task,) = tasks_of(run_of(tree))
    whole = explorer(task, folder)
    assert whole is not None and whole.left_out == 0
    assert all(len(example.text) <= explorer_module.TEXT_WIDTH + 2 for example in whole.examples)
    monkeypatch.setattr(explorer_module, "AT_MOST", 1)
    page = build_page(run_of(tree), folder)
    assert f"{len(whole.examples) - whole.attacked - 1} more are left out" in page


def test_a_run_whose_texts_are_gone(tmp_path: Path) -> None:
    tree, folder = run_with_texts(tmp_path, "text")
    (folder / "examples" / TEXT / "evaluation.parquet").unlink()
    with pytest.raises(UserError, match=r"evaluation\.parquet: is not there"):
        build_page(run_of(tree), folder)


def test_what_would_have_to_be_measured_stands_with_the_answer() -> None:
    tree = synthetic.whole()
    (task, _) = tasks_of(run_of(tree))
    told = surer(task)
    page = build_page(run_of(tree), None)
    answer = page[page.index('class="answer"') : page.index("<h2")]
    assert told and all(escape(sentence, quote=False) in answer for sentence in told[:2])
    assert "What stands out" in page


def test_attacks_that_succeed_on_one_deployment_only(tmp_path: Path) -> None:
    tree, folder = run_with_texts(tmp_path, "a plain text")
    (task,) = tasks_of(run_of(tree))
    found = explorer(task, folder)
    assert found is not None and found.attacked == 1 and len(found.examples) == 3
    (answer,) = found.examples[-1].answers
    assert answer.kind == explorer_module.ALONE and ("wonderful", "decent") in [
        (word.before, word.text) for word in answer.attacked
    ]
    page = build_page(run_of(tree), folder)
    assert "<mark>[wonderful → decent]</mark>" in page and "<option>attacked successfully only here</option>" in page
    assert "2 examples on which" in page and "1 text on which the attack" in page
    without = build_page(run_of(tree), folder, texts=False)
    assert "wonderful" not in without


def test_charts_have_the_colour_of_the_page_and_their_figures_as_text() -> None:
    (task, _) = tasks_of(run_of(synthetic.whole()))
    drawn = {chart.title: chart.svg for chart in charts(task)}
    assert {"Speed against change", "Size against change", "Overlap of errors", "What each step changes"} <= set(drawn)
    for svg in drawn.values():
        assert "currentColor" in svg and not re.search(r'href="(?!#)', svg)
    assert "bert-tiny/fp32" in drawn["Speed against change"]


def run_with_texts(folder: Path, text: str, examples: int = 2) -> tuple[synthetic.Json, Path]:
    """A small classification of which every deployment changed these examples, with its folder."""
    ids = [chr(ord("a") + i) if examples <= 26 else f"{i:06}" for i in range(examples)]
    tree = synthetic.small(TEXT)
    task = tree["tasks"][TEXT]
    changed = {"newly_wrong": ids[::2], "newly_right": [], "wrong_otherwise": ids[1::2], "right_otherwise": []}
    task["characteristics"]["affected"] = {
        "changed": {name: changed for name in task["deployments"] if name != task["reference"]},
        "slices": {"searched": 0, "minimum": 20, "level": 0.05, "deployments": {}},
        "exemplars": {
            "n": 2,
            "others": 0,
            "shared": 0,
            "majority": 0,
            "exemplars": [],
        },
    }
    place = folder / "examples" / TEXT
    place.mkdir(parents=True)
    rows = [{"id": id_, "group": id_, "text": text, "label": 0} for id_ in ids]
    pq.write_table(pa.Table.from_pylist(rows), place / "evaluation.parquet")
    for name in task["deployments"]:
        outputs = folder / "outputs" / TEXT / name.replace("/", "--")
        outputs.mkdir(parents=True)
        answer = 0 if name == task["reference"] else 1
        said = pa.table({"id": ids, "prediction": [answer, 1] * (examples // 2)})
        pq.write_table(said, outputs / "evaluation.parquet")
    (folder / "config.json").write_text(f'{{"study": {{"tasks": {{"{TEXT}": {{"labels": ["bad", "good"]}}}}}}}}')
    return tree, folder
