from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer

from harness.examples.records import TextExample
from harness.tasks.fast_tokenizer import FastTokenizer
from harness.tasks.task import task_for

TEXTS = ("The cat sat.", "", "caf\u00e9 \U0001f600 \x00\x07\u200b", "bob " * 10_000)
EXAMPLES = [TextExample(str(index), f"g{index}", text, index % 2) for index, text in enumerate(TEXTS)]


def test_one_feature_a_text_cut_at_its_end(tokenizer: Tokenizer) -> None:
    features = task_for("text-classification", max_length=12).encode(FastTokenizer(tokenizer), EXAMPLES)
    assert features.example.tolist() == [0, 1, 2, 3]
    assert features.offsets is None
    assert features.lengths.tolist() == [6, 2, 7, 12]
    vocabulary = tokenizer.get_vocab()
    ids = features.inputs["input_ids"]
    assert ids[0].tolist() == [vocabulary[token] for token in ("[CLS]", "the", "cat", "sat", ".", "[SEP]")]
    assert ids[1].tolist() == [vocabulary["[CLS]"], vocabulary["[SEP]"]]
    assert ids[3].tolist() == [vocabulary["[CLS]"], *[vocabulary["bob"]] * 10, vocabulary["[SEP]"]]
    for name in ("input_ids", "attention_mask", "token_type_ids"):
        assert [array.dtype for array in features.inputs[name]] == [np.int64] * 4
        assert [len(array) for array in features.inputs[name]] == features.lengths.tolist()
    assert all(mask.all() for mask in features.inputs["attention_mask"])


def test_one_row_a_text(tokenizer: Tokenizer, tmp_path: Path) -> None:
    task = task_for("text-classification", max_length=12)
    features = task.encode(FastTokenizer(tokenizer), EXAMPLES)
    logits = [np.asarray(row, np.float32) for row in ([2, 1], [2, 1], [0.5, 0.75], [-1, 3])]
    representation = [np.arange(3, dtype=np.float32) + index for index in range(4)]
    table = task.table(EXAMPLES, features, {"logits": logits, "representation": representation})
    assert table.schema == pa.schema(
        [
            ("id", pa.string()),
            ("group", pa.string()),
            ("label", pa.int64()),
            ("prediction", pa.int64()),
            ("correct", pa.bool_()),
            ("logits", pa.list_(pa.float32())),
            ("tokens", pa.int32()),
            ("representation", pa.list_(pa.float32())),
        ]
    )
    assert table["prediction"].to_pylist() == [0, 0, 1, 1]
    assert table["correct"].to_pylist() == [True, False, False, True]
    assert table["logits"].to_pylist()[2] == [0.5, 0.75]
    assert table["representation"].to_pylist()[3] == [3, 4, 5]
    assert table["tokens"].to_pylist() == [6, 2, 7, 12]
    pq.write_table(table, tmp_path / "outputs.parquet")
    assert pq.read_table(tmp_path / "outputs.parquet").equals(table)


def test_no_texts_make_an_empty_table(tokenizer: Tokenizer) -> None:
    task = task_for("text-classification")
    table = task.table([], task.encode(FastTokenizer(tokenizer), []), {"logits": [], "representation": []})
    assert table.num_rows == 0
    assert table["logits"].type == pa.list_(pa.float32())


def test_outputs_of_other_examples_are_refused(tokenizer: Tokenizer) -> None:
    task = task_for("text-classification")
    features = task.encode(FastTokenizer(tokenizer), EXAMPLES[:2])
    outputs = {"logits": [np.zeros(2, np.float32)], "representation": [np.zeros(2, np.float32)]}
    with pytest.raises(ValueError, match="2 examples"):
        task.table(EXAMPLES[:2], features, outputs)


def test_more_texts_than_are_tokenised_at_once(tokenizer: Tokenizer) -> None:
    words = ["bob", "cat", "home"]
    examples = [TextExample(str(index), "g", words[index % 3], 0) for index in range(2_345)]
    features = task_for("text-classification").encode(FastTokenizer(tokenizer), examples)
    assert [ids[1] for ids in features.inputs["input_ids"]] == [
        tokenizer.token_to_id(words[index % 3]) for index in range(2_345)
    ]
