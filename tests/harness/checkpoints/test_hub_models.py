"""Models of the hub, fetched by its own client from a stand-in over HTTP.

The client reads its environment when it is imported, so that each of these fetches in a process of its own.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from harness.checkpoints.locate import downloaded_names
from tests.forks import forked
from tests.harness.checkpoints.conftest import Saved
from tests.hub import Hub, Repository, fetch_model, serving

NAME = "models/org/bert"


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving() as hub:
        yield hub


@pytest.fixture
def as_published(saved: Saved) -> Path:
    """A small BERT as the hub has them: config.json, pytorch_model.bin and vocab.txt."""
    folder = saved()
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    for file in folder.iterdir():
        if file.name not in ("config.json", "pytorch_model.bin", "vocab.txt"):
            file.unlink()
    (folder / "README.md").write_text("# A model card\n")
    return folder


def fetch(hub: Hub, cache: Path, name: str = "org/bert", revision: str = "main", **environment: str) -> tuple[str, str]:
    """The last line of standard output and what was said on standard error."""
    environment = {**os.environ, **hub.environment(cache), "HF_HUB_DISABLE_PROGRESS_BARS": "1", **environment}
    done = forked(fetch_model, (name, revision), environment=environment, seconds=120)
    assert "Traceback" not in done.stderr, done.stderr
    return (done.stdout.splitlines() or [""])[-1], done.stderr


def complaint(hub: Hub, cache: Path, name: str = "org/bert", revision: str = "main", **environment: str) -> str:
    out, error = fetch(hub, cache, name, revision, **environment)
    *_, line = error.splitlines()
    assert out in ("", "there") and line
    return line


def test_redirects_etags_and_what_is_fetched(hub: Hub, as_published: Path, tmp_path: Path) -> None:
    (as_published / "onnx").mkdir()
    (as_published / "onnx" / "config.json").write_text("{}")
    (as_published / "tf_model.h5").write_bytes(b"never fetched")
    commit = hub.publish(NAME, as_published)
    hub.renamed["models/bert"] = NAME
    folder = Path(fetch(hub, tmp_path / "cache", "bert")[0])
    assert folder.name == commit
    assert sorted(file.name for file in folder.iterdir()) == ["config.json", "pytorch_model.bin", "vocab.txt"]
    for file in folder.iterdir():
        assert file.read_bytes() == (as_published / file.name).read_bytes()
    hub.asked.clear()
    assert fetch(hub, tmp_path / "cache", "bert")[0] == str(folder)
    assert hub.asked and not [line for line in hub.asked if "/large/" in line or "/resolve/" in line]


def test_no_pickle_is_fetched_where_there_are_safetensors(hub: Hub, saved: Saved, tmp_path: Path) -> None:
    folder = saved()
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    hub.publish(NAME, folder)
    fetched = Path(fetch(hub, tmp_path / "cache")[0])
    assert (fetched / "model.safetensors").is_file() and not (fetched / "pytorch_model.bin").exists()


@pytest.mark.parametrize(("file", "framework"), [("tf_model.h5", "TensorFlow"), ("flax_model.msgpack", "Flax")])
def test_weights_of_other_frameworks_are_told_before_they_are_fetched(
    hub: Hub, as_published: Path, tmp_path: Path, file: str, framework: str
) -> None:
    (as_published / "pytorch_model.bin").rename(as_published / file)
    hub.publish(NAME, as_published)
    line = complaint(hub, tmp_path / "cache")
    assert f"'org/bert' at 'main' on the hub holds its weights for {framework} alone ({file})" in line
    assert not [line for line in hub.asked if "/resolve/" in line]


def test_a_commit_that_moves(hub: Hub, as_published: Path, tmp_path: Path) -> None:
    first = hub.publish(NAME, as_published)
    assert Path(fetch(hub, tmp_path / "cache")[0]).name == first
    config = json.loads((as_published / "config.json").read_text())
    (as_published / "config.json").write_text(json.dumps(config | {"note": "later"}))
    hub.asked.clear()
    second = hub.publish(NAME, as_published)
    folder = Path(fetch(hub, tmp_path / "cache")[0])
    assert folder.name == second != first and "later" in (folder / "config.json").read_text()
    assert not [line for line in hub.asked if line.startswith("GET /large/")]  # the weights are the same
    pinned = Path(fetch(hub, tmp_path / "cache", revision=first)[0])
    assert pinned.name == first and "later" not in (pinned / "config.json").read_text()


def test_a_gated_repository(hub: Hub, as_published: Path, tmp_path: Path) -> None:
    hub.publish(NAME, as_published)
    hub.repositories[NAME].gated = True
    line = complaint(hub, tmp_path / "cache")
    assert "Cannot access gated repo" in line and "ask for access on its page, then log in with `hf auth login`" in line
    assert not [line for line in hub.asked if "/resolve/" in line]


def test_names_and_revisions_that_are_not_there(hub: Hub, as_published: Path, tmp_path: Path) -> None:
    assert "Repository Not Found" in complaint(hub, tmp_path / "cache")
    hub.publish(NAME, as_published)
    line = complaint(hub, tmp_path / "cache", revision="v9")
    assert "cannot fetch 'org/bert' at 'v9'" in line and "Revision Not Found" in line
    hub.repositories["models/org/empty"] = Repository()
    hub.repositories["models/org/empty"].commit({"README.md": b"# nothing"})
    assert "'org/empty' at 'main' on the hub has no model.safetensors" in complaint(
        hub, tmp_path / "cache", "org/empty"
    )


def test_too_many_requests(hub: Hub, as_published: Path, tmp_path: Path) -> None:
    hub.publish(NAME, as_published)
    hub.repositories[NAME].busy = True
    line = complaint(hub, tmp_path / "cache")
    assert "429" in line and "wait some minutes or log in with `hf auth login`" in line


@pytest.mark.slow
def test_a_download_that_is_cut_off_goes_on(hub: Hub, as_published: Path, tmp_path: Path) -> None:
    (as_published / "pytorch_model.bin").write_bytes(os.urandom(25_000_000))
    hub.publish(NAME, as_published)
    hub.cut_after = 12_000_000
    assert "cannot fetch 'org/bert' at 'main'" in complaint(hub, tmp_path / "cache")
    hub.cut_after = None
    hub.asked.clear()
    folder = Path(fetch(hub, tmp_path / "cache")[0])
    assert (folder / "pytorch_model.bin").read_bytes() == (as_published / "pytorch_model.bin").read_bytes()
    (asked,) = [line for line in hub.asked if line.startswith("GET /large/")]
    assert asked.endswith(f"bytes={10 * 2**20}-")  # the client keeps whole chunks


def test_offline_what_is_cached_is_used_and_what_is_not_fails_at_once(
    hub: Hub, as_published: Path, tmp_path: Path
) -> None:
    commit = hub.publish(NAME, as_published)
    fetch(hub, tmp_path / "cache")
    hub.asked.clear()
    assert Path(fetch(hub, tmp_path / "cache", HF_HUB_OFFLINE="1")[0]).name == commit
    line = complaint(hub, tmp_path / "cache", "org/other", HF_HUB_OFFLINE="1")
    assert f"the hub is not asked (HF_HUB_OFFLINE, or no network) and {tmp_path / 'cache' / 'hub'} lacks it" in line
    assert "`scalemodel fetch` it where there is a network" in line
    assert not hub.asked


def test_of_folders_only_the_modules_of_sentence_encoders_are_fetched() -> None:
    names = [
        "config.json", "model.safetensors", "modules.json", "1_Pooling/config.json", "2_Dense/model.safetensors",
        "2_Dense/config.json", "onnx/config.json", "onnx/model.onnx", "pytorch_model.bin", "tokenizer.json",
    ]  # fmt: skip
    fetched = ["1_Pooling/config.json", "2_Dense/config.json", "config.json", "model.safetensors", "modules.json"]
    assert sorted(downloaded_names(names)) == [*fetched, "tokenizer.json"]
