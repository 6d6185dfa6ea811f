"""A gate as JUnit XML: a suite for each task, a case for each limit of a deployment."""

from __future__ import annotations

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from harness.report.printable import printable
from harness.results.gate_outcome import GateOutcome, RuleOutcome


def to_junit(gate: GateOutcome) -> str:
    """The document.

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
