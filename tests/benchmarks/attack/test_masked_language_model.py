from __future__ import annotations

import json
import re
import shutil
from itertools import product

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, BertForMaskedLM

from benchmarks.characteristics.adversarial_attack import AttackSettings, MaskedLanguageModel
from benchmarks.characteristics.attack.masked_language_model import likeliest_combinations
from benchmarks.characteristics.attack.stop_words import stop_words
from benchmarks.errors import BenchmarkError

TEXT = "The film is rewatchable, good-made."


def spans(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(r"[\w'-]+", text)]


@pytest.fixture(scope="module")
def model(masked_lm_folder):
    return MaskedLanguageModel(masked_lm_folder)


def test_candidates_of_a_whole_word_are_the_best_of_one_pass_over_the_unmasked_text(model, masked_lm_folder):
    tokenizer = AutoTokenizer.from_pretrained(masked_lm_folder)
    bert = BertForMaskedLM.from_pretrained(masked_lm_folder).eval()
    with torch.inference_mode():
        logits = bert(**tokenizer(TEXT, return_tensors="pt")).logits[0]
    place = tokenizer.tokenize(TEXT).index("film") + 1
    best = tokenizer.convert_ids_to_tokens(logits[place].topk(48).indices)
    expected = [token for token in best if token.isalnum() and token != "film" and token not in stop_words()]
    assert expected
    assert list(model.candidates(TEXT, spans(TEXT))[1]) == expected


def test_candidates_of_several_pieces_are_combinations_with_the_lowest_perplexity(masked_lm_folder):
    tokenizer = AutoTokenizer.from_pretrained(masked_lm_folder)
    bert = BertForMaskedLM.from_pretrained(masked_lm_folder).eval()
    text = "good rewatched film"
    assert tokenizer.tokenize(text) == ["good", "re", "##watch", "##ed", "film"]
    with torch.inference_mode():
        scores = bert(**tokenizer(text, return_tensors="pt")).logits[0].log_softmax(-1)
    choices = []
    for place, continues in ((2, False), (3, True), (4, True)):
        best = tokenizer.convert_ids_to_tokens(scores[place].topk(48).indices)
        fitting = [token for token in best if token.lstrip("#").isalnum() and token.startswith("##") == continues]
        choices.append([(token, scores[place, tokenizer.vocab[token]].item()) for token in fitting[:4]])
    everything = sorted(product(*choices), key=lambda row: -sum(score for _, score in row))
    assert len(everything) == 64
    expected = ["".join(token.removeprefix("##") for token, _ in row) for row in everything[:24]]
    found = MaskedLanguageModel(masked_lm_folder).candidates(text, spans(text))[1]
    assert list(found) == list(dict.fromkeys(expected))


def test_few_and_usable_candidates_only(masked_lm_folder):
    model = MaskedLanguageModel(masked_lm_folder, AttackSettings(candidates=40, sub_word_candidates=2, combinations=3))
    text = "rewatchable films good-made don't GOOD"
    proposed = model.candidates(text, spans(text))
    assert len(proposed) == 5
    for word, choices in zip(text.split(), proposed, strict=True):
        assert len(choices) == len(set(choices))
        for choice in choices:
            assert re.fullmatch(r"[a-z]+(?:['-][a-z]+)*", choice)
            assert choice != word.lower()
            assert choice not in stop_words()
    assert all(len(choices) <= 3 for choices in proposed[:4])


def test_likeliest_combinations_are_those_of_the_full_product():
    generator = np.random.default_rng(0)
    pieces = [[(10 * place + i, float(generator.normal())) for i in range(4)] for place in range(4)]
    everything = sorted(product(*pieces), key=lambda row: -sum(score for _, score in row))
    assert likeliest_combinations(pieces, 24) == [tuple(i for i, _ in row) for row in everything[:24]]
    assert likeliest_combinations([[(1, -1.0)], []], 24) == []


def test_words_beyond_the_longest_input_have_no_candidates(model):
    text = "good film " * 200
    proposed = model.candidates(text, spans(text))
    assert len(proposed) == 400
    # 64 positions, two of them special.
    assert [bool(choices) for choices in proposed] == [True] * 62 + [False] * 338


def test_a_word_that_truncation_cuts_has_no_candidates(model):
    text = "film " * 61 + "watching"
    proposed = model.candidates(text, spans(text))
    assert proposed[60] and not proposed[61]


def test_a_text_is_passed_through_the_model_once(masked_lm_folder, monkeypatch):
    model = MaskedLanguageModel(masked_lm_folder)
    first = model.candidates(TEXT, spans(TEXT))
    monkeypatch.setattr(model, "_model", None)
    assert model.candidates(TEXT, spans(TEXT)) is first


@pytest.mark.parametrize("text", ["", " ", "😀", "\ud800 film", "فيلم", "x" * 500, "\x00\x1f"])
def test_any_text_survives(model, text):
    assert len(model.candidates(text, spans(text))) == len(spans(text))
    assert np.isfinite(model.similarity(text, [text, "film"])).all()


def test_similarity_is_the_cosine_of_mean_pooled_states(model, masked_lm_folder):
    tokenizer = AutoTokenizer.from_pretrained(masked_lm_folder)
    bert = BertForMaskedLM.from_pretrained(masked_lm_folder).eval()

    def state(text):
        with torch.inference_mode():
            return bert.bert(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0)

    others = ["a dull movie", "good", "the awful actor is a scene and a bad plot"]
    expected = [float(torch.cosine_similarity(state("a good film"), state(text), dim=0)) for text in others]
    similarity = model.similarity("a good film", others)
    assert similarity.dtype == np.float64
    np.testing.assert_allclose(similarity, expected, atol=1e-5)
    np.testing.assert_allclose(model.similarity("a good film", ["a good film"]), [1.0], atol=1e-6)


def test_a_checkpoint_without_the_head_is_refused(masked_lm_folder, tmp_path):
    BertForMaskedLM.from_pretrained(masked_lm_folder).bert.save_pretrained(tmp_path)
    shutil.copy(masked_lm_folder / "tokenizer.json", tmp_path)
    with pytest.raises(BenchmarkError, match="masked-LM head"):
        MaskedLanguageModel(tmp_path)


def test_a_folder_without_tokenizer_or_with_another_vocabulary_is_refused(masked_lm_folder, tmp_path):
    shutil.copytree(masked_lm_folder, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "tokenizer.json"
    described = json.loads(path.read_text())
    described["model"]["vocab"]["surplus"] = len(described["model"]["vocab"])
    path.write_text(json.dumps(described))
    with pytest.raises(BenchmarkError, match="belong together"):
        MaskedLanguageModel(tmp_path)
    described["model"] = {"type": "BPE", "vocab": {"a": 0, "[CLS]": 1, "[SEP]": 2}, "merges": []}
    path.write_text(json.dumps(described))
    with pytest.raises(BenchmarkError, match="WordPiece"):
        MaskedLanguageModel(tmp_path)
    path.unlink()
    with pytest.raises(BenchmarkError, match=r"tokenizer\.json"):
        MaskedLanguageModel(tmp_path)


def test_an_unreadable_model_is_refused(masked_lm_folder, tmp_path):
    shutil.copytree(masked_lm_folder, tmp_path, dirs_exist_ok=True)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(BenchmarkError, match="cannot be loaded"):
        MaskedLanguageModel(tmp_path)
    weights.unlink()
    with pytest.raises(BenchmarkError, match="cannot be loaded") as caught:
        MaskedLanguageModel(tmp_path)
    assert "\n" not in str(caught.value)
