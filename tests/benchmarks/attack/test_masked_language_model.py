from __future__ import annotations

import json
import re
import shutil
from itertools import product

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, BertForMaskedLM

from benchmarks.attack.candidates import Piece, combinations
from benchmarks.attack.words import stop_words
from benchmarks.characteristics.adversarial_attack import AttackSettings, MaskedLanguageModel
from benchmarks.errors import BenchmarkError

TEXT = "The film is rewatchable, good-made."


def spans(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(r"[\w'-]+", text)]


@pytest.fixture(scope="module")
def model(exported_masked_lm):
    return MaskedLanguageModel(exported_masked_lm)


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


def test_candidates_of_several_pieces_are_combinations_with_the_lowest_perplexity(model, masked_lm_folder):
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
    found = model.candidates(text, spans(text))[1]
    assert list(found) == list(dict.fromkeys(expected))


def test_few_and_usable_candidates_only(exported_masked_lm):
    model = MaskedLanguageModel(
        exported_masked_lm, AttackSettings(candidates=40, sub_word_candidates=2, combinations=3)
    )
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


def test_combinations_are_those_of_the_full_product():
    generator = np.random.default_rng(0)
    pieces = [[Piece(f"##{10 * place + i}", float(generator.normal())) for i in range(4)] for place in range(4)]
    everything = sorted(product(*pieces), key=lambda row: -sum(piece.score for piece in row))
    assert combinations(pieces, 24) == ["".join(piece.bare for piece in row) for row in everything[:24]]
    assert combinations([[Piece("a", -1.0)], []], 24) == []


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


def test_candidates_of_the_authors_code(exported_masked_lm, masked_lm_folder):
    """A whole word takes whatever is best; pieces combine the first 24 of the product, ranked without the text."""
    model = MaskedLanguageModel(exported_masked_lm, AttackSettings(mode="reference"))
    tokenizer = AutoTokenizer.from_pretrained(masked_lm_folder)
    bert = BertForMaskedLM.from_pretrained(masked_lm_folder).eval()
    text = "good rewatched film"
    with torch.inference_mode():
        logits = bert(**tokenizer(text, return_tensors="pt")).logits[0]
    whole, pieces, _ = model.candidates(text, spans(text))
    assert list(whole) == tokenizer.convert_ids_to_tokens(logits[1].topk(48).indices)
    rows = list(product(*(logits[place].topk(4).indices.tolist() for place in (2, 3, 4))))[:24]
    with torch.inference_mode():
        alone = bert(input_ids=torch.tensor(rows)).logits.log_softmax(-1)
    fit = alone.gather(2, torch.tensor(rows)[..., None]).mean((1, 2))
    ranked = [tokenizer.convert_ids_to_tokens(rows[i]) for i in (-fit).argsort()]
    assert list(pieces) == [" ".join(tokens).replace(" ##", "") for tokens in ranked]


def test_a_folder_without_tokenizer_or_with_another_vocabulary_is_refused(exported_masked_lm, tmp_path):
    shutil.copytree(exported_masked_lm, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "tokenizer.json"
    described = json.loads(path.read_text())
    described["model"] = {"type": "BPE", "vocab": {"a": 0, "[CLS]": 1, "[SEP]": 2}, "merges": []}
    path.write_text(json.dumps(described))
    with pytest.raises(BenchmarkError, match="its BPE tokenizer has no decoder"):
        MaskedLanguageModel(tmp_path)
    path.write_text(json.dumps(described | {"decoder": {"type": "Fuse"}}))
    with pytest.raises(BenchmarkError, match="no piece that begins a word"):
        MaskedLanguageModel(tmp_path)
    path.unlink()
    with pytest.raises(BenchmarkError, match=r"tokenizer\.json"):
        MaskedLanguageModel(tmp_path)


@pytest.mark.parametrize("name", ["encoder.onnx", "head.onnx"])
def test_an_unreadable_graph_is_refused(exported_masked_lm, tmp_path, name):
    shutil.copytree(exported_masked_lm, tmp_path, dirs_exist_ok=True)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:100])
    with pytest.raises(BenchmarkError, match="cannot be loaded") as caught:
        MaskedLanguageModel(tmp_path)
    assert "\n" not in str(caught.value)
