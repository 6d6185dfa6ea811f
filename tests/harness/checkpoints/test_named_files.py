"""What a loader opens lies beside the checkpoint's configuration, and is in its digest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from harness.checkpoints.digest import source_digest
from harness.checkpoints.loading import load
from harness.checkpoints.tokenizer_files import write_tokenizer
from harness.config.checkpoints import FolderCheckpoint
from harness.errors import UserError

QA = "question-answering"


def sharded(folder: Path, *names: str) -> Path:
    """The checkpoint with its weights dealt to shards of these names; returns the index."""
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    shards = {name: dict(list(weights.items())[at :: len(names)]) for at, name in enumerate(names)}
    for name, shard in shards.items():
        (folder / name).parent.mkdir(exist_ok=True)
        if name.endswith(".safetensors"):
            save_file(shard, folder / name, metadata={"format": "pt"})
        else:
            torch.save(shard, folder / name)
    index = folder / "model.safetensors.index.json"
    places = {weight: name for name, shard in shards.items() for weight in shard}
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}))
    return index


def changed(folder: Path, name: str, **values: Any) -> None:
    file = folder / name
    content = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps(content | values))


def refusal(folder: Path) -> str:
    """The line in which a study is refused before it starts, which is that of loading, too."""
    with pytest.raises(UserError) as caught:
        source_digest(FolderCheckpoint(folder=folder))
    line = str(caught.value)
    assert "\n" not in line
    with pytest.raises(UserError) as loading:
        write_tokenizer(folder, folder.parent / "written")
        load(folder, QA)
    assert str(loading.value) == line
    return line


def test_every_shard_is_in_the_digest(saved):
    folder = saved()
    sharded(folder, "model-1.safetensors", "model-2.safetensors")
    assert not load(folder, QA).new
    before = source_digest(FolderCheckpoint(folder=folder))
    for name in ("model-1.safetensors", "model-2.safetensors"):
        weights = {key: weight + 1 for key, weight in load_file(folder / name).items()}
        save_file(weights, folder / name, metadata={"format": "pt"})
        after = source_digest(FolderCheckpoint(folder=folder))
        assert after != before
        before = after


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sub/w.safetensors", "only files beside it"),
        ("../outside.safetensors", "only files beside it"),
        ("w.bin", "may run code"),
    ],
)
def test_an_index_that_names_other_files(saved, name, said):
    folder = saved()
    sharded(folder, "model-1.safetensors", name)
    line = refusal(folder)
    assert repr(name) in line
    assert said in line


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "special_tokens_map.json"])
def test_a_file_that_is_nested_without_end(saved, name):
    folder = saved()
    (folder / name).write_text('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}")
    assert f"cannot read {folder / name}: " in refusal(folder)


def test_a_shard_that_is_missing(saved):
    folder = saved()
    sharded(folder, "model-1.safetensors", "model-2.safetensors")
    (folder / "model-2.safetensors").unlink()
    assert "'model-2.safetensors', which is not there" in refusal(folder)


@pytest.mark.parametrize(
    ("file", "values", "said"),
    [
        ("config.json", {"transformers_weights": "../other.safetensors"}, "'../other.safetensors'"),
        ("config.json", {"configuration_files": ["/tmp/config.4.0.0.json"]}, "'/tmp/config.4.0.0.json'"),
        ("adapter_config.json", {"base_model_name_or_path": "../base"}, "is an adapter"),
        ("tokenizer_config.json", {"tokenizer_file": "/tmp/tokenizer.json"}, "tokenizer_file (/tmp/tokenizer.json)"),
        ("tokenizer_config.json", {"vocab_file": "../vocab.txt"}, "vocab_file (../vocab.txt)"),
        ("tokenizer_config.json", {"init_inputs": ["../vocab.txt"]}, "init_inputs"),
        ("tokenizer_config.json", {"fast_tokenizer_files": ["sub/tokenizer.4.0.0.json"]}, "only files beside it"),
        ("special_tokens_map.json", {"tokenizer_file": "/tmp/tokenizer.json"}, "tokenizer_file"),
    ],
)
def test_settings_that_name_other_files(saved, file, values, said):
    folder = saved()
    changed(folder, file, **values)
    assert said in refusal(folder)


@pytest.mark.parametrize("name", ["merges.txt", "spiece.model", "added_tokens.json", "bpe.codes", "vocab.tokenizer"])
def test_a_tokenizers_files_are_in_the_digest(saved, name):
    folder = saved()
    before = source_digest(FolderCheckpoint(folder=folder))
    (folder / name).write_text("{}")
    assert source_digest(FolderCheckpoint(folder=folder)) != before


def test_where_old_settings_say_they_were_saved_does_not_matter(saved):
    folder = saved()
    changed(folder, "tokenizer_config.json", special_tokens_map_file="/home/somebody/.cache/special_tokens_map.json")
    assert write_tokenizer(folder, folder.parent / "written").is_fast
