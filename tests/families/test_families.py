"""Every family in every format, as ``docs/exporting.md`` says; and of each kind of difficulty one, in a few."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.families.checkpoints import FAMILIES
from tests.families.table import GUIDE, row
from tests.families.verified import verify_family


@pytest.mark.families
@pytest.mark.parametrize("name", FAMILIES)
def test_table(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = verify_family(name, tmp_path)
    assert [reason for (_, backend), reason in found.items() if backend and reason] == []
    assert row(name, found) in GUIDE.read_text(encoding="utf-8").splitlines(), "make the table again"


@pytest.mark.parametrize(
    ("name", "formats"),
    [
        pytest.param("albert", ("onnx-fused", "onnx-int8-static"), id="layers share their weights"),
        pytest.param("deberta-v3", ("torch-fp32", "onnx-fp16", "onnx-int4"), id="relative positions, no SDPA"),
        pytest.param("modernbert", ("onnx-bf16",), id="rotated positions"),
        pytest.param("mobilebert", ("onnx-fp32",), id="padding moves the checkpoint itself"),
        pytest.param("xlm-roberta", ("onnx-int8-static",), id="positions behind the padding token"),
    ],
)
def test_one_of_each_kind(name: str, formats: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = verify_family(name, tmp_path, formats)
    assert {format for format, _ in found} == set(formats)
    assert [reason for reason in found.values() if reason] == []
