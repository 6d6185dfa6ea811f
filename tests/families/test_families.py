"""Every family in every format, as ``docs/exporting.md`` says; and of each kind of difficulty one, in a few."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporters.artifact import export
from exporters.formats import FORMATS, refused
from tests.families.checkpoints import FAMILIES, write_checkpoint
from tests.families.table import GUIDE, row
from tests.families.verified import verify_family
from tests.standin import needs_standin, on_standin

OPENED = """
import sys
from pathlib import Path
import numpy as np
from backends.registry import open_backend
from tests.performance.cuda_launches import MATH

ids = np.random.default_rng(0).integers(5, 40, (3, 20))
mask = (np.arange(20) < np.array([[20], [9], [14]])).astype(np.int64)
feeds = {"input_ids": ids * mask, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
for format in sys.argv[2:]:
    with open_backend(
        "onnxruntime-cuda", Path(sys.argv[1]) / format, format=format, task="text-classification", pooling="mean",
        options={"provider": MATH},
    ) as backend:
        print(format, *backend.infer(feeds)["logits"].shape)
"""


@pytest.mark.families
@pytest.mark.parametrize("name", FAMILIES)
def test_table(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = verify_family(name, tmp_path)
    assert [reason for (_, backend), reason in found.items() if backend and reason] == []
    assert row(name, found) in GUIDE.read_text(encoding="utf-8").splitlines(), "make the table again"


@pytest.mark.slow
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


@needs_standin
@pytest.mark.families
@pytest.mark.parametrize("name", [name for name in FAMILIES if name != "deberta-v2"])
def test_formats_for_gpus_open_on_cuda(name: str, tmp_path: Path) -> None:
    """On the stand-in: the real provider takes every graph, leaves no work to the CPU, and runs it through.

    DeBERTa-v2's convolution asks for more of cuDNN than a stand-in has.
    """
    kind = write_checkpoint(name, tmp_path / "checkpoint")
    served = [
        format
        for format in ("onnx-fp32", "onnx-fp16", "onnx-fused", "onnx-packed", "onnx-fused-fp16", "onnx-packed-fp16")
        if refused(format, kind) is None
    ]
    for format in served:
        (tmp_path / format).mkdir()
        source = tmp_path / (FORMATS[format].parent or "checkpoint")
        export(format, source, tmp_path / format, task="text-classification", pooling="mean")
    told = on_standin("-c", OPENED, tmp_path, *served).stdout
    assert told.splitlines() == [f"{format} 3 3" for format in served]
