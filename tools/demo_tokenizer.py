"""The one WordPiece tokenizer of the embedded family, made from the corpora."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from tokenizers.processors import TemplateProcessing

from harness.demo.corpora import generate
from harness.examples.records import QuestionExample, TextExample

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def write_tokenizer(destination: Path, *, size: int, positions: int) -> None:
    """Write tokenizer.json and tokenizer_config.json: lower-cased WordPiece with ``size`` pieces at most."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=SPECIAL, show_progress=False)
    tokenizer.train_from_iterator(_texts(), trainer)
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(token, SPECIAL.index(token)) for token in ("[CLS]", "[SEP]")],
    )
    destination.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(destination / "tokenizer.json"), pretty=False)
    names = {f"{token.strip('[]').lower()}_token": token for token in SPECIAL}
    config = {"tokenizer_class": "BertTokenizerFast", "do_lower_case": True, "model_max_length": positions}
    (destination / "tokenizer_config.json").write_text(json.dumps(config | names, indent=2) + "\n")


def _texts() -> Iterator[str]:
    """Training text of both tasks, and a little from the other domains.

    Without the latter their words fall into single letters, and how long a text is in tokens would tell its
    domain. The models never see those words in training.
    """
    yield from _questions("train", 20_000, seed=0)
    yield from _questions("out-of-distribution", 4_000, seed=99)
    yield from _reviews("train", 8_000, seed=0)
    yield from _reviews("out-of-distribution", 1_500, seed=99)


def _questions(split: str, size: int, seed: int) -> Iterator[str]:
    group = ""
    for example in generate("question-answering", split, size, seed):
        assert isinstance(example, QuestionExample)
        if example.group != group:
            group = example.group
            yield example.context
        yield example.question


def _reviews(split: str, size: int, seed: int) -> Iterator[str]:
    for example in generate("text-classification", split, size, seed):
        assert isinstance(example, TextExample)
        yield example.text
