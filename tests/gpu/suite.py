"""``junit.xml``: the tests that need a GPU, by pytest; ``suite.json``: what it said of those that it skipped."""

from __future__ import annotations

import importlib.util
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tests.gpu.record import Record, Skipped

GRACE = 15
"""Seconds for pytest to end the test that is running; 2 is its exit status then."""


def run(root: Path, record: Record) -> None:
    record.item("pytest -m gpu", lambda: _tests(root / "junit.xml", record.left))


def _tests(report: Path, seconds: float) -> dict[str, Any]:
    if importlib.util.find_spec("pytest") is None:
        raise Skipped("pytest is not installed")
    command = [sys.executable, "-m", "pytest", "-m", "gpu", "-rs", "--junitxml", str(report)]
    with report.with_name("pytest.out").open("w") as out:
        process = subprocess.Popen([*command, "tests/backends/test_gpu.py"], stdout=out, stderr=subprocess.STDOUT)
        try:
            process.wait(max(1, seconds))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT)  # then it writes the report of what ran
            process.wait(GRACE)
    if not report.exists():
        raise RuntimeError(f"pytest wrote no {report.name}: see {out.name}")
    cases = ElementTree.parse(report).iter("testcase")
    found: dict[str, Any] = {"exit status": process.returncode, "passed": 0, "skipped": {}, "failed": {}}
    for case in cases:
        outcome = next((child for child in case if child.tag in ("skipped", "failure", "error")), None)
        if outcome is None:
            found["passed"] += 1
        else:
            said = outcome.get("message") or ""
            found["skipped" if outcome.tag == "skipped" else "failed"][case.get("name")] = said[:300]
    return found
