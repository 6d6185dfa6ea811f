"""An engine of one's own, as far as it can be looked at without TensorRT."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from exporters.errors import ExportError
from exporters.manifest import read_manifest, verify_files
from exporters.prebuilt.engine import export_prebuilt_engine, look_at_engine
from exporters.prebuilt.onnx import DeclaredMetadata

OPTIONS: dict[str, Any] = {
    "task": "text-classification",
    "labels": ["bad", "good"],
    "pooling": "cls",
    "declared": DeclaredMetadata(precision="int8"),
}


@pytest.fixture
def engine(tmp_path: Path) -> Path:
    """A file that begins as engines do."""
    path = tmp_path / "mine.engine"
    path.write_bytes(b"ftrt" + bytes(100))
    return path


def test_it_is_copied_and_described(engine: Path, tmp_path: Path) -> None:
    destination = tmp_path / "artifact"
    destination.mkdir()
    with pytest.raises(ExportError, match=r"tokenizer\.json"):
        export_prebuilt_engine(engine, destination, digests=look_at_engine(engine), **OPTIONS)
    (destination / "tokenizer.json").write_text("{}")
    written = export_prebuilt_engine(engine, destination, digests=look_at_engine(engine), **OPTIONS)
    assert read_manifest(destination) == written
    verify_files(destination, written)
    assert (written.format, written.precision, written.parameters) == ("tensorrt-prebuilt", "int8", None)
    assert written.files["model.engine"]["bytes"] == 104


def test_one_that_changed_in_the_meantime_is_refused(engine: Path, tmp_path: Path) -> None:
    digests = look_at_engine(engine)
    engine.write_bytes(b"ftrt" + bytes(99))
    (tmp_path / "artifact").mkdir()
    (tmp_path / "artifact" / "tokenizer.json").write_text("{}")
    with pytest.raises(ExportError, match="changed since the study was read"):
        export_prebuilt_engine(engine, tmp_path / "artifact", digests=digests, **OPTIONS)


def test_what_is_no_engine_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"\x08\x08\x12\x07")
    for path, words in (
        (tmp_path, "is a folder"),
        (tmp_path / "none", "no such file"),
        (tmp_path / "model.onnx", "4 by"),
    ):
        with pytest.raises(ExportError, match=words) as raised:
            look_at_engine(path)
        assert "\n" not in str(raised.value)
