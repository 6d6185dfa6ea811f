"""A gate in the formats of CI systems: JUnit XML, and the figures as github-action-benchmark takes them."""

from __future__ import annotations

import json

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from harness.config.figures import FIGURES
from harness.gate.baseline import Baseline
from harness.gate.words import shown
from harness.report.printable import printable
from harness.results.gate_outcome import GateOutcome, RuleOutcome


def to_junit(gate: GateOutcome) -> str:
    """JUnit XML: a suite for each task, a case for each limit of a deployment.

    What cannot be told is no pass: an error where the policy wants an answer, else skipped with its reason.
    """
    document = JUnitXml("scalemodel gate")
    for task in dict.fromkeys(one.task for one in gate.outcomes):
        suite = TestSuite(printable(task))
        suite.add_testcases([_case(one) for one in gate.outcomes if one.task == task])
        document.add_testsuite(suite)
    document.update_statistics()  # type: ignore[no-untyped-call]
    text: str = document.tostring().decode("utf-8")  # type: ignore[no-untyped-call]
    return text + "\n"


def _case(outcome: RuleOutcome) -> TestCase:
    name, classname, detail = map(printable, (outcome.rule, f"{outcome.task}.{outcome.deployment}", outcome.detail))
    case = TestCase(name, classname)
    if outcome.status == "fail":
        case.result = [Failure(detail, "limit")]
    elif outcome.stops:
        case.result = [Error(detail, "cannot tell")]
    elif outcome.status == "cannot tell":
        case.result = [Skipped(f"cannot tell: {detail}", "cannot tell")]
    else:
        case.system_out = detail
    return case


def to_benchmark_json(figures: Baseline) -> str:
    """`customSmallerIsBetter`: the figures of which smaller is better, an entry each: https://github.com/benchmark-action/github-action-benchmark."""
    entries = []
    for task, of_task in figures.tasks.items():
        for deployment, known in of_task.deployments.items():
            for name, figure in known.figures.items():
                facts = FIGURES[name.partition(" of ")[0]]
                if facts.better != "smaller":
                    continue
                entry: dict[str, object] = {
                    "name": f"{task}: {deployment}: {name}",
                    "unit": facts.unit,
                    "value": figure.value / facts.scale,
                    "extra": facts.meaning,
                }
                if figure.low is not None and figure.high is not None:
                    entry["range"] = f"{shown(figure.low, facts)} to {shown(figure.high, facts)}"
                entries.append(entry)
    return json.dumps(entries, indent=1, allow_nan=False) + "\n"
