"""`list`: what it counts."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli.listing import list_what
from tests.harness.gate.gated_runs import gated_run


@pytest.mark.parametrize(("broken", "told"), [(False, "6"), (True, "7 (1 failed)")])
def test_runs_count_deployments_and_no_reruns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], broken: bool, told: str
) -> None:
    gated_run(tmp_path / "whole-00000000", broken=broken)  # with a rerun of the reference
    list_what("runs", tmp_path)
    assert capsys.readouterr().out.endswith(f"  text-classification {told}\n")
