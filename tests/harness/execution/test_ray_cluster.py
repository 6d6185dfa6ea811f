"""What a task of a cluster does on its node; clusters themselves are in `tests.end_to_end.test_scaling`."""

from __future__ import annotations

from typing import Any

import pytest

from harness.errors import REFUSED
from harness.store.step import Step, StepInputs

ray_cluster: Any = pytest.importorskip("harness.execution.ray_cluster", exc_type=ModuleNotFoundError)

STEPS = [Step("outputs", key * 32, "a title", "a group", {}, StepInputs(), StepInputs()) for key in "ab"]


def test_a_node_that_cannot_use_the_store_says_why() -> None:
    failures, printed = ray_cluster._do(STEPS, "gs://elsewhere", 1.0, None)
    assert [failure.step for failure in failures] == STEPS and printed == ""
    assert {failure.status for failure in failures} == {REFUSED}
    assert failures[0].reason == "--store gs://elsewhere: give a folder or s3://BUCKET/PREFIX"
