"""The matmul and the addition that ceilings are taken from: computed, as large as told, and on the device alone."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from backends.errors import BackendError
from backends.onnxruntime import ceilings
from tests.standin import needs_standin, on_standin


@pytest.mark.parametrize(("arithmetic", "types"), [("fp32", ("f4", "f4", "f4")), ("int8", ("u1", "i1", "i4"))])
def test_a_run_computes_the_matmul(arithmetic: ceilings.Arithmetic, types: tuple[str, str, str]) -> None:
    generator = np.random.default_rng(0)
    a, b = (generator.integers(0, 9, shape).astype(type) for shape, type in zip(((6, 5), (5, 4)), types, strict=False))
    made = np.zeros((6, 4), types[2])
    operator = "MatMulInteger" if arithmetic == "int8" else "MatMul"
    ceilings.on_device(operator, [a, b], made, "cpu", 1)()
    np.testing.assert_array_equal(made, a.astype(int) @ b.astype(int))


def test_the_work_is_that_of_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(ceilings, "on_device", lambda *given: asked.append(given))
    for threads in (1, 3):
        trial = ceilings.matmul("cpu", "int8", threads=threads)
        (_, (a, b), made, *_) = asked[-1]
        assert made.shape == (128 * threads, 512) == (a.shape[0], b.shape[1])
        assert trial.amount == 2 * a.size * b.shape[1]
    trial = ceilings.addition("cpu", threads=2)
    assert trial.amount == sum(array.nbytes for array in (*asked[-1][1], asked[-1][2]))


def test_a_device_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ceilings, "MATMUL_SIZE", {"cuda": 4})
    with pytest.raises(BackendError, match="ONNX Runtime runs no MatMul on cuda"):
        ceilings.matmul("cuda", "fp16", threads=1)


@needs_standin
def test_on_cuda_nothing_is_copied_meanwhile() -> None:
    """On the stand-in: each is a single launch, of cuBLAS or a kernel, on arrays that lie there."""
    code = """
import json
from dataclasses import asdict
from backends.onnxruntime.ceilings import addition, matmul
from tests.cuda_calls import counted
trials = [matmul("cuda", "fp32", threads=1), matmul("cuda", "fp16", threads=1), addition("cuda", threads=1)]
print(json.dumps([[trial.amount, asdict(counted(trial.run))] for trial in trials]))
"""
    told = json.loads(on_standin("-c", code).stdout)
    assert [amount for amount, _ in told] == [2 * 4096**3, 2 * 4096**3, 3 * 2**28]
    assert [(calls["launches"], calls["copies"]) for _, calls in told] == [(1, 0)] * 3
    assert all(calls["synchronisations"] >= 1 for _, calls in told)
