from __future__ import annotations

import pytest

from benchmarks.attack.words import in_case_of, split_words

HARD = [
    "",
    " \t\n",
    "word",
    "A good film, with a Great plot!",
    "it's a well-made, good_film don't you think",
    "'quoted' -dash- _under_ *star* @at @ - ' ''' --- @@@",
    "rock'n'roll o'clock mother-in-law a--b c''d e-'f",
    "e-mail me@example.com, 50% off * $5.00",
    "😀 🎉 👍🏽 film😀good",
    "فيلم جيد جدا good",
    "סרט טוב",
    "naïve café ﬁlm Ünïcode \u017fharp ß Ǆ",
    "good\x00film \x1f great\u200b \ufeff\x85x\u2028y",
    "\ud800 good \udfff",
    "a\u0301 e\u0300clair",
    "x\u00d7y \u02d7a `b` ১২ Ⅳ ² ½",
    "the the The THE good good good",
    "[UNK] [MASK] good ##ing <br /><br />",
    "word " * 500,
]


@pytest.mark.slow
@pytest.mark.parametrize("text", HARD, ids=range(len(HARD)))
def test_words_and_texts_are_those_of_textattack(text):
    from benchmarks.attack.textattack_offline import textattack

    theirs = textattack.shared.AttackedText(text)
    ours = split_words(text)
    assert list(ours.words) == theirs.words
    assert ours.text == text
    assert [text[start:end] for start, end in ours.spans] == list(ours.words)
    for place in range(min(len(ours.words), 10)):
        [replaced] = ours.texts_with(place, ["changed"])
        assert ours.replace(place, "changed").text == replaced
        assert theirs.replace_word_at_index(place, "changed").text == replaced


def test_chinese_is_one_word_and_a_split_mark_is_text():
    """Where the two differ on purpose: jieba cuts Chinese, and AttackedText ends a text at its own mark."""
    assert split_words("这部电影很好 good").words == ("这部电影很好", "good")
    assert split_words("good <SPLIT> film").text == "good <SPLIT> film"


def test_case_is_that_of_textattack():
    from benchmarks.attack.textattack_offline import textattack

    theirs = textattack.transformations.word_swaps.word_swap_masked_lm.recover_word_case
    for model in ("film", "Film", "FILM", "fILM", "A", "a", "42", "É", "O'Neil", "-"):
        for word in ("movie", "Movie", "well-made", "i"):
            assert in_case_of(word, model) == theirs(word, model)
