"""`list`: what it counts."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter

from harness.cli.listing import list_what
from harness.config.checkpoints import CheckpointSource
from tests.harness.gate.gated_runs import gated_run


@pytest.mark.parametrize(("broken", "told"), [(False, "6"), (True, "7 (1 failed)")])
def test_runs_count_deployments_and_no_reruns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], broken: bool, told: str
) -> None:
    gated_run(tmp_path / "whole-00000000", broken=broken)  # with a rerun of the reference
    list_what("runs", tmp_path)
    assert capsys.readouterr().out.endswith(f"  text-classification {told}\n")


def test_every_kind_of_checkpoint_is_listed_as_it_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    list_what("models", tmp_path)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("checkpoint: ")]
    sources = [yaml.safe_load(line[: line.index("}") + 1].lower())["checkpoint"] for line in lines]
    adapter = TypeAdapter[object](CheckpointSource)
    found = {type(adapter.validate_python(source)).__name__ for source in sources}
    assert len(found) == 7  # hub, folder, package, random, cut, pruned, embedded
    assert all(line[line.index("}") + 1 :].startswith(" ") for line in lines)
