"""The example of docs/comparing-runs.md is what the command prints."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from harness.run_comparison.render import render
from harness.run_comparison.runs import read_pair
from harness.run_comparison.verdicts import compare
from tests.harness.report import synthetic_results as synthetic
from tests.harness.run_comparison.timed_runs import DEPLOYMENTS, write_run

GUIDE = Path(__file__).parents[3] / "docs" / "comparing-runs.md"


def test_the_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, seed, slower, version in (("before", 1, 1.0, "1.31.1"), ("after", 2, 1.2, "1.32.0")):
        results = synthetic.small()
        results["environment"]["versions"]["onnxruntime"] = version
        deployments = results["tasks"][synthetic.QA]["deployments"]
        results["tasks"][synthetic.QA]["deployments"] = {d: deployments[d] for d in (DEPLOYMENTS[0], DEPLOYMENTS[2])}
        write_run(Path(name), seed=seed, slower={DEPLOYMENTS[2]: slower}, results=results)
    stream = io.StringIO()
    comparison = compare(read_pair(Path("before"), Path("after")), minimum_effect=0.05)
    render(comparison, console=Console(file=stream, width=100))
    printed = "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"
    (example,) = re.findall(r"^```text\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    assert printed == example
