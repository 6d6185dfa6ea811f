"""TextAttack's recipes: those that need nothing are run, of the others it is said what is missing."""

from __future__ import annotations

import hashlib
import zipfile
from typing import get_args

import numpy as np
import pytest

from benchmarks.attack import recipes
from benchmarks.attack.recipes import RECIPES, attack_by_recipe, missing_resources
from benchmarks.attack.results import AttackResult
from benchmarks.errors import BenchmarkError
from harness.config.characteristics import RecipeName

TEXTS = [
    ("plain", "a good film, with a plot", 1),
    ("wrong", "an awful film", 1),
    ("empty", "", 1),
    ("one word", "great", 1),
    ("emoji and a lone surrogate", "\U0001f600 good \ud800 film", 1),
    ("TextAttack's own mark", "a good <SPLIT> film", 1),
    ("right to left", "\u0645\u0631\u062d\u0628\u0627 good film", 1),
    ("control characters", "good\x00film\x07 good", 1),
]


@pytest.fixture
def leaning(predict):
    """The bag of words with a lean to negative: a text whose good words are misspelt falls."""

    def probabilities(texts):
        negative, positive = np.log(predict(texts)).T
        return np.exp(np.stack([negative + 1, positive], axis=1) - np.logaddexp(negative + 1, positive)[:, None])

    return probabilities


def test_a_study_may_name_every_recipe_and_no_other():
    assert set(get_args(RecipeName)) == set(RECIPES)


@pytest.mark.nightly
@pytest.mark.parametrize("recipe", ["deepwordbug", "pruthi"])
def test_recipes_that_need_nothing_take_texts_of_any_kind(recipe, leaning):
    assert missing_resources(recipe) == []
    kept: list[AttackResult] = []
    results = attack_by_recipe(recipe, leaning, TEXTS, seed=0, on_result=kept.append)
    assert kept == results
    by_id = {result.id: result for result in results}
    assert by_id["plain"].status == "succeeded"
    assert "good" not in by_id["plain"].adversarial.split()
    assert (by_id["plain"].words, by_id["plain"].words_changed) == (6, 1)
    assert by_id["wrong"].status == "skipped"
    assert by_id["wrong"].queries == 1
    assert by_id["TextAttack's own mark"].status == "succeeded"
    assert "<SPLIT>" in by_id["TextAttack's own mark"].adversarial
    assert [result.original for result in results] == [text for _, text, _ in TEXTS]


@pytest.mark.nightly
def test_chance_depends_on_the_seed_and_the_text_alone(leaning):
    texts = [(str(n), f"a good film, take {n} of the great story", 1) for n in range(6)]
    together = attack_by_recipe("deepwordbug", leaning, texts, seed=3)
    assert [attack_by_recipe("deepwordbug", leaning, [text], seed=3)[0] for text in texts[::-1]][::-1] == together
    assert attack_by_recipe("deepwordbug", leaning, texts, seed=4) != together


@pytest.fixture
def bare_machine(monkeypatch, tmp_path):
    """Nothing of what recipes need, whatever this machine has."""
    import huggingface_hub
    import nltk

    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    monkeypatch.setenv("TA_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda *_: None)
    return tmp_path


@pytest.mark.parametrize(
    ("recipe", "what", "way"),
    [
        ("bae", "bert-base-uncased", "hf download bert-base-uncased"),
        ("bert-attack", "bert-base-uncased", "hf download"),
        ("pwws", "WordNet", "nltk.downloader wordnet"),
        ("textbugger", "counter-fitted word vectors", "TA_CACHE_DIR"),
        ("textfooler", "counter-fitted word vectors", "textattack.s3.amazonaws.com"),
    ],
)
def test_a_missing_resource_is_named_with_the_way_to_get_it(recipe, what, way, bare_machine, predict):
    with pytest.raises(BenchmarkError) as caught:
        attack_by_recipe(recipe, predict, TEXTS, seed=0)
    message = str(caught.value)
    assert what in message and way in message and "\n" not in message


def test_without_textattack_it_is_all_that_is_missing(monkeypatch, predict):
    monkeypatch.setattr(recipes, "find_spec", lambda name: None)
    assert [one.what for one in missing_resources("textfooler")] == ["TextAttack"]
    with pytest.raises(BenchmarkError, match=r"'deepwordbug' needs TextAttack.*pip install 'scalemodel\[textattack\]'"):
        attack_by_recipe("deepwordbug", predict, TEXTS, seed=0)


def test_resources_are_found_where_they_belong(bare_machine, monkeypatch):
    assert [one.what for one in missing_resources("textfooler")] == [
        "the counter-fitted word vectors",
        "NLTK's part-of-speech tagger",
        "the Universal Sentence Encoder",
    ]
    vectors = bare_machine / "word_embeddings" / "paragramcf" / "paragram.npy"
    encoder = bare_machine / hashlib.sha1(recipes.SENTENCE_ENCODER.encode()).hexdigest() / "saved_model.pb"
    for file in (vectors, encoder):
        file.parent.mkdir(parents=True)
        file.touch()
    for folder in ("averaged_perceptron_tagger_eng", "universal_tagset"):
        (bare_machine / "taggers" / folder).mkdir(parents=True)
    (bare_machine / "taggers" / "universal_tagset" / "en-ptb.map").touch()
    monkeypatch.setattr(recipes, "find_spec", lambda name: name in ("tensorflow_hub", "textattack") or None)
    assert missing_resources("textfooler") == []
    (bare_machine / "corpora").mkdir()
    (bare_machine / "corpora" / "wordnet.zip").touch()
    assert [one.what for one in missing_resources("pwws")] == ["NLTK's WordNet"]  # an archive that is none
    with zipfile.ZipFile(bare_machine / "corpora" / "wordnet.zip", "w") as archive:
        archive.writestr("wordnet/lexnames", "")
    assert missing_resources("pwws") == []
