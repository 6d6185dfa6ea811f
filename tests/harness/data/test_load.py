from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from harness.config.data import DataSource, EmbeddedSource, HubSource, SquadSource, TableSource
from harness.config.task_registry import TASKS
from harness.data.load import describe, load_examples, source_files
from harness.demo.corpora import CORPORA
from harness.errors import UserError
from harness.examples.records import Example

LABELS = ("negative", "positive")


@pytest.fixture
def squad(tmp_path: Path) -> Path:
    path = tmp_path / "squad.json"
    questions = [
        {"id": f"q{i}", "question": "Who?", "answers": [{"text": "Bob", "answer_start": 0}] if i % 2 else []}
        for i in range(20)
    ]
    path.write_text(json.dumps({"data": [{"paragraphs": [{"context": "Bob sings.", "qas": questions}]}]}))
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "reviews.csv"
    path.write_text("text,label\n" + "".join(f"text {i},{i % 2}\n" for i in range(20)))
    return path


def load(source: DataSource, task: str, labels: tuple[str, ...] | None = None) -> list[str]:
    return [example.id for example in load_examples(source, task=task, labels=labels, role="evaluation", seed=0)]


def complaint(source: DataSource, task: str, labels: tuple[str, ...] | None = None) -> str:
    with pytest.raises(UserError) as caught:
        load(source, task, labels)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_questions_and_texts(squad: Path, table: Path) -> None:
    assert load(SquadSource(squad=squad), "question-answering") == [f"q{i}" for i in range(20)]
    assert load(TableSource(table=table), "text-classification", LABELS) == [f"reviews:{i}" for i in range(20)]


def test_of_several_sources_all_examples_by_names_of_their_own(table: Path) -> None:
    once, sampled = TableSource(table=table), TableSource(table=table, sample=4)
    examples = load_examples((once, sampled), task="text-classification", labels=LABELS, role="train", seed=0)
    assert len(examples) == 24 == len({example.id for example in examples})
    assert [example.id for example in examples][:2] == ["1/reviews:0", "1/reviews:1"]
    assert {example.id.split("/")[0] for example in examples[20:]} == {"2"}
    assert len({example.group for example in examples}) == 24
    assert source_files((once, sampled)) == [table, table]
    assert describe((once, sampled)) == "reviews.csv"
    assert describe((once, EmbeddedSource(embedded="train", size=8))) == "reviews.csv and embedded train"


def test_a_sample_is_stratified_and_in_order(squad: Path) -> None:
    source = SquadSource(squad=squad, sample=8)
    ids = [int(id[1:]) for id in load(source, "question-answering")]
    assert ids == sorted(ids)
    assert sum(index % 2 for index in ids) == 4


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("split", ["train", "evaluation", "out-of-distribution"])
def test_the_embedded_corpora(task: str, split: str) -> None:
    labels = CORPORA[task].labels
    source = EmbeddedSource.model_validate({"embedded": split, "size": 30})
    ids = load(source, task, labels)
    assert len(ids) == len(set(ids)) == 30
    smaller = EmbeddedSource.model_validate({"embedded": split, "size": 30, "sample": 10})
    assert set(load(smaller, task, labels)) < set(ids)


def test_a_source_of_the_other_task(squad: Path, table: Path) -> None:
    assert "evaluation data: the table" in complaint(TableSource(table=table), "question-answering")
    message = complaint(SquadSource(squad=squad), "text-classification", LABELS)
    assert "text-classification needs texts with labels; name a CSV" in message
    assert "add `labels:`" in complaint(TableSource(table=table), "text-classification")


def test_embedded_reviews_with_other_labels() -> None:
    source = EmbeddedSource(embedded="train", size=5)
    message = complaint(source, "text-classification", ("positive", "negative"))
    assert message.endswith("but the embedded corpus has negative, positive; use these, in this order")


def test_the_embedded_corpus_of_retrieval_holds_what_its_queries_ask_for() -> None:
    source = EmbeddedSource(embedded="evaluation", size=30)
    documents = load_examples(source, task="retrieval", labels=None, role="corpus", seed=0)
    queries = load_examples(source, task="retrieval", labels=None, role="evaluation", seed=0)
    assert {type(one).__name__ for one in documents} == {"PlainText"}
    assert {id for one in queries for id in one.gold(())} < {one.id for one in documents}


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize(
    ("task", "gold"),
    [
        ("text-classification", "label"),
        ("text-pair-classification", "label"),
        ("text-pair-regression", "score"),
        ("sentence-similarity", "score"),
        ("reranking", "score"),
        ("multi-label-classification", "label"),
        ("token-classification", None),
    ],
)
def test_out_of_distribution_data_need_no_labels(tmp_path: Path, suffix: str, task: str, gold: str | None) -> None:
    path, labels = tmp_path / f"other{suffix}", ("negative", "positive")
    columns = {"text": ["a plane", "a ship"], "text_pair": ["flies", "sails"]}

    def write() -> None:
        match suffix:
            case ".csv":
                lines = [",".join(row) for row in (columns, *zip(*columns.values(), strict=True))]
                path.write_text("\n".join([*lines, ""]))
            case ".jsonl":
                rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
                path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
            case ".parquet":
                pq.write_table(pa.table(columns), path)

    def read(role: str) -> list[Example]:
        source = TableSource(table=path)
        return load_examples(source, task=task, labels=labels, role=role, seed=0)

    write()
    texts = [example.parts for example in read("out-of-distribution")]
    assert len(texts) == 2
    if gold is None:
        return
    with pytest.raises(UserError, match=f"no column '{gold}'"):
        read("evaluation")
    columns[gold] = ["", "1"]
    write()
    assert [example.parts for example in read("out-of-distribution")] == texts, "nor a row of a column"


def test_a_source_without_examples(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"data": []}')
    (tmp_path / "a.csv").write_text("text,label\n")
    expected = "evaluation data: a.json holds no examples; name another source"
    assert complaint(SquadSource(squad=tmp_path / "a.json"), "question-answering") == expected
    assert "a.csv holds no examples" in complaint(TableSource(table=tmp_path / "a.csv"), "text-classification", LABELS)


def test_the_files_that_identify_a_source(squad: Path, table: Path, tmp_path: Path) -> None:
    assert source_files(SquadSource(squad=squad)) == [squad]
    assert source_files(TableSource(table=table)) == [table]
    assert source_files(HubSource(hub="imdb", split="test")) == []
    assert source_files(EmbeddedSource(embedded="train", size=5)) == []
    with pytest.raises(UserError, match="no such data file"):
        source_files(SquadSource(squad=tmp_path / "none.json"))


def test_a_source_in_words(squad: Path, table: Path) -> None:
    assert describe(SquadSource(squad=squad)) == "squad.json"
    assert describe(TableSource(table=table)) == "reviews.csv"
    assert describe(HubSource(hub="imdb", split="test")) == "imdb (test)"
    assert describe(EmbeddedSource(embedded="train", size=5)) == "embedded train"
