"""Every kind of file, and what is wrong with one in a line."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.errors import UserError
from harness.external_outputs.classes import read_labels
from harness.external_outputs.ids import read_ids
from harness.external_outputs.read import (
    ErrorIds,
    PredictedAnswers,
    PredictedClasses,
    Probabilities,
    Representations,
    read_output,
)


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def saved(*arrays: Any, pickled: bool = False) -> bytes:
    """As numpy.save writes one array, or numpy.savez several."""
    stream = io.BytesIO()
    if len(arrays) == 1:
        np.save(stream, arrays[0], allow_pickle=pickled)
    else:
        np.savez(stream, *arrays)
    return stream.getvalue()


def complaint(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        read_output(path)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert message.startswith(str(path)) and "; " in message  # the thing, and the way out
    return message


def test_answers(tmp_path: Path) -> None:
    found = read_output(write(tmp_path, "p.json", json.dumps({"a": "Paris", "b": "", "c": "caf\u00e9"})))
    assert isinstance(found, PredictedAnswers)
    assert found.by_id == {"a": "Paris", "b": "", "c": "caf\u00e9"}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("e.txt", "q2\r\n\n  q1 \n"),
        ("errors", "\ufeffq2\nq1"),
        ("e.json", '["q2", "q1"]'),
        ("e.txt", '["q2", "q1"]'),
    ],
)
def test_error_ids_in_their_order(tmp_path: Path, name: str, content: str) -> None:
    path = write(tmp_path, name, content)
    found = read_output(path)
    assert isinstance(found, ErrorIds)
    assert found.ids == read_ids(path) == ("q2", "q1")


def test_a_model_without_errors(tmp_path: Path) -> None:
    found = read_output(write(tmp_path, "e.json", "[]"))
    assert isinstance(found, ErrorIds) and found.ids == ()
    with pytest.raises(UserError, match="holds no ids"):  # but there are no data sets without examples
        read_ids(tmp_path / "e.json")


def test_classes_are_the_same_from_csv_and_jsonl(tmp_path: Path) -> None:
    table = write(tmp_path, "c.csv", 'text,label,id,prediction\n"a, b\nc",1, x,0\n,0,17,1\n\n')
    lines = write(
        tmp_path,
        "c.jsonl",
        '{"id": " x", "prediction": 0, "label": "1"}\n\n{"id": 17, "prediction": 1.0, "label": 0}\n',
    )
    for found in (read_output(table), read_output(lines)):
        assert isinstance(found, PredictedClasses)
        assert list(found.by_id.items()) == [(" x", "0"), ("17", "1")]
        assert found.labels == {" x": "1", "17": "0"}
    assert read_labels(table) == {" x": "1", "17": "0"}


def test_classes_without_labels(tmp_path: Path) -> None:
    found = read_output(write(tmp_path, "c.csv", "id,prediction\na,positive\n"))
    assert isinstance(found, PredictedClasses) and found.labels is None
    with pytest.raises(UserError, match="no 'label'"):
        read_labels(tmp_path / "c.csv")


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
@pytest.mark.parametrize("archive", [False, True])
def test_representations(tmp_path: Path, dtype: str, archive: bool) -> None:
    rows = np.array([[1, 2], [3, 4.5], [0, -1]], dtype=dtype)
    path = tmp_path / ("r.npz" if archive else "r.npy")
    np.savez_compressed(path, rows) if archive else np.save(path, np.asfortranarray(rows))
    found = read_output(path)
    assert isinstance(found, Representations)
    assert found.rows.dtype == np.dtype(np.float32) and found.rows.flags.c_contiguous
    assert found.rows.tolist() == [[1, 2], [3, 4.5], [0, -1]]


PROBABILITIES = np.array([[0.75, 0.25], [0.1, 0.9]])
LOGITS = np.log(PROBABILITIES) + 3
TABLES = {
    "probabilities by class": ("p.csv", "id,prob_no,prob_yes\na,0.75,0.25\nb,0.1,0.9\n"),
    "rounded": ("p.csv", "id,prob_no,prob_yes\na,0.7496,0.2499\nb,0.1,0.9\n"),
    "logits by class": (
        "p.csv",
        "id,logit_no,logit_yes\n" + "".join(f"{id},{a:.9f},{b:.9f}\n" for id, (a, b) in zip("ab", LOGITS, strict=True)),
    ),
    "an object in a line": (
        "p.jsonl",
        '{"id": "a", "probabilities": {"no": 0.75, "yes": 0.25}}\n'
        '{"id": "b", "probabilities": {"yes": 0.9, "no": 0.1}}',
    ),
    "an object in a cell": (
        "p.csv",
        'id,probabilities\na,"{""no"": 0.75, ""yes"": 0.25}"\nb,"{""yes"": 0.9, ""no"": 0.1}"\n',
    ),
}


@pytest.mark.parametrize("case", TABLES)
def test_probabilities_in_tables(tmp_path: Path, case: str) -> None:
    found = read_output(write(tmp_path, *TABLES[case]))
    assert isinstance(found, PredictedClasses)
    assert found.by_id == {"a": "no", "b": "yes"} and found.labels is None  # the most probable
    assert found.probabilities is not None and found.probabilities.classes == ("no", "yes")
    assert found.probabilities.rows == pytest.approx(PROBABILITIES, abs=1e-3 if case == "rounded" else 1e-8)
    assert found.probabilities.rows.sum(axis=1) == pytest.approx(np.ones(2), abs=1e-12)


def test_a_prediction_goes_before_the_most_probable_class(tmp_path: Path) -> None:
    """A serving system may have a threshold of its own; a list is of the classes 0, 1, ..."""
    lines = (
        '{"id": 1, "prediction": 1, "logits": [2, 1.5], "label": 1}\n'
        '{"id": 2, "prediction": 0, "logits": [2, 1], "label": 0}'
    )
    found = read_output(write(tmp_path, "p.jsonl", lines))
    assert isinstance(found, PredictedClasses) and found.probabilities is not None
    assert found.by_id == found.labels == {"1": "1", "2": "0"}
    assert found.probabilities.classes == ("0", "1") and found.probabilities.most_probable == ["0", "0"]
    assert found.probabilities.of(["2", "1"], ["1", "0"])[0] == pytest.approx([1 / (1 + np.e), np.e / (1 + np.e)])


@pytest.mark.parametrize("name", ["small-logits.npy", "logits.npy", "run_1.logits.npz"])
def test_the_name_of_a_file_says_that_it_holds_logits(tmp_path: Path, name: str) -> None:
    np.savez(tmp_path / name, LOGITS) if name.endswith("z") else np.save(tmp_path / name, LOGITS)
    found = read_output(tmp_path / name)
    assert isinstance(found, Probabilities) and found.ids is None and found.classes == ("0", "1")
    assert found.rows == pytest.approx(PROBABILITIES)


def test_arrays_with_names(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", probabilities=PROBABILITIES.astype("f2"), ids=[7, 3], classes=["no", "yes"])
    found = read_output(tmp_path / "a.npz")
    assert isinstance(found, Probabilities)
    assert (found.ids, found.classes) == (("7", "3"), ("no", "yes"))
    assert found.rows == pytest.approx(PROBABILITIES, abs=1e-3)


BAD_PROBABILITIES: dict[str, tuple[str, Any, list[str]]] = {
    "no sum of 1": ("p.csv", "id,prob_a,prob_b\nx,0.5,0.5\ny,2.5,0.3\n", ["line 3", "sum to 2.8", "logits"]),
    "below 0": ("p.csv", "id,prob_a,prob_b\nx,-0.5,1.5\n", ["line 2", "below 0"]),
    "no number": ("p.csv", "id,prob_a,prob_b\nx,0.5,half\n", ["line 2", "'b'", "'half'"]),
    "NaN": ("p.csv", "id,logit_a,logit_b\nx,0.5,nan\n", ["line 2", "NaN"]),
    "one class": ("p.csv", "id,prob_a\nx,0.5\n", ["one class alone"]),
    "both": ("p.csv", "id,prob_a,prob_b,logits\nx,0.5,0.5,1\n", ["more than once"]),
    "a column twice": ("p.csv", "id,prob_a,prob_a\nx,0.5,0.5\n", ["'prob_a'", "several"]),
    "no list": ("p.csv", "id,logits\nx,3\n", ["line 2", "'3'", "neither a list nor"]),
    "no JSON": ("p.csv", "id,logits\nx,[1 2]\n", ["line 2", "not JSON"]),
    "missing": ("p.jsonl", '{"id": 1, "logits": [1, 2]}\n{"id": 2}', ["line 2", "None"]),
    "another class": ("p.jsonl", '{"id": 1, "logits": [1, 2]}\n{"id": 2, "logits": [1, 2, 3]}', ["line 2", "0, 1, 2"]),
    "too few ids": ("a.npz", {"logits": LOGITS, "ids": ["a"]}, ["'ids'", "(1,)"]),
    "an id twice": ("a.npz", {"logits": LOGITS, "ids": ["a", "a"]}, ["'ids'", "'a' 2 times"]),
    "a class of truth": ("a.npz", {"logits": LOGITS, "classes": [True, False]}, ["classes[0]", "True"]),
    "more": ("a.npz", {"logits": LOGITS, "hidden": LOGITS}, ["logits, hidden"]),
    "representations with ids": ("a.npz", {"hidden": LOGITS, "ids": ["a", "b"]}, ["hidden, ids"]),
    "logits for probabilities": ("probabilities.npz", {"x": LOGITS}, ["row 0", "sum to"]),
}


@pytest.mark.parametrize("case", BAD_PROBABILITIES)
def test_bad_probabilities(tmp_path: Path, case: str) -> None:
    name, content, parts = BAD_PROBABILITIES[case]
    np.savez(tmp_path / name, **content) if isinstance(content, dict) else write(tmp_path, name, content)
    message = complaint(tmp_path / name)
    for part in parts:
        assert part in message, message


BAD_TEXTS = {
    "missing": (None, "p.json", ["no such"]),
    "empty": ("", "p.json", ["empty"]),
    "not UTF-8": (b'{"a": "\xff"}', "p.json", ["line 1", "0xff", "UTF-8"]),
    "cut": ('{"a": "b",\n "c', "p.json", ["line 2", "not JSON"]),
    "deep": ("[" * 100_000, "p.json", ["cannot be read"]),
    "an id twice": ('{"a": "x", "a": "x"}', "p.json", ["'a' twice"]),
    "a number": ("3", "p.json", ["is 3", "neither"]),
    "no answers": ("{}", "p.json", ["empty object"]),
    "null odds": ('{"a": 0.5}', "p.json", ["'a'", "0.5", "not a text"]),
    "NaN": ('{"a": NaN}', "p.json", ["'a'", "nan", "not a text"]),
    "n-best": ('{"a": [{"text": "b"}]}', "p.json", ["'a'", "not a text"]),
    "an id twice in a list": ('["a", "b", "a"]', "p.json", ["[2]", "'a'", "[0]"]),
    "no id": ('["a", null]', "p.json", ["[1]", "None"]),
    "an id twice in lines": ("a\n\nb\na\n", "p.txt", ["line 4", "'a'", "line 1"]),
    "blank lines": (" \n\n", "p.txt", ["blank lines only"]),
    "no column prediction": ("id,label\na,1\n", "p.csv", ["id, label", "'prediction'"]),
    "no column id": ("prediction\n1\n", "p.csv", ["'id'"]),
    "other separators": ("id;prediction\na;1\n", "p.csv", ["id;prediction", "commas"]),
    "a column twice": ("id,prediction,prediction\na,1,0\n", "p.csv", ["'prediction'", "several"]),
    "only a header": ("id,prediction\n", "p.csv", ["no rows"]),
    "a short line": ("id,prediction\na,1\nb\n", "p.csv", ["line 3", "1 fields, the header 2"]),
    "an open quote": ('id,prediction\na,"1\n', "p.csv", ["line 2", "not CSV"]),
    "an id twice in CSV": ("id,prediction\na,1\na,0\n", "p.csv", ["line 3", "'a'"]),
    "no class": ("id,prediction\na,\n", "p.csv", ["line 2", "''", "not a class"]),
    "a class of NaN": ('{"id": 1, "prediction": NaN}', "p.jsonl", ["line 1", "nan"]),
    "an infinite class": ('{"id": 1, "prediction": Infinity}', "p.jsonl", ["line 1", "inf"]),
    "a class of truth": ('{"id": 1, "prediction": true}', "p.jsonl", ["line 1", "True"]),
    "a probability": ('{"id": 1, "prediction": 0.7}', "p.jsonl", ["line 1", "0.7"]),
    "broken line": ('{"id": 1, "prediction": 1}\n{"id', "p.jsonl", ["line 2", "not JSON"]),
    "no object": ('{"id": 1, "prediction": 1}\n[]', "p.jsonl", ["line 2", "[]"]),
    "a label missing": (
        '{"id": 1, "prediction": 1, "label": 1}\n{"id": 2, "prediction": 1}',
        "p.jsonl",
        ["line 2", "'label'"],
    ),
}


@pytest.mark.parametrize("case", BAD_TEXTS)
def test_bad_texts(tmp_path: Path, case: str) -> None:
    content, name, parts = BAD_TEXTS[case]
    if content is not None:
        write(tmp_path, name, content)
    message = complaint(tmp_path / name)
    for part in parts:
        assert part in message, message


class Evil:
    """Would leave a file behind if it were unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    path = write(tmp_path, "r.npy", saved(np.array([Evil(trace)], dtype=object), pickled=True))
    complaint(path)
    np.savez(tmp_path / "r.npz", np.array([Evil(trace)], dtype=object))
    complaint(tmp_path / "r.npz")
    assert not trace.exists()


ROWS = np.ones((3, 2), dtype=np.float32)
BAD_ARRAYS = {
    "empty": (b"", ["empty"]),
    "text": (b"1.0 2.0\n", ["no array"]),
    "cut": (saved(ROWS)[:-5], ["no array"]),
    "cut archive": (saved(ROWS, ROWS)[:-60], ["no array"]),
    "several": (saved(ROWS, ROWS), ["2 arrays", "arr_0, arr_1"]),
    "promises more than it has": (saved(ROWS).replace(b"(3, 2), }" + b" " * 9, b"(3000000000, 2), }"), ["mmap"]),
    "numbers without a point": (saved(ROWS.astype(np.int64)), ["int64"]),
    "one dimension": (saved(ROWS[0]), ["(2,)"]),
    "no rows": (saved(ROWS[:0]), ["(0, 2)"]),
    "NaN": (saved(np.array([[1.0, 2.0], [np.nan, 1.0], [np.inf, 0.0]])), ["row 1", "2 of 3"]),
    "beyond float32": (saved(np.array([[1.0], [1e300]])), ["row 1", "1 of 2"]),
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_bad_arrays(tmp_path: Path, case: str) -> None:
    content, parts = BAD_ARRAYS[case]
    message = complaint(write(tmp_path, "r.npz" if content[:2] == b"PK" else "r.npy", content))
    for part in parts:
        assert part in message, message
