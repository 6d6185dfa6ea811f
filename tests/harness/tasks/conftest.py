from __future__ import annotations

import string

import pytest
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

WORDS = ("who", "why", "what", "where", "bob", "lives", "in", "paris", "the", "cat", "sat", "home")


@pytest.fixture
def tokenizer() -> Tokenizer:
    """A BERT tokenizer with a tiny vocabulary: a few words, and every letter and digit."""
    letters = [*string.ascii_lowercase, *string.digits, *string.punctuation]
    pieces = [*letters, *(f"##{letter}" for letter in letters)]
    vocabulary = dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS, *pieces])
    indices = {token: index for index, token in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordPiece(indices, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", indices["[CLS]"]), ("[SEP]", indices["[SEP]"])],
    )
    return tokenizer
