"""A runtime's account: the details apart, and nothing missing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import UserError
from harness.store.runtime_facts import FILE, read_runtime, write_runtime

TOLD: dict[str, Any] = {
    **{"backend": "onnxruntime-cpu", "threads": 2, "options": {}, "provider": "CPUExecutionProvider"},
    **{"left_to_cpu": {}, "versions": {"onnxruntime": "1.23"}, "nodes": {"CPUExecutionProvider": 40}},
}


def test_what_a_backend_tells_beside_the_rest_are_details(tmp_path: Path) -> None:
    write_runtime(tmp_path, TOLD)
    assert json.loads((tmp_path / FILE).read_text()) == TOLD
    facts = read_runtime(tmp_path)
    assert facts.threads == 2 and facts.details == {"nodes": TOLD["nodes"]}


@pytest.mark.parametrize("name", [name for name in TOLD if name != "nodes"])
def test_a_fact_that_is_missing_is_told(tmp_path: Path, name: str) -> None:
    write_runtime(tmp_path, {told: value for told, value in TOLD.items() if told != name})
    with pytest.raises(UserError, match=f"{FILE}: {name} is missing"):
        read_runtime(tmp_path)
