"""Hub data sets, read through `datasets` itself: a local folder stands in for the hub's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.config.data import HubSource
from harness.data.hub import read_hub_questions, read_hub_texts
from harness.errors import UserError

CONTEXT = "Bob lives in Paris. Bob sings."


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    import datasets

    monkeypatch.chdir(tmp_path)  # `datasets` takes a folder there for a name
    monkeypatch.setattr(datasets.config, "HF_DATASETS_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()
    yield
    datasets.enable_progress_bars()


def publish(folder: Path, rows: list[dict[str, Any]], name: str = "set") -> HubSource:
    """In the current folder: see `offline`."""
    (folder / name).mkdir()
    pq.write_table(pa.Table.from_pylist(rows), folder / name / "validation.parquet")
    return HubSource(hub=name, split="validation")


def squad_row(id: str, texts: list[str], starts: list[int]) -> dict[str, Any]:
    answers = {"text": texts, "answer_start": starts}
    return {"id": id, "title": "T", "question": "Who?", "context": CONTEXT, "answers": answers}


def complaint(read: Any, *arguments: Any) -> str:
    with pytest.raises(UserError) as caught:
        read(*arguments)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert "; " in message
    return message


def test_the_layout_of_squad_v2(tmp_path: Path) -> None:
    rows = [squad_row("a", ["Bob", "Paris"], [0, 13]), squad_row("b", [], [])]
    examples = read_hub_questions(publish(tmp_path, rows))
    assert [example.id for example in examples] == ["a", "b"]
    assert examples[0].answers == ("Bob", "Paris")
    assert examples[0].answer_starts == (0, 13)
    assert not examples[1].answerable
    assert examples[0].group == examples[1].group


def test_the_layout_of_mrqa_whose_spans_repeat_and_end_with_their_last_character(tmp_path: Path) -> None:
    row = {
        "key": "k1",
        "question": "Who?",
        "context": CONTEXT,
        "answers": ["bob", "Paris"],
        "labels": [{"start": [0, 20], "end": [2, 22]}, {"start": [13], "end": [17]}],
    }
    (example,) = read_hub_questions(publish(tmp_path, [row]))
    assert example.id == "k1"
    assert example.answers == ("Bob", "Bob", "Paris")
    assert example.answer_starts == (0, 20, 13)


def test_a_bad_question_is_named_with_its_row(tmp_path: Path) -> None:
    source = publish(tmp_path, [squad_row("a", ["Bob"], [0]), squad_row("b", ["Bob"], [1])])
    message = complaint(read_hub_questions, source)
    assert "set (validation): row 1.answers[0].answer_start: is 1, where the context reads 'ob '" in message


def test_duplicate_ids(tmp_path: Path) -> None:
    source = publish(tmp_path, [squad_row("a", [], []), squad_row("a", ["Bob"], [0])])
    assert "row 1.id: is 'a', the id of row 0 too" in complaint(read_hub_questions, source)


def test_a_span_outside_the_context(tmp_path: Path) -> None:
    labels = [{"start": [20], "end": [99]}]
    source = publish(tmp_path, [{"key": "k", "question": "Who?", "context": CONTEXT, "labels": labels}])
    assert "row 0.labels[0]: is [20, 99], not inside the context of 30" in complaint(read_hub_questions, source)


def test_columns_of_another_layout(tmp_path: Path) -> None:
    source = publish(tmp_path, [{"text": "good", "label": 1}])
    assert "the columns 'text, label' are neither those of squad_v2" in complaint(read_hub_questions, source)
    source = source.model_copy(update={"label": "stars"})
    message = complaint(read_hub_texts, source, ("negative", "positive"))
    assert "no column 'stars', the columns are 'text, label'; name the column with `label:`" in message


def test_texts_with_labels(tmp_path: Path) -> None:
    source = publish(tmp_path, [{"text": "good", "label": 1}, {"text": "bad", "label": 0}])
    examples = read_hub_texts(source, ("negative", "positive"))
    assert [(example.text, example.label) for example in examples] == [("good", 1), ("bad", 0)]
    assert examples[1].id == f"{source.hub}/validation:1"


def test_texts_on_which_nothing_is_judged_need_no_labels(tmp_path: Path) -> None:
    source = publish(tmp_path, [{"text": "good"}, {"text": "bad"}])
    assert [example.text for example in read_hub_texts(source, ("negative", "positive"), judged=False)] == [
        "good",
        "bad",
    ]
    assert "no column 'label', the columns are 'text'" in complaint(read_hub_texts, source, ("negative", "positive"))


def test_named_classes_in_another_order_are_matched_by_name(tmp_path: Path) -> None:
    import datasets

    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["pos", "neg"])})
    rows = datasets.Dataset.from_dict({"text": ["good", "bad"], "label": [0, 1]}, features=features)
    (tmp_path / "set").mkdir()
    rows.to_parquet(tmp_path / "set" / "validation.parquet")
    source = HubSource(hub="set", split="validation")
    assert [example.label for example in read_hub_texts(source, ("neg", "pos"))] == [1, 0]
    assert [example.label for example in read_hub_texts(source, ("negative", "positive"))] == [0, 1]


def test_labels_out_of_range_and_empty_texts(tmp_path: Path) -> None:
    source = publish(tmp_path, [{"text": "good", "label": 1}, {"text": "", "label": 0}, {"text": "x", "label": -1}])
    assert "row 1.text: is '', an empty text" in complaint(read_hub_texts, source, ("a", "b"))
    source = publish(tmp_path, [{"text": "x", "label": -1}], name="other")
    assert "row 0.label: is -1, not a label" in complaint(read_hub_texts, source, ("a", "b"))


@pytest.mark.parametrize("name", ["no-such/data-set-at-all", "set"])
def test_what_the_hub_does_not_give(tmp_path: Path, name: str) -> None:
    publish(tmp_path, [{"text": "good", "label": 1}])
    source = HubSource(hub=name, split="no-such-split")
    message = complaint(read_hub_texts, source, ("a", "b"))
    assert "(no-such-split): cannot be loaded from the hub (" in message
    assert "or name a local file with `squad:` or `table:`" in message
