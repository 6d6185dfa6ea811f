"""The facts that formats carry, held against each other and against what is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporters.errors import ExportError
from exporters.format import Job
from exporters.formats import ALL, FORMATS, lineage
from exporters.quantization.calibration import METHODS


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_says_one_thing_in_all_its_fields(name: str) -> None:
    facts = FORMATS[name]
    assert facts.precision is not None and facts.arithmetic.split(",")[0].split(";")[0].split()[0] == facts.precision
    assert facts.name.startswith(f"{facts.family}-")
    assert set(facts.calibration_methods) <= set(METHODS)
    assert facts.needs_calibration == bool(facts.calibration_methods)
    assert not (facts.needs_calibration and facts.scales_at_run_time)
    order = list(FORMATS)
    assert [order.index(step.name) for step in lineage(name)] == sorted(
        (order.index(step.name) for step in lineage(name)), reverse=True
    )


def test_those_that_are_quantized_and_those_that_depend_on_the_batch() -> None:
    exact = [name for name, facts in FORMATS.items() if not facts.quantized]
    assert exact == [
        *("torch-fp32", "onnx-fp32", "onnx-fused", "onnx-packed", "onnx-fp16"),
        *("onnx-fused-fp16", "onnx-packed-fp16", "onnx-bf16"),
        *("tensorrt-fp32", "tensorrt-fp16"),
    ]
    assert [name for name, facts in FORMATS.items() if facts.scales_at_run_time] == ["onnx-int8-dynamic", "onnx-int4"]


def test_finished_files_have_formats_of_no_precision_that_nothing_is_exported_to(tmp_path: Path) -> None:
    finished = ALL.keys() - FORMATS.keys()
    assert finished == {"onnx-prebuilt", "tensorrt-prebuilt"}
    for name in finished:
        assert ALL[name].precision is None and not ALL[name].quantized
        with pytest.raises(ExportError, match="nothing is exported"):
            ALL[name].write(Job(tmp_path, tmp_path, "question-answering", "cls", None, "min-max"))
