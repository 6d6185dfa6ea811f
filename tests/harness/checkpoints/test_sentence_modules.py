"""What sentence-transformers' files say of a checkpoint, and where it goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from exporters.embedding import Embedding, read_embedding
from harness.checkpoints.digest import folder_digest
from harness.checkpoints.materialize import materialize
from harness.checkpoints.sentence_modules import read_modules
from harness.config.checkpoints import CutCheckpoint, FolderCheckpoint
from harness.errors import UserError
from harness.tasks.fast_tokenizer import read_tokenizer

KINDS = ("Transformer", "Pooling", "Normalize")


def write(folder: Path, *kinds: str, pooling: dict[str, Any] | None = None, **settings: Any) -> Path:
    paths = {"Transformer": "", "Pooling": "1_Pooling", "Normalize": "2_Normalize", "Dense": "2_Dense"}
    modules = [{"path": paths[kind], "type": f"sentence_transformers.models.{kind}"} for kind in kinds]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling or {"pooling_mode_mean_tokens": True}))
    (folder / "config_sentence_transformers.json").write_text(json.dumps(settings))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 48}))
    return folder


@pytest.mark.parametrize(
    ("kinds", "pooling", "settings", "expected"),
    [
        (KINDS, {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}, {}, "mean+normalize"),
        (KINDS, {"pooling_mode_cls_token": True}, {}, "cls+normalize"),
        (KINDS[:2], {"pooling_mode_cls_token": True}, {"similarity_fn_name": "cosine"}, "cls+normalize"),
        (KINDS[:2], {"pooling_mode_mean_tokens": True}, {"similarity_fn_name": "dot"}, "mean"),
        (KINDS, {"pooling_mode_mean_tokens": True}, {"similarity_fn_name": "dot"}, "mean+normalize"),
    ],
)
def test_pooling_and_normalisation(tmp_path, kinds, pooling, settings, expected):
    assert read_modules(write(tmp_path, *kinds, pooling=pooling, **settings)).pooling == expected


def test_a_checkpoint_that_says_nothing_has_the_defaults(tmp_path):
    assert read_modules(tmp_path) == Embedding("mean+normalize", {"": "", "query": "", "document": ""}, None)


def test_prompts_by_the_kind_of_text(tmp_path):
    prompts = {"query": "query: ", "passage": "passage: ", "sts": "alike: "}
    found = read_modules(write(tmp_path, *KINDS, prompts=prompts, default_prompt_name="sts"))
    assert found.prompts == {"": "alike: ", "query": "query: ", "document": "passage: "}
    assert found.max_tokens == 48


@pytest.mark.parametrize(
    ("kinds", "pooling", "message"),
    [
        (("Transformer", "Pooling", "Dense"), None, "the modules are Transformer, Pooling, Dense"),
        (KINDS, {"pooling_mode_max_tokens": True}, "pools by pooling_mode_max_tokens; known are"),
        (KINDS, {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True}, "pools by .*; known are"),
        (KINDS, {"pooling_mode_mean_tokens": True, "include_prompt": False}, "include_prompt is false"),
    ],
)
def test_what_is_not_done_here_is_refused(tmp_path, kinds, pooling, message):
    with pytest.raises(UserError, match=message):
        read_modules(write(tmp_path, *kinds, pooling=pooling))


def test_a_module_elsewhere_is_refused(tmp_path):
    write(tmp_path, *KINDS)
    modules = (tmp_path / "modules.json").read_text()
    (tmp_path / "modules.json").write_text(modules.replace("1_Pooling", "../1_Pooling"))
    with pytest.raises(UserError, match="only folders beside it"):
        read_modules(tmp_path)


def test_the_pooling_is_of_the_checkpoints_digest(tmp_path):
    before = folder_digest(write(tmp_path, *KINDS), [])
    write(tmp_path, *KINDS, pooling={"pooling_mode_cls_token": True})
    assert folder_digest(tmp_path, []) != before


def test_it_goes_with_the_checkpoint_and_with_what_is_cut_from_it(saved, tmp_path):
    source = write(saved(None), *KINDS, prompts={"query": "query: "})
    whole, student = tmp_path / "whole", tmp_path / "student"

    def resolve(_: str) -> Path:
        return whole

    options: dict[str, Any] = {"task": "feature-extraction", "labels": None, "seed": 0, "resolve": resolve}
    materialize(FolderCheckpoint(folder=source), whole, **options)
    materialize(CutCheckpoint(cut="whole", layers=(0, 2)), student, **options)
    for folder in (whole, student):
        embedding = read_embedding(folder)
        assert embedding is not None
        assert (embedding.pooling, embedding.max_tokens) == ("mean+normalize", 48)
        assert read_tokenizer(folder).prompts["query"] == "query: "
