from __future__ import annotations

import numpy as np
import pytest

from benchmarks.attack import transfer
from benchmarks.characteristics.adversarial_attack import AttackSettings, attack, replay
from benchmarks.errors import BenchmarkError

TEXT = "A good film, with a Great plot!"


def test_the_most_important_word_goes_first_and_the_search_stops_when_the_label_flips(predict, candidates):
    [result] = attack(predict, [("1", TEXT, 1)], candidates=candidates)
    assert result.status == "succeeded"
    # "Great" weighs most; put to "Bad" the text sums to .1, still positive, so "good" follows.
    assert result.adversarial == "A bad film, with a Bad plot!"
    assert (result.prediction_before, result.prediction_after) == (1, 0)
    assert (result.words, result.words_changed) == (7, 2)
    assert predict([result.adversarial]).argmax() == 0
    # The text, its words but the stop words put to [UNK], the candidates of "Great" and "good".
    assert result.queries == 1 + 4 + 3 + 3


def test_no_more_than_the_share_of_words_is_changed(predict, candidates):
    settings = AttackSettings(max_words_changed=0.2)
    [result] = attack(predict, [("1", TEXT, 1)], candidates=candidates, settings=settings)
    assert result.status == "failed"
    assert (result.adversarial, result.words_changed, result.prediction_after) == (TEXT, 0, 1)

    # 0.4 of four words is one word, not two.
    [result] = attack(predict, [("1", "good great film plot", 1)], candidates=candidates)
    assert result.status == "failed"


def test_a_text_that_is_wrong_before_is_skipped_without_candidates(predict):
    def never(text, spans):
        raise AssertionError("candidates of a skipped text were asked for")

    [result] = attack(predict, [("1", TEXT, 0)], candidates=never)
    assert (result.status, result.adversarial, result.queries) == ("skipped", TEXT, 1)


def test_stop_words_stay_in_any_case(predict, candidates):
    [result] = attack(predict, [("1", "The THE the fine", 1)], candidates=candidates)
    assert result.status == "failed"
    assert result.queries == 1


@pytest.mark.parametrize("mode", ["corrected", "reference"])
def test_stop_words_of_ones_own_take_the_place_of_the_english_ones(predict, mode):
    def propose(text, spans):
        return [["bad"] for _ in spans]

    settings = AttackSettings.from_json({"mode": mode, "max_words_changed": 1.0, "stop_words": ["great", "film"]})
    [result] = attack(predict, [("1", "the GREAT good film x", 1)], candidates=propose, settings=settings)
    changed = {old.lower() for old, _ in result.changes}
    assert result.status == "succeeded" and changed and changed <= {"the", "good", "x"}


def test_a_text_below_the_similarity_is_not_taken(predict):
    def propose(text, spans):
        return [["awful", "bad", "dull"] if text[start:end] == "fine" else [] for start, end in spans]

    def similarity(original, texts):
        assert original == "a fine film"
        return np.array([{"awful": 0.1, "bad": 0.5, "dull": 0.9}[text.split()[1]] for text in texts])

    def adversarial(at_least):
        settings = AttackSettings(min_similarity=at_least)
        examples = [("1", "a fine film", 1)]
        [result] = attack(predict, examples, candidates=propose, similarity=similarity, settings=settings)
        return result.status, result.adversarial, result.similarity

    assert adversarial(0.0) == ("succeeded", "a awful film", 0.1)
    assert adversarial(0.2) == ("succeeded", "a bad film", 0.5)
    assert adversarial(0.6) == ("succeeded", "a dull film", 0.9)
    assert adversarial(0.95) == ("failed", "a fine film", None)


HARD = [
    "",
    " \t\n",
    "word",
    "good",
    "😀 🎉 👍🏽",
    "!!! ... ''' --- @@@",
    "فيلم جيد جدا good",
    "סרט טוב",
    "这部电影很好 good film",
    "good\x00film \x1f great\u200b \ufeff",
    "\ud800 good great film one two three",
    "good <SPLIT> great film one two three four",
    "[UNK] [MASK] good ##ing",
    "x" * 5000 + " good",
    "it's a well-made, good_film don't you think",
    "good good good good GOOD Good gOOd",
    "good " + "filler " * 10_000,
]


@pytest.mark.parametrize("text", HARD, ids=range(len(HARD)))
def test_any_text_survives(predict, candidates, text):
    for label in (0, 1):
        [result] = attack(predict, [("1", text, label)], candidates=candidates)
        assert result.original == text
        if result.status == "succeeded":
            assert predict([result.adversarial]).argmax() != label
            assert len(result.adversarial.split()) == len(text.split())
            assert result.words_changed <= 0.4 * result.words
        else:
            assert result.adversarial == text


# The authors put the whole text together anew for every word: its time goes by the square of the words.
HARD_FOR_THE_AUTHORS = [*HARD[:-1], "good " + "filler " * 1000]


@pytest.mark.parametrize("text", HARD_FOR_THE_AUTHORS, ids=range(len(HARD)))
def test_any_text_survives_the_authors_code(predict, candidates, text):
    settings = AttackSettings(mode="reference")
    for label in (0, 1):
        [result] = attack(predict, [("1", text, label)], candidates=candidates, settings=settings)
        assert result.original == text
        if result.status == "succeeded":
            assert predict([result.adversarial]).argmax() == result.prediction_after != label
            assert result.words_changed <= 0.4 * result.words + 1
        else:
            assert result.adversarial == text


@pytest.mark.parametrize("mode", ["corrected", "reference"])
def test_results_do_not_depend_on_how_many_texts_are_attacked_at_once(predict, candidates, mode):
    examples = [(str(i), f"{TEXT} scene {i} " + "filler " * (i % 5), i % 7 != 0) for i in range(40)]
    settings = AttackSettings(mode=mode)
    one, eight, all_ = (
        list(attack(predict, examples, candidates=candidates, settings=settings, batch_size=size))
        for size in (1, 8, 64)
    )
    assert one == eight == all_
    assert {result.status for result in one} == {"succeeded", "skipped"}


def test_low_precision_probabilities_are_not_put_through_softmax_again(predict, candidates):
    def single_precision(texts):
        return predict(texts).astype(np.float16)

    [exact] = attack(predict, [("1", TEXT, 1)], candidates=candidates)
    [single] = attack(single_precision, [("1", TEXT, 1)], candidates=candidates)
    assert single == exact


def test_all_texts_of_a_step_come_in_one_call(predict, candidates):
    sizes = []

    def counting(texts):
        sizes.append(len(texts))
        return predict(texts)

    list(attack(counting, [("1", TEXT, 1)], candidates=candidates))
    assert sizes == [1, 4, 3, 3]

    sizes.clear()
    list(attack(counting, [(str(i), TEXT, 1) for i in range(5)], candidates=candidates))
    assert sizes == [5, 20, 15, 15]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda texts: np.ones(len(texts)), "shape"),
        (lambda texts: np.full((len(texts), 2), np.nan), "no probabilities"),
        (lambda texts: np.full((len(texts), 2), 3.0), "no probabilities"),
    ],
)
def test_what_is_no_probability_is_refused(candidates, wrong, words):
    with pytest.raises(BenchmarkError, match=words):
        list(attack(wrong, [("1", TEXT, 1)], candidates=candidates))


@pytest.mark.parametrize("label", [-1, 2])
def test_a_label_that_the_deployment_lacks_is_refused(predict, candidates, label):
    with pytest.raises(BenchmarkError, match=f"label {label}: predict gives 2 classes"):
        list(attack(predict, [("1", TEXT, label)], candidates=candidates))


def test_replay_shows_only_texts_that_succeeded(predict, candidates):
    results = list(attack(predict, [("a", TEXT, 1), ("b", "film", 1), ("c", TEXT, 0)], candidates=candidates))
    asked = {"crafted": results, "nothing fell": results[1:]}
    shown = replay(lambda texts: predict([text for _, text in texts])[:, ::-1], asked)
    [replayed] = shown["crafted"]
    assert (replayed.id, replayed.label) == ("a", 1)
    assert (replayed.prediction_before, replayed.prediction_after) == (0, 1)
    assert shown["nothing fell"] == []
    assert replay(lambda _: pytest.fail("nothing is to be asked"), {"nothing fell": results[1:]}) == {
        "nothing fell": []
    }


def test_a_replay_of_many_texts_goes_in_several_calls(monkeypatch, predict, candidates):
    examples = [(str(n), f"a good film, take {n}", 1) for n in range(12)]
    crafted = {"one": list(attack(predict, examples, candidates=candidates))}
    sizes = []

    def ask(texts):
        sizes.append(len(texts))
        return predict([text for _, text in texts])

    whole = replay(ask, crafted)
    monkeypatch.setattr(transfer, "TEXTS_A_CALL", 7)
    assert replay(ask, crafted) == whole
    assert sizes == [24, 7, 7, 7, 3]
