"""Tokenizers of other kinds than BERT's: taken where they serve, refused in one line where they do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.checkpoints.folder_check import require_tokenizer
from harness.checkpoints.validate import validate_checkpoint
from harness.errors import UserError
from tests.families.checkpoints import write_checkpoint


def test_a_sentencepiece_model_alone_is_a_tokenizer(tmp_path: Path) -> None:
    (tmp_path / "spm.model").touch()
    require_tokenizer(tmp_path)


def test_an_attack_takes_its_words_from_word_pieces(tmp_path: Path) -> None:
    write_checkpoint("roberta", tmp_path)
    with pytest.raises(UserError, match=r"has a BPE tokenizer: .* name a BERT as its masked_language_model") as caught:
        validate_checkpoint(tmp_path, task="masked-language-model", labels=None)
    assert len(str(caught.value).splitlines()) == 1
