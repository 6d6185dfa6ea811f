"""What a verification found: written, read, told in a line, and refused where a field is not there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from exporters.parity import Difference, Parity
from harness.errors import UserError
from harness.verification.result import (
    FILE,
    Determinism,
    PreprocessingCheck,
    QualityLoss,
    VerificationResult,
    read_verification,
    summary,
    write_verification,
)
from harness.verification.tolerances import FLOAT32
from tests.harness.json_fields import fields, without

RESULT = VerificationResult(
    parity=Parity(40, 2e-6, 1e-7, 3e-6, 0.975, True, {"logits": Difference(2e-6, 1e-7, 5e-7, 1.5)}),
    against=None,
    quality=QualityLoss(
        measure="accuracy", examples=40, checkpoint=0.9, deployment=0.875, loss=0.025, standard_error=0.02, allowed=0.1
    ),
    determinism=Determinism(repeated=0.0, another_batch=1e-6, more_padding=2e-6, checkpoint_more_padding=None),
    tolerance=FLOAT32,
    matmuls={"fp32": 12},
    preprocessing=PreprocessingCheck(against="AutoTokenizer", examples=40, features=40, notes=["as it should be"]),
)
FINISHED = RESULT.model_copy(update={"against": "its graph", "quality": None, "tolerance": None})


def recorded(folder: Path, result: VerificationResult) -> dict[str, Any]:
    write_verification(folder, result)
    found: dict[str, Any] = json.loads((folder / FILE).read_text())
    return found


@pytest.mark.parametrize("result", [RESULT, FINISHED])
def test_what_is_read_is_what_was_written(tmp_path: Path, result: VerificationResult) -> None:
    parity = recorded(tmp_path, result)["parity"]
    assert parity.get("against") == result.against and ("against" in parity) == (result is FINISHED)
    assert read_verification(tmp_path) == result


def test_a_field_that_is_missing_is_told(tmp_path: Path) -> None:
    found = recorded(tmp_path, RESULT)
    for path in fields({**found, "matmuls": None}):
        (tmp_path / FILE).write_text(json.dumps(without(found, path)))
        name = ".".join(map(str, path))
        if path == ("parity", "outputs", "logits"):
            continue  # by the model's own names
        with pytest.raises(UserError, match=rf"{FILE}: {re.escape(name)} is (missing|None)"):
            read_verification(tmp_path)


def test_it_is_told_in_a_line() -> None:
    assert summary(RESULT) == (
        "97.5 % of 40 decisions as by the checkpoint; logits off by at most 2e-06; representation by 3e-06; "
        "accuracy 87.5 % (90.0 %); moved 1e-06 by the batch, 2e-06 by padding; matmuls 12 fp32; as it should be"
    )
    assert summary(FINISHED).startswith("97.5 % of 40 decisions as by its graph; ")
