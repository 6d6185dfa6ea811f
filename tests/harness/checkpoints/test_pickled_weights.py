"""Weights in pytorch_model.bin: tensors come out, and nothing else does."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from exporters.artifact import export
from harness.checkpoints.digest import source_digest
from harness.checkpoints.materialize import materialize
from harness.checkpoints.validate import validate_checkpoint
from harness.config.checkpoints import FolderCheckpoint
from harness.errors import UserError
from tests.harness.checkpoints.conftest import Saved

QA = "question-answering"


def pickled(folder: Path, content: Any = None, **options: Any) -> Path:
    """The folder with its weights, or ``content``, in a pickle instead."""
    weights = load_file(folder / "model.safetensors")
    torch.save(weights if content is None else content, folder / "pytorch_model.bin", **options)
    (folder / "model.safetensors").unlink()
    return folder


def sharded(folder: Path) -> Path:
    weights = list(load_file(folder / "model.safetensors").items())
    (folder / "model.safetensors").unlink()
    names = ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"]
    for number, name in enumerate(names):
        torch.save(dict(weights[number::2]), folder / name)
    map = {name: names[index % 2] for index, (name, _) in enumerate(weights)}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"metadata": {}, "weight_map": map}))
    return folder


def with_vocabulary_alone(folder: Path) -> Path:
    """As the hub has the small BERTs: config.json, pytorch_model.bin and vocab.txt."""
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        (folder / name).unlink()
    assert (folder / "vocab.txt").is_file()
    return pickled(folder)


def in_the_old_layout(folder: Path) -> Path:
    return pickled(folder, _use_new_zipfile_serialization=False)


def written(folder: Path, destination: Path) -> dict[str, torch.Tensor]:
    materialize(FolderCheckpoint(folder=folder), destination, task=QA, labels=None, seed=0, resolve=lambda name: folder)
    return load_file(destination / "model.safetensors")


@pytest.mark.parametrize("packed", [pickled, sharded, with_vocabulary_alone, in_the_old_layout])
def test_the_weights_become_safetensors(saved: Saved, tmp_path: Path, packed: Callable[[Path], Path]) -> None:
    folder = saved()
    before = load_file(folder / "model.safetensors")
    tokens = (folder / "vocab.txt").read_text().split()
    after = written(packed(folder), tmp_path / "out")
    assert before.keys() == after.keys() and all(torch.equal(before[name], after[name]) for name in before)
    assert not list((tmp_path / "out").glob("*.bin"))
    info = validate_checkpoint(folder, task=QA, labels=None)
    assert (info.layers, info.vocabulary) == (3, len(tokens))
    vocabulary = json.loads((tmp_path / "out/tokenizer.json").read_text())["model"]["vocab"]
    assert sorted(vocabulary, key=vocabulary.__getitem__) == tokens


def test_the_manifest_says_so(saved: Saved, tmp_path: Path) -> None:
    sources = {}
    for name, packed in (("safetensors", None), ("pickle", pickled), ("shards", sharded)):
        folder = saved().rename(tmp_path / name)
        written(packed(folder) if packed else folder, tmp_path / "out" / name)
        (tmp_path / "artifact" / name).mkdir(parents=True)
        manifest = export("onnx-fp32", tmp_path / "out" / name, tmp_path / "artifact" / name, task=QA, pooling="cls")
        sources[name] = manifest.source
    assert "converted_from" not in sources["safetensors"]
    assert sources["pickle"] == {**sources["safetensors"], "converted_from": "pytorch_model.bin"}
    assert sources["shards"] == {**sources["safetensors"], "converted_from": "pytorch_model.bin.index.json"}


class Malicious:
    """Runs a command when it is unpickled, as pickles can."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.file}",)


def test_a_malicious_pickle_does_not_run(saved: Saved, tmp_path: Path) -> None:
    content = {"bert.embeddings.word_embeddings.weight": Malicious(tmp_path / "it-ran")}
    folder = pickled(saved(), content)
    for layout in ("zip", "plain"):
        with pytest.raises(UserError, match=r"pytorch_model.bin holds (posix|nt|os).system, no tensor") as caught:
            written(folder, tmp_path / "out")
        assert "\n" not in str(caught.value) and not (tmp_path / "it-ran").exists(), layout
        (folder / "pytorch_model.bin").write_bytes(pickle.dumps(content, protocol=2))
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(content, protocol=5))
    with pytest.raises(UserError, match=r"is not unpickled \(Unsupported operand"):
        written(folder, tmp_path / "out")
    pickle.loads(pickle.dumps(Malicious(tmp_path / "it-ran")))
    assert (tmp_path / "it-ran").exists()  # it is malicious indeed


def test_where_there_are_safetensors_a_pickle_is_not_opened(saved: Saved, tmp_path: Path) -> None:
    folder = saved()
    before, digest = load_file(folder / "model.safetensors"), source_digest(FolderCheckpoint(folder=folder))
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps(Malicious(tmp_path / "it-ran")))
    (folder / "pytorch_model.bin.index.json").write_text('{"weight_map": {"a": "../elsewhere.bin"}}')
    after = written(folder, tmp_path / "out")
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not (tmp_path / "it-ran").exists() and not (tmp_path / "out" / "origin.json").exists()
    (folder / "pytorch_model.bin.index.json").unlink()
    assert source_digest(FolderCheckpoint(folder=folder)) == digest


def test_a_pickle_is_part_of_the_digest(saved: Saved) -> None:
    folder = sharded(saved())
    before = source_digest(FolderCheckpoint(folder=folder))
    shard = folder / "pytorch_model-00002-of-00002.bin"
    weights = torch.load(shard, weights_only=True)
    torch.save({name: weight + 1 for name, weight in weights.items()}, shard)
    assert source_digest(FolderCheckpoint(folder=folder)) != before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"epoch": 3}, "holds 'epoch', a int, no tensor"),
        ({"state_dict": {"a": torch.zeros(1)}}, "holds 'state_dict', a dict, no tensor"),
        ({1: torch.zeros(1)}, "holds '1', a Tensor, no tensor"),
        ({"a": torch.eye(2).to_sparse()}, "holds 'a', a Tensor, no tensor"),
        ([torch.zeros(1)], "holds a list, not tensors by name"),
    ],
)
def test_what_is_no_tensor_is_named(saved: Saved, tmp_path: Path, content: Any, said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        written(pickled(saved(), content), tmp_path / "out")
    assert "safe_serialization=True" in str(caught.value)


def test_damaged_pickles(saved: Saved, tmp_path: Path) -> None:
    folder = pickled(saved())
    whole = (folder / "pytorch_model.bin").read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"version https://git-lfs.github.com/spec/v1\n", os.urandom(999)):
        (folder / "pytorch_model.bin").write_bytes(content)
        with pytest.raises(UserError, match="pytorch_model") as caught:
            written(folder, tmp_path / "out")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("shard", "said"), [("../x.bin", "only files beside it"), ("x.pkl", "which is not bin")])
def test_an_index_of_other_files(saved: Saved, tmp_path: Path, shard: str, said: str) -> None:
    folder = sharded(saved())
    (folder / "x.pkl").touch()
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": {"a": shard}}))
    with pytest.raises(UserError, match=said):
        source_digest(FolderCheckpoint(folder=folder))
    with pytest.raises(UserError, match=said):
        written(folder, tmp_path / "out")


def test_an_older_torch_opens_none(saved: Saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, version = saved(), metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "2.9.1+cpu" if name == "torch" else version(name))
    written(folder, tmp_path / "safe")  # safetensors are loaded by any
    with pytest.raises(UserError, match=r"torch 2.9.1\+cpu .*CVE-2025-32434, CVE-2026-24747\): install torch 2.10 "):
        written(pickled(folder), tmp_path / "out")
