"""A bag-of-words deployment, hand-made candidates, and a tiny masked language model with random weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

VOCABULARY = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *("good", "bad", "fine", "dull", "great", "awful", "film", "movie", "plot", "story", "actor", "scene"),
    *("the", "is", "was", "and", "not", "with", ".", ",", "-", "'", "un", "re", "watch", "play", "made"),
    *("##ed", "##ing", "##able", "##er", "##ly", "##made", "##watch"),
    *"abcdefghijklmnopqrstuvwxyz",
    *(f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"),
]
WEIGHTS = {"good": 2.0, "great": 3.0, "fine": 1.0, "dull": -1.0, "bad": -2.0, "awful": -3.0}


def words(text: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in text.lower()).split()


@pytest.fixture
def predict() -> Callable[[Sequence[str]], NDArray[np.float64]]:
    """Probabilities of (negative, positive) from a sum of word weights, with a slight lean to positive."""

    def probabilities(texts: Sequence[str]) -> NDArray[np.float64]:
        logits = np.array([0.1 + sum(WEIGHTS.get(word, 0.0) for word in words(text)) for text in texts])
        positive = 1 / (1 + np.exp(-logits))
        return np.stack([1 - positive, positive], axis=1)

    return probabilities


@pytest.fixture
def candidates() -> Callable[[str, Sequence[tuple[int, int]]], list[list[str]]]:
    replacements = {
        "good": ["fine", "dull", "bad"],
        "great": ["good", "fine", "bad"],
        "film": ["movie"],
        "the": ["awful"],
        "plot": ["story"],
    }

    def propose(text: str, spans: Sequence[tuple[int, int]]) -> list[list[str]]:
        return [replacements.get(text[start:end].lower(), []) for start, end in spans]

    return propose


@pytest.fixture(scope="session")
def masked_lm_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("masked-lm")
    index = {token: i for i, token in enumerate(VOCABULARY)}
    tokenizer = Tokenizer(models.WordPiece(index, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", index["[SEP]"]), ("[CLS]", index["[CLS]"]))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]").save_pretrained(folder)
    torch.manual_seed(0)
    BertForMaskedLM(
        BertConfig(
            vocab_size=len(VOCABULARY),
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=64,
            initializer_range=0.5,
        )
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def exported_masked_lm(masked_lm_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from exporters.attack_models.masked_language_model import write

    folder = tmp_path_factory.mktemp("exported-masked-lm")
    write(masked_lm_folder, folder)
    return folder
