"""Which matmul a format's own are held against."""

from __future__ import annotations

import pytest

from exporters.format import Precision
from harness.inference.ceilings import arithmetic_of


@pytest.mark.parametrize(
    ("precision", "on_cpu", "on_cuda"),
    [("fp32", "fp32", "fp32"), ("fp16", "fp32", "fp16"), ("int8", "int8", "fp16"), (None, "fp32", "fp16")],
)
def test_a_ceiling_is_of_the_formats_arithmetic(precision: Precision | None, on_cpu: str, on_cuda: str) -> None:
    assert (arithmetic_of(precision, "cpu"), arithmetic_of(precision, "cuda")) == (on_cpu, on_cuda)
