from __future__ import annotations

from pathlib import Path

import pytest

from harness.data.files import read_stop_words
from harness.errors import UserError


def test_words_stand_between_blanks_or_line_ends(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("the  der\nÉtant\nthe\n", encoding="utf-8")
    assert read_stop_words(tmp_path / "words.txt") == ["der", "the", "étant"]


@pytest.mark.parametrize(
    ("content", "said"), [(None, "no such data file"), (b"\xff\xfe", "not UTF-8"), (b" \n", "has no stop words")]
)
def test_a_file_without_words_is_named(tmp_path: Path, content: bytes | None, said: str) -> None:
    path = tmp_path / "words.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=said) as raised:
        read_stop_words(path)
    assert str(raised.value).startswith(f"{path}: ")
