"""Every source becomes the same kind of folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from transformers import AutoModelForQuestionAnswering

from exporters.artifact import export
from exporters.onnx.graph import read_model
from exporters.onnx.metadata import read_metadata
from harness.checkpoints.digest import source_digest
from harness.checkpoints.materialize import materialize
from harness.checkpoints.validate import validate_checkpoint
from harness.config.checkpoints import (
    CutCheckpoint,
    FolderCheckpoint,
    HubCheckpoint,
    PackageCheckpoint,
    RandomCheckpoint,
)
from harness.errors import UserError

QA = "question-answering"


def nobody(name: str) -> Path:
    raise AssertionError(f"asked for {name}")


def test_a_folder_keeps_its_weights(saved, tmp_path):
    source = saved()
    materialize(FolderCheckpoint(folder=source), tmp_path / "out", task=QA, labels=None, seed=0, resolve=nobody)
    before, after = load_file(source / "model.safetensors"), load_file(tmp_path / "out/model.safetensors")
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    info = validate_checkpoint(tmp_path / "out", task=QA, labels=None)
    assert (info.architecture, info.layers, info.hidden, info.max_positions) == ("bert", 3, 16, 64)


def test_no_path_of_the_machine_is_written(saved, tmp_path):
    """The folder's hash must not depend on where it was made."""
    source = saved()
    materialize(FolderCheckpoint(folder=source), tmp_path / "out", task=QA, labels=None, seed=0, resolve=nobody)
    for file in (tmp_path / "out").glob("*.json"):
        assert str(tmp_path) not in file.read_text()


def test_a_hub_checkpoint_names_its_commit_and_so_do_its_artifacts(saved, tmp_path, monkeypatch):
    from huggingface_hub import constants

    source, commit = saved(), "0123456789abcdef0123456789abcdef01234567"
    cache = tmp_path / "hub" / "models--org--bert"  # as snapshot_download leaves it
    shutil.copytree(source, cache / "snapshots" / commit)
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text(commit)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    manifests = {}
    for name, given in (("hub", HubCheckpoint(hub="org/bert")), ("folder", FolderCheckpoint(folder=source))):
        materialize(given, tmp_path / name, task=QA, labels=None, seed=0, resolve=nobody)
        parent = tmp_path / name
        for format in ("onnx-fp32", "onnx-fp16"):
            (tmp_path / f"{name}-{format}").mkdir()
            manifests[name] = export(format, parent, tmp_path / f"{name}-{format}", task=QA, pooling="cls")
            parent = tmp_path / f"{name}-{format}"
    digest = manifests["folder"].source["checkpoint_sha256"]  # of the same weights
    known = {"checkpoint_sha256": digest, "hub": "org/bert", "revision": "main", "commit": commit}
    assert manifests["hub"].source == {**manifests["hub"].source, **known}
    assert read_metadata(read_model(tmp_path / "hub-onnx-fp16")) == {
        **read_metadata(read_model(tmp_path / "folder-onnx-fp16")),
        **known,
    }
    assert manifests["folder"].source.keys() == {"checkpoint_sha256", "parent", "parent_sha256"}


def test_half_precision_is_written_as_float32(saved, tmp_path):
    source = saved()
    AutoModelForQuestionAnswering.from_pretrained(source).half().save_pretrained(source)
    materialize(FolderCheckpoint(folder=source), tmp_path / "out", task=QA, labels=None, seed=0, resolve=nobody)
    assert {weight.dtype for weight in load_file(tmp_path / "out/model.safetensors").values()} == {torch.float32}


def test_truncation_and_padding_of_the_tokenizer_are_left_out(saved, tmp_path):
    source = saved()
    tokenizer = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer.enable_truncation(8)
    tokenizer.enable_padding(length=8)
    tokenizer.save(str(source / "tokenizer.json"))
    materialize(FolderCheckpoint(folder=source), tmp_path / "out", task=QA, labels=None, seed=0, resolve=nobody)
    written = Tokenizer.from_file(str(tmp_path / "out/tokenizer.json"))
    assert written.truncation is None and written.padding is None


@pytest.mark.parametrize("task", [QA, "text-classification", "masked-language-model"])
def test_a_new_head_is_drawn_from_the_seed(saved, tmp_path, task):
    source = FolderCheckpoint(folder=saved(None))
    labels = ("bad", "good", "middling") if task == "text-classification" else None
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        torch.rand(1)  # whatever was drawn before does not matter
        materialize(source, tmp_path / name, task=task, labels=labels, seed=seed, resolve=nobody, allow_new_head=True)
    a, b, c = (load_file(tmp_path / name / "model.safetensors") for name in "abc")
    assert all(torch.equal(a[name], b[name]) for name in a)
    changed = {name for name in a if not torch.equal(a[name], c[name])}
    assert changed and not any(".encoder." in name or ".embeddings." in name for name in changed)
    assert validate_checkpoint(tmp_path / "a", task=task, labels=labels).labels == labels


def test_a_head_of_other_classes_is_replaced_for_training(saved, tmp_path):
    source = FolderCheckpoint(folder=saved("text-classification", num_labels=5))
    labels = ("bad", "good")
    materialize(
        source,
        tmp_path / "out",
        task="text-classification",
        labels=labels,
        seed=0,
        resolve=nobody,
        allow_new_head=True,
    )
    assert validate_checkpoint(tmp_path / "out", task="text-classification", labels=labels).labels == labels


def test_unnamed_classes_take_the_names_of_the_study(saved, tmp_path):
    source = FolderCheckpoint(folder=saved("text-classification"))
    labels = ("bad", "good")
    materialize(source, tmp_path / "out", task="text-classification", labels=labels, seed=0, resolve=nobody)
    config = json.loads((tmp_path / "out/config.json").read_text())
    assert config["id2label"] == {"0": "bad", "1": "good"}


@pytest.mark.parametrize("architecture", ["bert-tiny", "bert-mini"])
def test_random_weights(tmp_path, architecture):
    source = RandomCheckpoint(random=architecture)
    materialize(source, tmp_path, task="text-classification", labels=("a", "b"), seed=5, resolve=nobody)
    info = validate_checkpoint(tmp_path, task="text-classification", labels=("a", "b"))
    assert (info.layers, info.hidden) == {"bert-tiny": (2, 128), "bert-mini": (4, 256)}[architecture]
    assert info.vocabulary == 30522
    encoding = Tokenizer.from_file(str(tmp_path / "tokenizer.json")).encode("The Unbelievable (1999) film!")
    assert "[UNK]" not in encoding.tokens
    assert encoding.tokens[0] == "[CLS]" and encoding.tokens[-1] == "[SEP]"


def test_published_sizes():
    from transformers import AutoModel

    from harness.checkpoints.architectures import random_config

    millions = {}
    for name in ("bert-large", "bert-base", "distilbert", "bert-medium", "bert-mini", "bert-tiny"):
        with torch.device("meta"):
            model = AutoModel.from_config(random_config(name))
        millions[name] = round(sum(p.numel() for p in model.parameters()) / 1e6, 1)
    # Devlin et al. 2019, Sanh et al. 2019 and the table of google-research/bert (all without a head)
    assert millions == {
        "bert-large": 335.1,
        "bert-base": 109.5,
        "distilbert": 66.4,
        "bert-medium": 41.4,
        "bert-mini": 11.2,
        "bert-tiny": 4.4,
    }


def test_a_student_is_cut_from_its_parents_layers(saved, tmp_path):
    parent = saved()
    source = CutCheckpoint(cut="teacher", layers=(2, 0))
    materialize(source, tmp_path / "out", task=QA, labels=None, seed=0, resolve={"teacher": parent}.__getitem__)
    whole, student = load_file(parent / "model.safetensors"), load_file(tmp_path / "out/model.safetensors")
    for name, weight in student.items():
        origin = name.replace("layer.1.", "layer.0.") if "layer.1." in name else name.replace("layer.0.", "layer.2.")
        assert torch.equal(weight, whole[origin]), name
    assert validate_checkpoint(tmp_path / "out", task=QA, labels=None).layers == 2


def test_distilbert_can_be_cut(tmp_path):
    from transformers import DistilBertConfig, DistilBertForQuestionAnswering

    from harness.checkpoints.architectures import write_synthetic_tokenizer

    config = DistilBertConfig(vocab_size=30522, dim=16, n_layers=3, n_heads=2, hidden_dim=32)
    DistilBertForQuestionAnswering(config).save_pretrained(tmp_path / "parent")
    write_synthetic_tokenizer(tmp_path / "parent")
    source = CutCheckpoint(cut="parent", layers=(1,))
    materialize(source, tmp_path / "out", task=QA, labels=None, seed=0, resolve=lambda _: tmp_path / "parent")
    assert validate_checkpoint(tmp_path / "out", task=QA, labels=None).layers == 1


@pytest.mark.parametrize(("layers", "said"), [((0, 3), "cannot cut layer 3"), ((1, 1), "repeat")])
def test_layers_that_cannot_be_cut(saved, tmp_path, layers, said):
    parent = saved()
    with pytest.raises(UserError, match=said):
        materialize(
            CutCheckpoint(cut="teacher", layers=layers),
            tmp_path / "out",
            task=QA,
            labels=None,
            seed=0,
            resolve=lambda _: parent,
        )


def test_a_package_that_is_not_installed(tmp_path):
    source = PackageCheckpoint(package="no_such_package_here")
    with pytest.raises(UserError, match="not installed"):
        materialize(source, tmp_path, task=QA, labels=None, seed=0, resolve=nobody)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "vocab.txt"])
def test_links_to_outside_of_a_checkpoint_are_not_followed(saved, tmp_path, name):
    source = FolderCheckpoint(folder=saved())
    before = source_digest(source)
    elsewhere = (source.folder / name).rename(tmp_path / f"elsewhere-{name}")
    (source.folder / name).symlink_to(elsewhere)
    with pytest.raises(UserError, match=f"{name} is a link to {elsewhere}, outside of its folder"):
        source_digest(source)
    hub = tmp_path / "models--org--name"
    (hub / "snapshots").mkdir(parents=True)
    (hub / "blobs").mkdir()
    snapshot = source.folder.rename(hub / "snapshots" / "0123")
    elsewhere.rename(hub / "blobs" / "abcd")
    (snapshot / name).unlink()
    (snapshot / name).symlink_to("../../blobs/abcd")
    (tmp_path / "latest").symlink_to(snapshot)
    for folder in (snapshot, tmp_path / "latest"):
        assert source_digest(FolderCheckpoint(folder=folder)) == before


def test_digests_follow_the_content(saved):
    source = FolderCheckpoint(folder=saved())
    before = source_digest(source)
    (source.folder / "notes.md").write_text("not read by anybody")
    assert source_digest(source) == before
    config = source.folder / "config.json"
    config.write_text(config.read_text() + "\n")
    assert source_digest(source) != before
    assert source_digest(RandomCheckpoint(random="bert-tiny")) != source_digest(RandomCheckpoint(random="bert-mini"))
    assert source_digest(CutCheckpoint(cut="a", layers=(0,))) != source_digest(CutCheckpoint(cut="a", layers=(1,)))
