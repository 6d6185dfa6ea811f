"""Files that are whole or not there, and places that are no files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.store.atomic import reporting_unwritable, require_writable, write_text


def test_what_is_replaced_leaves_nothing_beside_it(tmp_path: Path) -> None:
    for text in ("one", "two"):
        write_text(tmp_path / "file", text)
        assert (tmp_path / "file").read_text() == text
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_pipe_or_a_device_is_written_to_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDWR)
    write_text(pipe, "page")
    assert os.read(reader, 100) == b"page" and pipe.is_fifo()
    os.close(reader)


def test_a_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--html page: cannot be written"), reporting_unwritable("--html page"):
        write_text(tmp_path, "page")


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a file system that takes no folder from root")
@pytest.mark.parametrize("folder", ["/proc/x", "/proc/x/y", "/proc"])
def test_a_folder_that_cannot_be_made_is_told_before_it_is_needed(folder: str) -> None:
    with pytest.raises(UserError, match=rf"^{folder}: cannot be written \(/proc.*\); give another$"):
        require_writable(Path(folder), "give another")


def test_looking_at_a_place_leaves_nothing_there(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "a" / "b"):
        require_writable(folder, "give another")
    assert not list(tmp_path.iterdir())
