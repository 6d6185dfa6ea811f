"""The report for programs: the results as they are, and the findings."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from harness.report.build import all_findings

JSON_VERSION = 1
"""Of the report itself; the results inside carry their own."""


def to_json(results: Mapping[str, Any]) -> str:
    """ASCII only, and valid for every parser: a number that is not finite becomes null."""
    report = {
        "report_version": JSON_VERSION,
        "findings": {task: [asdict(f) for f in found] for task, found in all_findings(results).items()},
        "results": results,
    }
    return json.dumps(_finite(report), indent=2, allow_nan=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
