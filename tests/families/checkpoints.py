"""A tiny checkpoint of each family: random weights from a configuration, and a tokenizer of the family's kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VOCABULARY = 200
LABELS = ("bad", "fair", "good")

WORDS = [f"{first}{second}" for first in ("ba", "de", "ki", "lo", "mu") for second in ("n", "ra", "ti", "so")]
"""What the texts are made of, and the tokenizers know."""


@dataclass(frozen=True)
class Family:
    """One architecture of `transformers`."""

    title: str
    """As people call it."""
    config: str
    """Its class of configurations."""
    tokenizer: str
    """``WordPiece``, ``BPE`` or ``Unigram``."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Of the configuration, beside `_COMMON`."""


_COMMON = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 66,
    "initializer_range": 0.2,
    "pad_token_id": 0,
}
_ROBERTA = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "type_vocab_size": 1}
_DEBERTA = {
    "relative_attention": True,
    "position_buckets": 8,
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "pos_att_type": ["p2c", "c2p"],
    "position_biased_input": False,
    "type_vocab_size": 0,
}

FAMILIES: dict[str, Family] = {
    "bert": Family("BERT", "BertConfig", "WordPiece"),
    "distilbert": Family("DistilBERT", "DistilBertConfig", "WordPiece"),
    "roberta": Family("RoBERTa", "RobertaConfig", "BPE", _ROBERTA),
    "xlm-roberta": Family("XLM-R", "XLMRobertaConfig", "Unigram", _ROBERTA),
    "camembert": Family("CamemBERT", "CamembertConfig", "Unigram", _ROBERTA),
    "electra": Family("ELECTRA", "ElectraConfig", "WordPiece", {"embedding_size": 16}),
    "albert": Family("ALBERT", "AlbertConfig", "Unigram", {"embedding_size": 16}),
    "mpnet": Family("MPNet", "MPNetConfig", "WordPiece", {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2}),
    "mobilebert": Family(
        "MobileBERT",
        "MobileBertConfig",
        "WordPiece",
        {"embedding_size": 16, "intra_bottleneck_size": 16, "num_feedforward_networks": 2},
    ),
    "deberta-v2": Family("DeBERTa-v2", "DebertaV2Config", "Unigram", _DEBERTA | {"conv_kernel_size": 3}),
    "deberta-v3": Family("DeBERTa-v3", "DebertaV2Config", "Unigram", _DEBERTA),
    "modernbert": Family(
        "ModernBERT",
        "ModernBertConfig",
        "BPE",
        {
            "num_hidden_layers": 4,
            "local_attention": 16,
            "cls_token_id": 2,
            "sep_token_id": 3,
            "bos_token_id": 2,
            "eos_token_id": 3,
        },
    ),
}


def write_checkpoint(name: str, folder: Path) -> str:
    """Write a text classifier of the family ``name``, as ``save_pretrained`` writes it, and its tokenizer.

    Returns its ``model_type``.
    """
    import torch
    import transformers

    family = FAMILIES[name]
    settings = _COMMON | family.settings
    settings |= {"id2label": dict(enumerate(LABELS)), "label2id": {label: i for i, label in enumerate(LABELS)}}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        config = getattr(transformers, family.config)(**settings)
        model = transformers.AutoModelForSequenceClassification.from_config(config)
        # Training from other sources than PyTorch leaves something there; MobileBERT's last token sees it.
        model.get_input_embeddings().weight.data[settings["pad_token_id"]].normal_()
        model.save_pretrained(folder)
    _TOKENIZERS[family.tokenizer](settings["pad_token_id"]).save_pretrained(folder)
    return str(config.model_type)


def texts(count: int) -> list[str]:
    """Made-up texts of 1 to 40 words."""
    import numpy as np

    generator = np.random.default_rng(3)
    lengths = [40, 1, *generator.integers(2, 30, count - 2)]
    return [" ".join(generator.choice(WORDS, length)) for length in lengths]


def _special(padding: int) -> dict[str, str]:
    """Names of special tokens by the tokenizer's setting, in the order of their ids."""
    if padding == 1:  # RoBERTa's order, and MPNet's
        return {
            "cls_token": "<s>",
            "pad_token": "<pad>",
            "sep_token": "</s>",
            "unk_token": "<unk>",
            "mask_token": "<m>",
        }
    names = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    return {f"{name}_token": token for name, token in names.items()}


def _word_piece(padding: int) -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers

    special = _special(padding)
    vocabulary = [*special.values(), *WORDS, *(f"##{word}" for word in WORDS)]
    model = models.WordPiece({token: i for i, token in enumerate(vocabulary)}, unk_token=special["unk_token"])
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return _fast(tokenizer, special)


def _bpe(padding: int) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    special = _special(padding)
    tokenizer = Tokenizer(models.BPE(unk_token=special["unk_token"]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts(50), trainers.BpeTrainer(vocab_size=100, special_tokens=list(special.values()), show_progress=False)
    )
    return _fast(tokenizer, special)


def _unigram(padding: int) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    special = _special(padding)
    pieces = [(token, 0.0) for token in special.values()]
    pieces += [(f"▁{word}", -3.0) for word in WORDS] + [(letter, -9.0) for letter in "▁abdeiklmnorstu"]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=list(special).index("unk_token")))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    return _fast(tokenizer, special)


def _fast(tokenizer: Any, special: dict[str, str]) -> Any:
    """With the special tokens around a text, and around each of a pair."""
    from tokenizers import processors
    from transformers import PreTrainedTokenizerFast

    first, last = special["cls_token"], special["sep_token"]
    ends = [(token, tokenizer.token_to_id(token)) for token in (first, last)]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{first} $A {last}", pair=f"{first} $A {last} $B:1 {last}:1", special_tokens=ends
    )
    fast: Any = PreTrainedTokenizerFast
    return fast(tokenizer_object=tokenizer, **special)


_TOKENIZERS: dict[str, Callable[[int], Any]] = {"WordPiece": _word_piece, "BPE": _bpe, "Unigram": _unigram}
