"""BERT-ATTACK's words from tokenizers that mark what begins a word: byte-level BPE and SentencePiece."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from benchmarks.attack.words import stop_words
from benchmarks.characteristics.adversarial_attack import AttackSettings, MaskedLanguageModel, attack
from exporters.attack_models.masked_language_model import write

WORDS = ("film", "movie", "plot", "story", "actor", "scene", "good", "great", "dull", "awful", "rewatch", "café")
PIECES = ("re", "watch", "play", "ed", "ing", "able", "er", "ly", "a", "the", ".", ",", "(", ")", '"')
TEXT = 'A Good film, (rewatchable) plot  "story" the café  replaying.'
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")

COMMON = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 66,
    "initializer_range": 0.5,
    "pad_token_id": 1,
    "bos_token_id": 0,
    "eos_token_id": 2,
}
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "Roberta": ("bpe", {"type_vocab_size": 1}),
    "ModernBert": ("bpe", {"cls_token_id": 0, "sep_token_id": 2, "local_attention": 16}),
    "XLMRoberta": ("unigram", {"type_vocab_size": 1}),
    "Camembert": ("unigram", {"type_vocab_size": 1}),
    "Albert": ("lower-cased unigram", {"embedding_size": 8}),
    "DebertaV2": ("unigram", {"type_vocab_size": 0, "relative_attention": True, "pos_att_type": ["p2c", "c2p"]}),
}


def byte_level() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    written = [f" {word} {word.capitalize()} ({word} {word.capitalize()}" for word in WORDS] * 3
    pieces = [f" re{piece}" for piece in PIECES] + ["able", "ing", "ed", "(re", "(watch", "watch", "replay", " the"] * 5
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=420, special_tokens=list(SPECIAL), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(written + pieces, trainer)
    return tokenizer


def unigram(lower_case: bool) -> Tokenizer:
    known = {**dict.fromkeys(SPECIAL, 0.0), "▁": -6.0}
    for word in (*WORDS, *PIECES, "A", *(word.capitalize() for word in WORDS)):
        known |= {word: -5.0, f"▁{word}": -4.0}
    known |= dict.fromkeys("abcdefghijklmnopqrstuvwxyz", -9.0)
    tokenizer = Tokenizer(models.Unigram(list(known.items()), unk_id=3))
    if lower_case:
        tokenizer.normalizer = normalizers.Sequence([normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The folders of a checkpoint, and of what is exported of it."""
    kind, settings = FAMILIES[request.param]
    tokenizer = byte_level() if kind == "bpe" else unigram("lower-cased" in kind)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    folder, exported = tmp_path_factory.mktemp("checkpoint"), tmp_path_factory.mktemp("exported")
    fast: Any = transformers.PreTrainedTokenizerFast
    fast(tokenizer_object=tokenizer, unk_token="<unk>", mask_token="<mask>", pad_token="<pad>").save_pretrained(folder)
    # Some models have more rows than their tokenizer has tokens.
    options = COMMON | settings | {"vocab_size": tokenizer.get_vocab_size() + 3}
    torch.manual_seed(0)
    config = getattr(transformers, f"{request.param}Config")(**options)
    transformers.AutoModelForMaskedLM.from_config(config).save_pretrained(folder)
    write(folder, exported)
    return folder, exported


def spans(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(r"\w+", text)]


def log_probabilities(folder: Path, text: str) -> tuple[Any, torch.Tensor, list[str]]:
    """The encoding, the scores (tokens, vocabulary), and each token as it stands behind a word."""
    tokenizer: Any = transformers.PreTrainedTokenizerFast.from_pretrained(folder)
    model = transformers.AutoModelForMaskedLM.from_pretrained(folder).eval()
    encoding = tokenizer(text, return_tensors="pt", return_token_type_ids=False)
    with torch.inference_mode():
        scores = model(**encoding).logits[0].log_softmax(-1)
    tokens = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    first = next(token for token in ("Ġfilm", "▁film") if token in tokenizer.vocab)
    shown = [tokenizer.convert_tokens_to_string([first, token]).lstrip() for token in tokens]
    return encoding, scores, [text.removeprefix("film") for text in shown]


def places(encoding: Any, start: int, end: int) -> list[int]:
    return sorted({encoding.char_to_token(at) for at in range(start, end)})


def test_a_word_is_replaced_by_words_alone_and_pieces_by_pieces_of_their_kind(family: tuple[Path, Path]) -> None:
    folder, exported = family
    encoding, scores, shown = log_probabilities(folder, TEXT)
    begins = {text[1:] for text in shown if text.startswith(" ")}
    proposed = MaskedLanguageModel(exported).candidates(TEXT, spans(TEXT))
    kinds = set()
    for (start, end), found in zip(spans(TEXT), proposed, strict=True):
        own, word = places(encoding, start, end), TEXT[start:end]
        best = [[i for i in scores[at].topk(48).indices.tolist() if i < len(shown)] for at in own]
        marked = [shown[encoding.input_ids[0][at]].startswith(" ") for at in own]
        if len(own) == 1:
            texts = [shown[i] for i in best[0]]
            expected = [t.lstrip() for t in texts if t.startswith(" ") or (not marked[0] and t in begins)]
        else:
            choices = [
                [(shown[i].lstrip(), float(scores[at, i])) for i in ids if shown[i].startswith(" ") == mark]
                for at, ids, mark in zip(own, best, marked, strict=True)
            ]
            choices = [[c for c in row if re.fullmatch(r"[^\W_]+|['-]", c[0])][:4] for row in choices]
            every = sorted(product(*choices), key=lambda row: -sum(score for _, score in row))
            expected = ["".join(piece for piece, _ in row) for row in every[:24]]
        usable = [
            one
            for one in dict.fromkeys(expected)
            if re.fullmatch(r"[^\W_]+(?:['-][^\W_]+)*", one)
            and one.lower() != word.lower()
            and one.lower() not in stop_words()
        ]
        assert list(found) == usable, word
        kinds.add((len(own) > 1, marked[0], bool(usable)))
    assert {(False, True, True), (False, False, True), (True, False, True)} <= kinds


@pytest.mark.parametrize("mode", ["corrected", "reference"])
def test_an_attack_leaves_case_and_spacing(family: tuple[Path, Path], mode: str) -> None:
    model = MaskedLanguageModel(family[1], AttackSettings.from_json({"mode": mode}))

    def predict(texts: Sequence[str]) -> np.ndarray:
        """The more of the original's words are gone, the less it is positive."""
        kept = np.array([sum(word in text.lower() for word in ("good", "film", "plot", "story")) for text in texts])
        positive = 1 / (1 + np.exp(2.5 - kept))
        return np.stack([1 - positive, positive], axis=1)

    settings = AttackSettings.from_json({"mode": mode})
    [result] = attack(predict, [("1", TEXT, 1)], candidates=model.candidates, settings=settings)
    assert result.status == "succeeded"
    assert not re.search("[Ġ▁<>]|##", result.adversarial)
    if mode == "reference":
        return
    assert re.sub(r"\w+", "w", result.adversarial) == re.sub(r"\w+", "w", TEXT)
    changed = list(zip(re.findall(r"\w+", TEXT), re.findall(r"\w+", result.adversarial), strict=True))
    assert result.words_changed == sum(old != new for old, new in changed) == 2
    assert all(old.istitle() == new.istitle() for old, new in changed if len(old) > 1)


def test_any_text_survives(family: tuple[Path, Path]) -> None:
    model = MaskedLanguageModel(family[1])
    for text in ("", " ", "😀", "\ud800 film", "فيلم", "x" * 500, "\x00\x1f", "film " * 100, "naïve 中文"):
        assert len(model.candidates(text, spans(text))) == len(spans(text))
        assert np.isfinite(model.similarity(text, [text, "film"])).all()
