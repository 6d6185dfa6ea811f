"""The report for programs: the results and timings as they are, and the findings."""

from __future__ import annotations

import json
from dataclasses import asdict

from harness.report.build import all_findings
from harness.results.read import RunResults

JSON_VERSION = 2
"""Of the report itself; the results inside carry their own."""


def to_json(run: RunResults) -> str:
    """ASCII only; what is unknown is null."""
    report = {
        "report_version": JSON_VERSION,
        "findings": {task: [asdict(f) for f in findings] for task, findings in all_findings(run).items()},
        "results": run.results.model_dump(mode="json"),
        "performance": None if run.performance is None else run.performance.model_dump(mode="json"),
    }
    return json.dumps(report, indent=2, allow_nan=False) + "\n"
