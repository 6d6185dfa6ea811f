from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from tokenizers import Tokenizer

from harness.config.tasks import QuestionAnswering
from harness.errors import UserError
from harness.examples.records import QuestionExample
from harness.tasks.fast_tokenizer import FastTokenizer
from harness.tasks.features import Features
from harness.tasks.question_answering import QuestionAnsweringTask
from harness.tasks.task import Task, task_for

SMALL = QuestionAnswering(max_seq_length=24, doc_stride=6)


def question(text: str, context: str, *answers: tuple[str, int], id: str = "q") -> QuestionExample:
    texts, starts = tuple(text for text, _ in answers), tuple(start for _, start in answers)
    return QuestionExample(id, f"group of {id}", text, context, texts, starts)


def random_outputs(features: Features, seed: int = 0) -> dict[str, list[NDArray[np.float32]]]:
    rng = np.random.default_rng(seed)
    lengths = features.lengths
    return {
        "start_logits": [rng.normal(size=length).astype(np.float32) for length in lengths],
        "end_logits": [rng.normal(size=length).astype(np.float32) for length in lengths],
        "representation": [rng.normal(size=4).astype(np.float32) for _ in lengths],
    }


def small() -> Task:
    return task_for("question-answering", question_answering=SMALL)


def test_a_pair_of_question_and_context(tokenizer: Tokenizer) -> None:
    features = small().encode(FastTokenizer(tokenizer), [question("Where?", "Bob lives in Paris")])
    tokens = [tokenizer.id_to_token(index) for index in features.inputs["input_ids"][0]]
    assert tokens == ["[CLS]", "where", "?", "[SEP]", "bob", "lives", "in", "paris", "[SEP]"]
    assert features.inputs["token_type_ids"][0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 1]
    assert features.inputs["attention_mask"][0].tolist() == [1] * 9
    assert features.offsets is not None
    outside = [[-1, -1]] * 4
    assert features.offsets[0].tolist() == [*outside, [0, 3], [4, 9], [10, 12], [13, 18], [-1, -1]]
    assert features.offsets[0].dtype == np.int32


def test_windows_cover_a_context_of_10_000_words_and_overlap_by_the_stride(tokenizer: Tokenizer) -> None:
    context = " ".join(["bob lives in paris"] * 2_500)
    features = small().encode(FastTokenizer(tokenizer), [question("why", "home"), question("where", context)])
    assert features.example[0] == 0
    assert set(features.example[1:].tolist()) == {1}
    assert features.lengths.max() == SMALL.max_seq_length
    assert features.offsets is not None
    windows = [offsets[offsets[:, 0] >= 0] for offsets in features.offsets[1:]]
    covered = np.unique(np.concatenate(windows), axis=0)
    assert len(covered) == 10_000
    assert (covered[0, 0], covered[-1, 1]) == (0, len(context))
    for window, following in pairwise(windows):
        assert (window[-SMALL.doc_stride :] == following[: SMALL.doc_stride]).all()


@pytest.mark.parametrize(
    ("text", "context"),
    [
        ("", ""),
        ("", "bob lives"),
        ("who", ""),
        (" \t", "\n \n"),
        ("\x00\x07", "\x00\x1b[0m\u200b"),
        ("?" * 40, "!"),
    ],
)
def test_odd_texts_survive_the_whole_way(tokenizer: Tokenizer, text: str, context: str) -> None:
    task, examples = small(), [question(text, context)]
    features = task.encode(FastTokenizer(tokenizer), examples)
    table = task.table(examples, features, random_outputs(features))
    assert table.num_rows == 1


def test_offsets_count_characters_not_bytes(tokenizer: Tokenizer) -> None:
    context = "\U0001f600\U0001f468\u200d\U0001f469 caf\u00e9 \x00\x07bob \u4e2d\u6587 lives\r\nin Paris"
    features = small().encode(FastTokenizer(tokenizer), [question("who", context)])
    assert features.offsets is not None
    pieces = [context[start:end] for offsets in features.offsets for start, end in offsets if start >= 0]
    for word in ("bob", "lives", "in", "Paris", "\u4e2d"):
        assert word in pieces
    assert all(pieces)


@pytest.mark.parametrize("text", ["why " * 10_000, "why?! " * 30, "x" * 5_000, "\U0001f600" * 300])
def test_a_question_too_long_for_a_window_loses_its_end(tokenizer: Tokenizer, text: str) -> None:
    context = "bob lives in paris the cat sat home " * 5
    features = small().encode(FastTokenizer(tokenizer), [question(text, context)])
    assert features.lengths.max() <= SMALL.max_seq_length
    assert features.offsets is not None
    covered = np.unique(np.concatenate([row[row[:, 0] >= 0] for row in features.offsets]), axis=0)
    assert len(covered) == len(context.split())
    first = features.inputs["input_ids"][0]
    kept = first[1 : first.tolist().index(tokenizer.token_to_id("[SEP]"))]
    whole = tokenizer.encode(text, add_special_tokens=False).ids
    assert 0 < len(kept) <= 14
    assert kept.tolist() == whole[: len(kept)]


def test_other_questions_are_not_cut(tokenizer: Tokenizer) -> None:
    features = small().encode(FastTokenizer(tokenizer), [question("why " * 14, "bob"), question("why " * 15, "bob")])
    assert features.lengths.tolist() == [14 + 3 + 1, 14 + 3 + 1]


def test_a_stride_that_leaves_no_step_is_one_line(tokenizer: Tokenizer) -> None:
    task = QuestionAnsweringTask(question_answering=QuestionAnswering(max_seq_length=64, doc_stride=128))
    with pytest.raises(UserError, match=r"stride is 128, too much for max_seq_length 64: make it at most 59"):
        task.encode(FastTokenizer(tokenizer), [question("who", "bob")])
    largest = QuestionAnsweringTask(question_answering=QuestionAnswering(max_seq_length=64, doc_stride=59))
    assert len(largest.encode(FastTokenizer(tokenizer), [question("who", "bob " * 100)])) > 1


def test_windows_are_those_of_transformers(tokenizer: Tokenizer) -> None:
    from transformers import PreTrainedTokenizerFast

    texts = ["Who?", "where where where", "Why \U0001f600?"]
    contexts = ["Bob lives in Paris. " * 20, "the cat sat", "dog! " * 100]
    examples = [question(text, context) for text, context in zip(texts, contexts, strict=True)]
    features = small().encode(FastTokenizer(tokenizer), examples)
    theirs = PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]")(
        texts,
        contexts,
        max_length=SMALL.max_seq_length,
        stride=SMALL.doc_stride,
        truncation="only_second",
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    assert theirs["overflow_to_sample_mapping"] == features.example.tolist()
    for name in ("input_ids", "attention_mask", "token_type_ids"):
        assert theirs[name] == [array.tolist() for array in features.inputs[name]]
    assert features.offsets is not None
    for index, offsets in enumerate(features.offsets):
        inside = [sequence == 1 for sequence in theirs.sequence_ids(index)]
        expected = [
            list(offset) if of_context else [-1, -1]
            for offset, of_context in zip(theirs["offset_mapping"][index], inside, strict=True)
        ]
        assert offsets.tolist() == expected


def test_one_row_an_example(tokenizer: Tokenizer, tmp_path: Path) -> None:
    examples = [
        question("where", "bob lives in paris", ("paris", 13), id="a"),
        question("why", "the cat sat on the mat " * 10, id="b"),
    ]
    task = small()
    features = task.encode(FastTokenizer(tokenizer), examples)
    assert len(features) > 3
    outputs = random_outputs(features)
    for name in ("start_logits", "end_logits"):
        outputs[name][0][:] = 0
        outputs[name][0][6] = 9  # "paris"
        for row in outputs[name][1:]:
            row[0] = 30
    table = task.table(examples, features, outputs)
    assert table.schema == pa.schema(
        [
            ("id", pa.string()),
            ("group", pa.string()),
            ("answerable", pa.bool_()),
            ("prediction", pa.string()),
            ("exact", pa.float64()),
            ("f1", pa.float64()),
            ("null_score_difference", pa.float32()),
            ("tokens", pa.int32()),
            ("representation", pa.list_(pa.float32())),
            ("start_logits", pa.list_(pa.list_(pa.float32()))),
            ("end_logits", pa.list_(pa.list_(pa.float32()))),
        ]
    )
    assert table["id"].to_pylist() == ["a", "b"]
    assert table["answerable"].to_pylist() == [True, False]
    assert table["prediction"].to_pylist() == ["paris", ""]
    assert table["exact"].to_pylist() == [1, 1]
    assert table["f1"].to_pylist() == [1, 1]
    assert table["null_score_difference"][0].as_py() == -18
    assert table["tokens"].to_pylist() == [8, 24]
    assert table["representation"].to_pylist()[1] == outputs["representation"][1].tolist()
    assert table["start_logits"].to_pylist()[0] == [outputs["start_logits"][0].tolist()]
    assert table["end_logits"].to_pylist()[1] == [row.tolist() for row in outputs["end_logits"][1:]]
    pq.write_table(table, tmp_path / "outputs.parquet")
    assert pq.read_table(tmp_path / "outputs.parquet").equals(table)


def test_no_examples_make_an_empty_table(tokenizer: Tokenizer) -> None:
    features = small().encode(FastTokenizer(tokenizer), [])
    table = small().table([], features, random_outputs(features))
    assert table.num_rows == 0
    assert table["start_logits"].type == pa.list_(pa.list_(pa.float32()))


def test_outputs_of_other_features_are_refused(tokenizer: Tokenizer) -> None:
    examples = [question("who", "bob")]
    features = small().encode(FastTokenizer(tokenizer), examples)
    with pytest.raises(ValueError, match="1 features"):
        small().table(examples, features, {name: [] for name in random_outputs(features)})
    with pytest.raises(ValueError, match="2 examples"):
        small().table(examples * 2, features, random_outputs(features))


def test_an_unknown_task_is_one_line() -> None:
    with pytest.raises(UserError, match="unknown task 'summarisation': the tasks are"):
        task_for("summarisation")


def test_encoding_loads_neither_torch_nor_transformers() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from harness.tasks.task import task_for; "
        "task_for('question-answering'); task_for('text-classification'); "
        "sys.exit(int('torch' in sys.modules or 'transformers' in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
