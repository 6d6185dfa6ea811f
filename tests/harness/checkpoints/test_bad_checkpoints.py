"""What can be wrong with a checkpoint, and the line that says so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from harness.checkpoints.materialize import materialize
from harness.checkpoints.validate import validate_checkpoint
from harness.config.checkpoints import FolderCheckpoint
from harness.errors import UserError

QA = "question-answering"
CLASSES = "text-classification"


def complaint(folder: Path, destination: Path, task: str = QA, labels: tuple[str, ...] | None = None) -> str:
    """What materialize says; it is one line and names the folder or the label."""
    with pytest.raises(UserError) as caught:
        materialize(
            FolderCheckpoint(folder=folder),
            destination,
            task=task,
            labels=labels,
            seed=0,
            resolve=lambda name: folder,
        )
    line = str(caught.value)
    assert "\n" not in line
    return line


def without_tokenizer(folder: Path) -> None:
    for file in folder.glob("*token*"):
        file.unlink()
    (folder / "vocab.txt").unlink(missing_ok=True)


def with_nan(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["qa_outputs.weight"][0, 0] = float("nan")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def as_another_pickle(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "model.pt")
    (folder / "model.safetensors").unlink()


def of_tensorflow(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "tf_model.h5")


def of_flax(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "flax_model.msgpack")


def truncated(folder: Path) -> None:
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(content[: len(content) // 2])


def without_a_layer(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    kept = {name: weight for name, weight in weights.items() if ".layer.2." not in name}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})


def of_another_size(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"intermediate_size": 48}))


def with_own_code(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    own = {"model_type": "mine", "auto_map": {"AutoConfig": "mine.Config"}}
    (folder / "config.json").write_text(json.dumps(config | own))
    (folder / "mine.py").write_text("raise SystemExit('this code ran')\n")


BROKEN = {
    "no tokenizer": (without_tokenizer, "no tokenizer"),
    "NaN": (with_nan, "NaN or infinite weights"),
    "another pickle": (as_another_pickle, "no pytorch_model.bin, only model.pt"),
    "TensorFlow": (
        of_tensorflow,
        "for TensorFlow alone (tf_model.h5): load it once with transformers 4, from_pretrained(",
    ),
    "Flax": (of_flax, "for Flax alone (flax_model.msgpack)"),
    "truncated": (truncated, "damaged"),
    "layer missing": (without_a_layer, "lacks 16 weights"),
    "other size": (of_another_size, "do not belong together"),
    "own code": (with_own_code, "not a configuration that transformers can read"),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), "no model.safetensors"),
    "no config": (lambda folder: (folder / "config.json").unlink(), "config"),
    "config is no JSON": (lambda folder: (folder / "config.json").write_text("{"), "config.json"),
    "config is a list": (lambda folder: (folder / "config.json").write_text("[]"), "config"),
    "tokenizer is no JSON": (lambda folder: (folder / "tokenizer.json").write_text("{"), "tokenizer"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_checkpoints(saved, tmp_path, name):
    folder = saved()
    breaking, said = BROKEN[name]
    breaking(folder)
    assert said in complaint(folder, tmp_path / "out")
    with pytest.raises(UserError):
        validate_checkpoint(folder, task=QA, labels=None)


def test_a_folder_that_is_not_there(tmp_path):
    assert "is not a folder" in complaint(tmp_path / "nowhere", tmp_path / "out")


def test_another_head(saved, tmp_path):
    line = complaint(saved("masked-language-model"), tmp_path / "out")
    assert "has no head for question-answering" in line
    assert "another head (cls.predictions" in line


def test_no_head(saved, tmp_path):
    assert "it has none" in complaint(saved(None), tmp_path / "out")


def test_more_tokens_than_embeddings(saved, tmp_path):
    folder = saved()
    file = folder / "tokenizer.json"
    content = json.loads(file.read_text())
    content["model"]["vocab"]["oneword"] = len(content["model"]["vocab"])
    file.write_text(json.dumps(content))
    assert "has 30523 tokens" in complaint(folder, tmp_path / "out")


LABELS = {
    "missing": (("anger", "joy"), ("anger", "fear"), "anger, joy; write these labels, or give the model a "),
    "more in the model": (("anger", "joy", "fear"), ("anger", "joy"), "name all of them"),
    "other order": (("anger", "joy"), ("joy", "anger"), "in this order"),
    "unnamed, other number": (None, ("a", "b", "c"), "LABEL_1; name a checkpoint that was fine-tuned for"),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_that_do_not_match(saved, tmp_path, name):
    own, wanted, said = LABELS[name]
    fields = {"id2label": dict(enumerate(own)), "label2id": {n: i for i, n in enumerate(own)}} if own else {}
    folder = saved(CLASSES, **fields)
    assert said in complaint(folder, tmp_path / "out", CLASSES, wanted)


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"problem_type": None}, "has the problem_type None"), ({"num_labels": 1}, "has 1 output")],
)
def test_heads_that_do_not_decide_about_each_label(saved, tmp_path, fields, said):
    folder = saved(CLASSES, **fields)
    assert said in complaint(folder, tmp_path / "out", "multi-label-classification", ("a", "b"))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (
            {"problem_type": "multi_label_classification"},
            "a multi-label head (problem_type multi_label_",
        ),
        ({"problem_type": "regression"}, "a regression (problem_type regression)"),
        ({"num_labels": 1}, "a head of one output, a regression or one sigmoid"),
    ],
)
def test_heads_that_choose_no_class(saved, tmp_path, fields, said):
    folder = saved(CLASSES, **fields)
    line = complaint(folder, tmp_path / "out", CLASSES, ("LABEL_0", "LABEL_1"))
    assert said in line and "softmax" in line
    with pytest.raises(UserError, match="softmax"):
        validate_checkpoint(folder, task=CLASSES, labels=("negative", "positive"))
    # A training makes another head of it.
    validate_checkpoint(folder, task=CLASSES, labels=("negative", "positive"), allow_new_head=True)


def test_case_of_labels_does_not_matter(saved):
    folder = saved(CLASSES, id2label={0: "NEGATIVE", 1: "POSITIVE"}, label2id={"NEGATIVE": 0, "POSITIVE": 1})
    info = validate_checkpoint(folder, task=CLASSES, labels=("negative", "positive"))
    assert info.labels == ("negative", "positive")  # the study's names, as a run writes them
