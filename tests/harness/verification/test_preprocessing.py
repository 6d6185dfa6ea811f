"""The gate that holds a model's inputs against those of transformers' scripts, and what it made right."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from tokenizers.processors import TemplateProcessing
from transformers import (
    AutoModelForQuestionAnswering,
    AutoTokenizer,
    BertConfig,
    BertTokenizerFast,
    CamembertConfig,
    CamembertTokenizerFast,
    PretrainedConfig,
    PreTrainedTokenizerFast,
    XLMRobertaConfig,
    XLMRobertaTokenizerFast,
)

from exporters.parity import checkpoint_outputs
from harness.checkpoints.materialize import materialize
from harness.checkpoints.tokenizer_files import staged, write_prebuilt_tokenizer
from harness.config.checkpoints import FolderCheckpoint
from harness.config.tasks import QuestionAnswering
from harness.errors import REFUSED, StepFailed, UserError
from harness.examples.records import Example, QuestionExample, TextExample
from harness.tasks.fast_tokenizer import read_tokenizer
from harness.tasks.question_answering import QuestionAnsweringTask
from harness.tasks.span_decoding import decode
from harness.tasks.task import Task, task_for
from harness.verification.preprocessing import check_preprocessing, read_preprocessing
from harness.verification.result import PreprocessingCheck

QA, CLASSES = "question-answering", "text-classification"
SETTINGS = "tokenizer_config.json"
SYLLABLES = [first + second for first in "bdfgklmnprst" for second in "aeiou"]
LENGTH, STRIDE = 40, 12


def words(count: int, seed: int) -> str:
    random = np.random.default_rng(seed)
    return " ".join("".join(random.choice(SYLLABLES, 2)) for _ in range(count))


QUESTIONS: list[QuestionExample] = [
    QuestionExample(f"q{seed}", "", (" " if seed % 3 == 0 else "") + words(4, seed), words(9 * seed, 99 - seed), (), ())
    for seed in range(1, 13)
]
TEXTS: list[TextExample] = [TextExample(f"t{seed}", "", words(4 * seed, seed), 0) for seed in range(1, 13)]


def word_pieces(**settings: Any) -> PreTrainedTokenizerFast:
    """BERT's kind."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = [*special, *SYLLABLES, *(f"##{syllable}" for syllable in SYLLABLES)]
    tokenizer = Tokenizer(models.WordPiece({word: at for at, word in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return BertTokenizerFast(tokenizer_object=tokenizer, **settings)


def sentence_pieces(kind: type[PreTrainedTokenizerFast]) -> PreTrainedTokenizerFast:
    """XLM-R's kind: a pair's texts are of one type, which their windows after the first are not in tokenizers."""
    pieces = ["<s>", "<pad>", "</s>", "<unk>", *(f"▁{one}" for one in SYLLABLES), *SYLLABLES, "<mask>"]
    tokenizer = Tokenizer(models.Unigram([(piece, 0.0 if at < 4 else -3.0) for at, piece in enumerate(pieces)], 3))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return kind(tokenizer_object=tokenizer)


def small(kind: type[PretrainedConfig], tokens: int, **fields: Any) -> PretrainedConfig:
    return kind(
        vocab_size=tokens,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=128,
        initializer_range=0.6,
        **fields,
    )


def bert(tokens: int) -> PretrainedConfig:
    return small(BertConfig, tokens)


def one_type(kind: type[PretrainedConfig], tokens: int) -> PretrainedConfig:
    return small(kind, tokens, type_vocab_size=1, pad_token_id=1, bos_token_id=0, eos_token_id=2)


CASES = {
    "XLM-R": lambda: (sentence_pieces(XLMRobertaTokenizerFast), lambda n: one_type(XLMRobertaConfig, n)),
    "CamemBERT": lambda: (sentence_pieces(CamembertTokenizerFast), lambda n: one_type(CamembertConfig, n)),
    "BERT with XLM-R's tokenizer": lambda: (sentence_pieces(XLMRobertaTokenizerFast), bert),
    "BERT without token types": lambda: (word_pieces(model_input_names=["input_ids", "attention_mask"]), bert),
    "BERT": lambda: (word_pieces(), bert),
}


def saved(folder: Path, case: str) -> Path:
    """A checkpoint with random weights, as people save it."""
    tokenizer, config = CASES[case]()
    torch.manual_seed(5)
    AutoModelForQuestionAnswering.from_config(config(len(tokenizer))).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def taken(folder: Path, destination: Path) -> Path:
    materialize(
        FolderCheckpoint(folder=folder), destination, task=QA, labels=None, seed=0, resolve=lambda _: destination
    )
    return destination


def asking() -> QuestionAnsweringTask:
    return QuestionAnsweringTask(
        question_answering=QuestionAnswering(
            max_seq_length=LENGTH, doc_stride=STRIDE, n_best_size=20, max_answer_length=30
        )
    )


def answers_of_transformers(folder: Path) -> list[str]:
    """run_qa.py's preprocessing, the model itself, and postprocess_qa_predictions with version_2_with_negative."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForQuestionAnswering.from_pretrained(folder).eval()
    encoded = tokenizer(
        [example.question.lstrip() for example in QUESTIONS],
        [example.context for example in QUESTIONS],
        truncation="only_second",
        max_length=LENGTH,
        stride=STRIDE,
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
        padding="max_length",
        return_tensors="pt",
    )
    samples, offsets = encoded.pop("overflow_to_sample_mapping").tolist(), encoded.pop("offset_mapping").tolist()
    with torch.inference_mode():
        said = model(**encoded)
    starts, ends = said.start_logits.numpy(), said.end_logits.numpy()
    answers = []
    for at, example in enumerate(QUESTIONS):
        spans, null = [], np.inf
        for row in (row for row, sample in enumerate(samples) if sample == at):
            null = min(null, starts[row, 0] + ends[row, 0])
            inside = [sequence == 1 for sequence in encoded.sequence_ids(row)]
            for start in np.argsort(starts[row])[-1:-21:-1]:
                for end in np.argsort(ends[row])[-1:-21:-1]:
                    if inside[start] and inside[end] and start <= end < start + 30:
                        text = example.context[offsets[row][start][0] : offsets[row][end][1]]
                        spans.append((starts[row, start] + ends[row, end], text))
        score, text = max(spans, key=lambda span: span[0])
        answers.append("" if null > score else text)
    return answers


@pytest.mark.parametrize("case", CASES)
def test_answers_are_those_of_transformers(tmp_path: Path, case: str) -> None:
    folder = saved(tmp_path / "saved", case)
    checkpoint, task = taken(folder, tmp_path / "taken"), asking()
    features = task.encode(read_tokenizer(checkpoint), QUESTIONS)
    assert len(features) > len(QUESTIONS) + 10  # windows after the first
    batches = [{name: rows[index][None] for name, rows in features.inputs.items()} for index in range(len(features))]
    outputs = checkpoint_outputs(checkpoint, QA, "mean", batches)
    ours = decode(
        [example.context for example in QUESTIONS],
        features,
        *([output[name][0] for output in outputs] for name in ("start_logits", "end_logits")),
        settings=task.settings,
    )
    theirs = answers_of_transformers(folder)
    assert ours.texts == theirs
    assert len(set(theirs)) > 6  # which says something
    assert (max(row.max() for row in features.inputs["token_type_ids"]) == 1) == (case == "BERT")
    check_preprocessing(tmp_path, task=task, written=checkpoint, source=folder, examples=QUESTIONS)
    record = read_preprocessing(tmp_path)
    assert record is not None and record.features > len(features)  # those of made-up questions too
    assert record.against == "AutoTokenizer, called as transformers' run_qa.py calls it"
    assert record.examples == 12 and record.notes == []


def test_a_type_that_the_model_has_not_is_refused(tmp_path: Path) -> None:
    folder = saved(tmp_path / "saved", "BERT")
    AutoModelForQuestionAnswering.from_config(one_type(XLMRobertaConfig, 200)).save_pretrained(folder)
    with pytest.raises(UserError, match=r"gives token type 1, its model has only 1.*model_input_names"):
        taken(folder, tmp_path / "taken")


def own(tmp_path: Path, **settings: Any) -> tuple[Path, Path]:
    """A tokenizer as it lies beside a finished file, with settings changed by hand, and as it is taken in."""
    folder, artifact = tmp_path / "own", tmp_path / "artifact"
    artifact.mkdir()
    word_pieces().save_pretrained(folder)
    content = json.loads((folder / SETTINGS).read_text())
    (folder / SETTINGS).write_text(json.dumps(content | settings))
    write_prebuilt_tokenizer(folder, artifact)
    return folder, artifact


def check(tmp_path: Path, folder: Path, artifact: Path, task: Task, examples: Sequence[Example]) -> PreprocessingCheck:
    with staged(folder) as source:
        check_preprocessing(tmp_path, task=task, written=artifact, source=source, examples=examples)
    found = read_preprocessing(tmp_path)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"truncation_side": "left"},
        {"model_input_names": ["input_ids", "attention_mask"]},
        {"do_lower_case": False},
        {"strip_accents": False},
        {"tokenize_chinese_chars": False},
        {"cls_token": "[MASK]"},
        {"additional_special_tokens": ["ba"]},
    ],
)
@pytest.mark.parametrize("name", [QA, CLASSES])
def test_settings_that_are_honoured(tmp_path: Path, name: str, settings: dict[str, Any]) -> None:
    task, examples = (asking(), QUESTIONS) if name == QA else (task_for(CLASSES, max_length=LENGTH), TEXTS)
    assert check(tmp_path, *own(tmp_path, **settings), task, examples).notes == []


@pytest.mark.parametrize("settings", [{"padding_side": "left"}, {"split_special_tokens": True}])
@pytest.mark.parametrize("name", [QA, CLASSES])
def test_a_setting_that_nobody_thought_of_is_found_and_named(
    tmp_path: Path, name: str, settings: dict[str, Any]
) -> None:
    task, examples = (asking(), QUESTIONS) if name == QA else (task_for(CLASSES, max_length=LENGTH), TEXTS)
    with pytest.raises(StepFailed) as caught:
        check(tmp_path, *own(tmp_path, **settings), task, examples)
    assert caught.value.status == REFUSED
    line = caught.value.reason
    ((key, value),) = settings.items()
    assert "\n" not in line
    assert f"; {key}: {json.dumps(value)} in tokenizer_config.json makes the difference" in line
    assert f"the preprocessing is not that of transformers' {'run_qa.py' if name == QA else 'run_glue.py'}" in line


def test_a_tokenizer_that_is_another_is_found(tmp_path: Path) -> None:
    folder, artifact = own(tmp_path)
    tokenizer = Tokenizer.from_file(str(artifact / "tokenizer.json"))
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A", pair="[CLS] $A $B:1", special_tokens=[("[CLS]", 2)]
    )
    tokenizer.save(str(artifact / "tokenizer.json"))
    with pytest.raises(StepFailed, match=r"attention_mask is 0 at token \d+ of example 't1'"):
        check(tmp_path, folder, artifact, task_for(CLASSES, max_length=LENGTH), TEXTS)


def test_token_types_of_windows_are_looked_at(tmp_path: Path) -> None:
    checkpoint = taken(saved(tmp_path / "saved", "BERT with XLM-R's tokenizer"), tmp_path / "taken")
    settings = json.loads((checkpoint / SETTINGS).read_text())
    fed = tmp_path / "fed"
    shutil.copytree(checkpoint, fed)
    (fed / SETTINGS).write_text(json.dumps({key: settings[key] for key in settings if key != "model_input_names"}))
    with pytest.raises(StepFailed, match=r"token_type_ids is 1 at token \d+ of example 'q\d+', and there 0"):
        check_preprocessing(tmp_path, task=asking(), written=fed, source=checkpoint, examples=QUESTIONS)


def test_what_differs_by_intent_is_said(tmp_path: Path) -> None:
    folder, artifact = own(tmp_path, model_max_length=16)
    odd = [QuestionExample("long", "", words(40, 1), words(90, 2), (), ()), *QUESTIONS]
    odd.append(QuestionExample("broken", "", words(2, 1), f"\ud800 {words(3, 2)}", (), ()))
    notes = check(tmp_path, folder, artifact, asking(), odd).notes
    assert [note.partition(":")[0] for note in notes] == [
        "inputs of up to 40 tokens, as the study says",
        "1 questions too long for a window are cut at their end",
        "1 texts have lone surrogates, read as U+FFFD",
    ]


def test_a_tokenizer_without_settings_is_not_held_against_anything(tmp_path: Path) -> None:
    folder, artifact = tmp_path / "own", tmp_path / "artifact"
    folder.mkdir()
    artifact.mkdir()
    sentence_pieces(XLMRobertaTokenizerFast).backend_tokenizer.save(str(folder / "tokenizer.json"))
    write_prebuilt_tokenizer(folder, artifact)
    found = check(tmp_path, folder, artifact, asking(), QUESTIONS)
    assert found.against is None
    assert "not held against" in found.notes[0]
    features = asking().encode(read_tokenizer(artifact), QUESTIONS)
    assert not any(row.any() for row in features.inputs["token_type_ids"])  # the file tells none apart
