"""The six architectures of the study by name, with random weights: good for speed, not for quality.

Sizes as published: Devlin et al. 2019 (BERT), Sanh et al. 2019 (DistilBERT), Turc et al. 2019 (medium,
mini, tiny).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from tokenizers import BertWordPieceTokenizer
from transformers import (
    BertConfig,
    BertTokenizerFast,
    DistilBertConfig,
    PretrainedConfig,
)

from harness.checkpoints.synthetic_vocabulary import SIZE, synthetic_vocabulary

_BERT_SIZES = {  # layers, hidden size, attention heads
    "bert-large": (24, 1024, 16),
    "bert-base": (12, 768, 12),
    "bert-medium": (8, 512, 8),
    "bert-mini": (4, 256, 4),
    "bert-tiny": (2, 128, 2),
}


def random_config(architecture: str, **fields: Any) -> PretrainedConfig:
    """The configuration of a named architecture; ``fields`` such as the labels are added."""
    if architecture == "distilbert":
        distilbert: Any = DistilBertConfig
        return cast("PretrainedConfig", distilbert(vocab_size=SIZE, **fields))
    layers, hidden, heads = _BERT_SIZES[architecture]
    bert: Any = BertConfig
    config = bert(
        vocab_size=SIZE,
        num_hidden_layers=layers,
        hidden_size=hidden,
        num_attention_heads=heads,
        intermediate_size=4 * hidden,
        **fields,
    )
    return cast("PretrainedConfig", config)


def write_synthetic_tokenizer(destination: Path) -> None:
    """Write a WordPiece tokenizer as BERT's, of as many tokens, whose vocabulary is made up here."""
    vocabulary = {token: index for index, token in enumerate(synthetic_vocabulary())}
    word_piece = BertWordPieceTokenizer(vocab=vocabulary, lowercase=True)
    bert: Any = BertTokenizerFast
    bert(tokenizer_object=word_piece._tokenizer, do_lower_case=True).save_pretrained(destination)
