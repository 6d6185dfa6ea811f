"""Tokenizers of other kinds than BERT's: taken where they serve, refused in one line where they do not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.checkpoints.folder_check import require_tokenizer
from harness.checkpoints.validate import validate_checkpoint
from harness.errors import UserError
from tests.families.checkpoints import write_checkpoint


def test_a_sentencepiece_model_alone_is_a_tokenizer(tmp_path: Path) -> None:
    (tmp_path / "spm.model").touch()
    require_tokenizer(tmp_path)


@pytest.mark.parametrize("family", ["bert", "roberta", "xlm-roberta"])
def test_an_attack_takes_its_words_from_any_kind(tmp_path: Path, family: str) -> None:
    write_checkpoint(family, tmp_path)
    with pytest.raises(UserError, match="has no head for masked-language-model"):  # and nothing of its tokenizer
        validate_checkpoint(tmp_path, task="masked-language-model", labels=None)


def test_pieces_that_nothing_joins_are_one_line(tmp_path: Path) -> None:
    write_checkpoint("roberta", tmp_path)
    described = json.loads((tmp_path / "tokenizer.json").read_text())
    (tmp_path / "tokenizer.json").write_text(json.dumps(described | {"decoder": None}))
    with pytest.raises(UserError, match=r"its BPE tokenizer has no decoder, .* or a BERT") as caught:
        validate_checkpoint(tmp_path, task="masked-language-model", labels=None)
    assert len(str(caught.value).splitlines()) == 1
