from __future__ import annotations

import numpy as np
import pytest
from tokenizers import Tokenizer

from harness.tasks.features import Features, encode_in_chunks, truncated


def features(example: list[int]) -> Features:
    ids = [np.arange(3 + index) for index in range(len(example))]
    return Features({"input_ids": ids}, np.asarray(example, np.int64))


def test_lengths_and_first_feature_of_each_example() -> None:
    ragged = features([0, 0, 1, 2, 2, 2])
    assert len(ragged) == 6
    assert ragged.lengths.tolist() == [3, 4, 5, 6, 7, 8]
    assert ragged.first.tolist() == [0, 2, 3]


def test_no_examples_make_no_features() -> None:
    assert len(features([])) == 0
    assert features([]).lengths.tolist() == []
    assert features([]).first.tolist() == []


@pytest.mark.parametrize("fails", [False, True])
def test_the_tokenizer_gets_its_own_settings_back(tokenizer: Tokenizer, fails: bool) -> None:
    tokenizer.enable_truncation(7, stride=2)
    tokenizer.enable_padding(length=9, pad_id=0)
    before = tokenizer.truncation, tokenizer.padding
    try:
        with truncated(tokenizer, 5, stride=0, strategy="longest_first"):
            assert len(tokenizer.encode("the cat sat on the mat").ids) == 5
            if fails:
                raise RuntimeError
    except RuntimeError:
        pass
    assert (tokenizer.truncation, tokenizer.padding) == before


def test_a_lone_surrogate_is_one_unknown_character(tokenizer: Tokenizer) -> None:
    texts = ["the \ud800 cat", "the \ufffd cat"]
    broken, stand_in = encode_in_chunks(tokenizer, texts, offsets=True)
    assert (broken.ids, broken.offsets) == (stand_in.ids, stand_in.offsets)
    (pair,) = encode_in_chunks(tokenizer, [(texts[0], texts[0])], offsets=True)
    assert pair.ids
