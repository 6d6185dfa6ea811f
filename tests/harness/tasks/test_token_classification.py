"""Sentences to windows, and what models say of them to entities."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from seqeval.metrics import f1_score, precision_score, recall_score
from tokenizers import Tokenizer, pre_tokenizers

from harness.errors import UserError
from harness.examples.records import TaggedSentence
from harness.tasks.fast_tokenizer import FastTokenizer
from harness.tasks.features import Features
from harness.tasks.task import IGNORED, Task, task_for

LABELS = ("O", "B-per", "I-per", "B-loc", "I-loc")


def task(max_length: int = 16) -> Task:
    return task_for("token-classification", max_length=max_length, labels=LABELS)


def sentence(text: str, tags: str = "", id: str = "s") -> TaggedSentence:
    words = tuple(text.split())
    return TaggedSentence(id, f"group of {id}", words, tuple(tags.split()) or ("O",) * len(words))


def said(features: Features, by_word: list[list[int]]) -> dict[str, list[NDArray[np.float32]]]:
    """Outputs that give a word's first token its class of ``by_word``, and every other token another one."""
    assert features.offsets is not None
    rows = []
    for owner, offsets in zip(features.example, features.offsets, strict=True):
        logits = np.zeros((len(offsets), len(LABELS)), np.float32)
        for place, (word, _) in enumerate(offsets):
            logits[place, by_word[owner][word] if word >= 0 else 4] = 5
        rows.append(logits)
    return {"logits": rows, "representation": [np.ones(3, np.float32) for _ in rows]}


def test_a_words_tag_is_that_of_its_first_token(tokenizer: Tokenizer) -> None:
    asked = [sentence("Bob lives inx Paris", "B-per O O B-loc")]
    features = task().encode(FastTokenizer(tokenizer), asked)
    tokens = [tokenizer.id_to_token(index) for index in features.inputs["input_ids"][0]]
    assert tokens == ["[CLS]", "bob", "lives", "in", "##x", "paris", "[SEP]"]
    assert features.offsets is not None
    assert features.offsets[0][:, 0].tolist() == [-1, 0, 1, 2, -1, 3, -1]
    (targets,) = task().targets(asked, features)["labels"]
    assert targets.tolist() == [IGNORED, 1, 0, 0, IGNORED, 3, IGNORED]


def test_windows_of_a_long_sentence_have_every_word_and_begin_inside_none(tokenizer: Tokenizer) -> None:
    long = sentence(" ".join(["bob", "livesinparis9", "inx"] * 40))
    features = task().encode(FastTokenizer(tokenizer), [sentence("why"), long])
    assert features.lengths.max() == 16 and features.example[0] == 0
    assert features.offsets is not None
    first = {"bob", "lives", "in"}
    seen = set()
    for offsets, ids in zip(features.offsets[1:], features.inputs["input_ids"][1:], strict=True):
        for (word, _), id_ in zip(offsets, ids, strict=True):
            if word >= 0:
                assert tokenizer.id_to_token(int(id_)) in first
                seen.add(int(word))
    assert seen == set(range(120))


def test_of_two_windows_the_one_that_shows_more_around_a_word_counts(tokenizer: Tokenizer) -> None:
    long = sentence(" ".join(["bob"] * 20))
    features = task().encode(FastTokenizer(tokenizer), [long])
    assert len(features) == 2 and features.offsets is not None
    outputs = said(features, [[0] * 20])
    outputs["logits"][0][:, 1] = 9  # the first window says B-per everywhere, the second O
    table = task().table([long], features, outputs)
    tags = table.column("predicted_tags")[0].as_py()
    # Words 9 to 13 are in both: places 10 to 14 of 16 in the first, 1 to 5 of 13 in the second.
    assert tags == ["B-per"] * 12 + ["O"] * 8
    assert len(table.column("logits")[0].as_py()) == 20


def test_an_answer_is_right_where_all_entities_are(tokenizer: Tokenizer) -> None:
    asked = [
        sentence("Bob lives in Paris", "B-per O O B-loc", "a"),
        sentence("Bob lives in Paris", "B-per O O B-loc", "b"),
        sentence("the cat sat", "", "c"),
    ]
    features = task().encode(FastTokenizer(tokenizer), asked)
    table = task().table(asked, features, said(features, [[2, 0, 0, 3], [1, 0, 0, 0], [0, 0, 0]]))
    assert table.column("prediction").to_pylist() == ["Bob [per 1]; Paris [loc 4]", "Bob [per 1]", "no entities"]
    assert table.column("correct").to_pylist() == [True, False, True], "an I- that begins an entity is a B-"
    strata = task().strata(table)
    assert strata["with entities"].tolist() == [True, True, False]
    confidence = task().confidence(asked, features, table)
    one = np.exp(5) / (np.exp(5) + 4)
    np.testing.assert_allclose(confidence, [one**4, one**4, one**3])


def test_a_word_that_the_tokenizer_makes_nothing_of_is_outside(tokenizer: Tokenizer) -> None:
    asked = [sentence("bob \u200b sat"), sentence("\u200b")]
    features = task().encode(FastTokenizer(tokenizer), asked)
    table = task().table(asked, features, said(features, [[1, 1, 1], [1]]))
    assert table.column("predicted_tags").to_pylist() == [["B-per", "O", "B-per"], ["O"]]
    assert task().confidence(asked, features, table)[1] == pytest.approx(1)


def test_the_metrics_are_seqevals(tokenizer: Tokenizer) -> None:
    random = np.random.default_rng(0)
    words = ["bob", "lives", "in", "paris", "cat"]
    asked = [
        sentence(" ".join(random.choice(words, 8)), " ".join(random.choice(["O", "O", "B-per", "B-loc"], 8)), str(row))
        for row in range(50)
    ]
    features = task().encode(FastTokenizer(tokenizer), asked)
    table = task().table(asked, features, said(features, random.integers(0, 5, (50, 8)).tolist()))
    gold = [list(one.tags) for one in asked]
    found = table.column("predicted_tags").to_pylist()
    metrics = task().metrics(table)
    wanted = [score(gold, found) for score in (f1_score, precision_score, recall_score)]
    assert [metrics[f"entity_{name}"] for name in ("f1", "precision", "recall")] == pytest.approx(wanted, abs=1e-6)
    assert 0 < wanted[0] < 1
    nothing = task().metrics(table.slice(0, 0))
    assert nothing == {"accuracy": None}


def test_words_that_a_byte_level_tokenizer_would_join_are_refused(tokenizer: Tokenizer) -> None:
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    with pytest.raises(UserError, match="add_prefix_space is false"):
        task().encode(FastTokenizer(tokenizer), [sentence("bob")])
