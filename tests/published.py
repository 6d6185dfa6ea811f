"""Tiny models with random weights and small data sets, in a stand-in of the hub, under real names and in real layouts.

The large models are there in every framework's format, the miniatures as config.json, pytorch_model.bin and vocab.txt
alone, with the names that weights had in 2019; the data sets as Parquet, with a card that names the files.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import (
    BertConfig,
    BertForPreTraining,
    BertForQuestionAnswering,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForMaskedLM,
    DistilBertForQuestionAnswering,
    DistilBertForSequenceClassification,
    PreTrainedModel,
)

from harness.checkpoints.architectures import write_synthetic_tokenizer
from harness.checkpoints.synthetic_vocabulary import SIZE
from harness.demo.corpora import generate
from harness.examples.records import QuestionExample, TextExample
from tests.hub import Hub

LARGE = ("google-bert/bert-large-uncased", "google-bert/bert-base-uncased", "distilbert/distilbert-base-uncased")
SMALL = (
    "google/bert_uncased_L-8_H-512_A-8",
    "google/bert_uncased_L-4_H-256_A-4",
    "google/bert_uncased_L-2_H-128_A-2",
)
FINE_TUNED = (
    "madlag/bert-large-uncased-squadv2",
    "deepset/bert-base-uncased-squad2",
    "twmkn9/distilbert-base-uncased-squad2",
    *(f"mrm8488/bert-{size}-finetuned-squadv2" for size in ("medium", "mini", "tiny")),
    *(f"M-FAC/bert-{size}-finetuned-squadv2" for size in ("mini", "tiny")),
    "ofirzaf/bert-large-uncased-squad",
    "textattack/bert-base-uncased-imdb",
    "textattack/distilbert-base-uncased-imdb",
)
"""With a head, by others."""


def publish_models(hub: Hub, folder: Path, names: Sequence[str] = (*LARGE, *SMALL)) -> None:
    for seed, name in enumerate(names):
        place = folder / name
        model = _model(name, seed)
        _save_as_miniature(model, place)
        if name in LARGE:
            write_synthetic_tokenizer(place)
            model.save_pretrained(place)
            (place / "tf_model.h5").write_bytes(b"weights of TensorFlow")
            (place / "flax_model.msgpack").write_bytes(b"weights of Flax")
        (place / "README.md").write_text("# A model card\n")
        hub.publish(f"models/{name}", place)


def publish_fine_tuned(hub: Hub, folder: Path, name: str, seed: int = 0) -> str:
    """A BERT or DistilBERT with the head that the name tells, as a miniature; returns the commit."""
    torch.manual_seed(seed)
    classifies = name.endswith("imdb")
    if "distilbert" in name:
        distilled: Any = DistilBertForSequenceClassification if classifies else DistilBertForQuestionAnswering
        model: PreTrainedModel = distilled(_small_distilbert())
    else:
        bert: Any = BertForSequenceClassification if classifies else BertForQuestionAnswering
        model = bert(_miniature(layers=2))
    _save_as_miniature(model, folder / name)
    return hub.publish(f"models/{name}", folder / name)


def publish_data(hub: Hub, folder: Path, size: int = 80) -> None:
    squad = {
        split: [_squad(example) for example in generate("question-answering", corpus, size, 0)]
        for split, corpus in (("train", "train"), ("validation", "evaluation"))
    }
    answered = {split: [row for row in rows if row["answers"]["text"]] for split, rows in squad.items()}
    newsqa = {"validation": [_mrqa(each) for each in generate("question-answering", "out-of-distribution", size, 0)]}
    imdb = {
        split: [_review(example) for example in generate("text-classification", corpus, size, 0)]
        for split, corpus in (("train", "train"), ("test", "evaluation"))
    }
    _publish(hub, folder, "rajpurkar/squad_v2", "squad_v2", squad)
    _publish(hub, folder, "rajpurkar/squad", "plain_text", answered)
    _publish(hub, folder, "lucadiliello/newsqa", "data", newsqa)
    _publish(hub, folder, "stanfordnlp/imdb", "plain_text", imdb, classes={"label": ["neg", "pos"]})


def _model(name: str, seed: int) -> PreTrainedModel:
    torch.manual_seed(seed)
    if name.startswith("distilbert"):
        return DistilBertForMaskedLM(_small_distilbert())
    return BertForPreTraining(_miniature(layers=12 if name in LARGE else 2))


def _small_distilbert() -> Any:
    config: Any = DistilBertConfig
    return config(vocab_size=SIZE, dim=16, n_layers=2, n_heads=2, hidden_dim=32)


def _miniature(layers: int) -> Any:
    bert: Any = BertConfig
    return bert(vocab_size=SIZE, hidden_size=16, num_hidden_layers=layers, num_attention_heads=2, intermediate_size=32)


def _save_as_miniature(model: PreTrainedModel, place: Path) -> None:
    model.config.architectures = [type(model).__name__]
    model.config.save_pretrained(place)
    write_synthetic_tokenizer(place)
    for file in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        (place / file).unlink()
    torch.save({_as_saved(key): value for key, value in model.state_dict().items()}, place / "pytorch_model.bin")


def _as_saved(key: str) -> str:
    """As the checkpoints of 2018 and 2019 name it."""
    return key.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")


def _publish(
    hub: Hub,
    folder: Path,
    name: str,
    config: str,
    splits: dict[str, list[dict[str, Any]]],
    classes: dict[str, list[str]] | None = None,
) -> None:
    import datasets

    place = folder / name
    (place / config).mkdir(parents=True)
    for split, rows in splits.items():
        made = datasets.Dataset.from_list(rows)
        for column, names in (classes or {}).items():
            made = made.cast_column(column, datasets.ClassLabel(names=names))
        made.to_parquet(place / config / f"{split}-00000-of-00001.parquet")
    files = [{"split": split, "path": f"{config}/{split}-*"} for split in splits]
    card = json.dumps({"configs": [{"config_name": config, "default": True, "data_files": files}]})
    (place / "README.md").write_text(f"---\n{card}\n---\n# A data set card\n")
    hub.publish(f"datasets/{name}", place)


def _squad(example: Any) -> dict[str, Any]:
    assert isinstance(example, QuestionExample)
    answers = {"text": list(example.answers), "answer_start": list(example.answer_starts)}
    return {
        "id": example.id,
        "title": "A title",
        "context": example.context,
        "question": example.question,
        "answers": answers,
    }


def _mrqa(example: Any) -> dict[str, Any]:
    assert isinstance(example, QuestionExample)
    starts = list(example.answer_starts)
    ends = [start + len(text) - 1 for start, text in zip(starts, example.answers, strict=True)]
    return {
        "context": example.context,
        "question": example.question,
        "answers": list(example.answers),
        "key": example.id,
        "labels": [{"start": starts, "end": ends}],
    }


def _review(example: Any) -> dict[str, Any]:
    assert isinstance(example, TextExample)
    return {"text": example.text, "label": example.label}
