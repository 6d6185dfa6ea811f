"""Words shared by the findings."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report.numbers import fixed, percent, signed
from harness.report.view import DeploymentView, TaskView
from harness.results.gate_outcome import GateOutcome

NAMED_AT_MOST = 3
SAID = {"pass": "passed", "fail": "failed", "cannot tell": "cannot tell"}
"""Of a gate's status."""


def listed(deployments: Sequence[DeploymentView], *, at_most: int = NAMED_AT_MOST) -> str:
    """ "[2] a, [3] b and 4 more"."""
    return joined_first([deployment.label for deployment in deployments], at_most=at_most)


def joined_first(words: Sequence[str], *, at_most: int = NAMED_AT_MOST) -> str:
    """ "a, b and 4 more"."""
    return joined([*words[:at_most], f"{len(words) - at_most} more"] if len(words) > at_most + 1 else words)


def joined(words: Sequence[str]) -> str:
    """ "a, b and c"."""
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def names(deployments: Sequence[DeploymentView]) -> tuple[str, ...]:
    return tuple(deployment.name for deployment in deployments)


def plural(count: int, one: str, many: str | None = None) -> str:
    return f"{fixed(count, 0)} {one if count == 1 else many or several(one)}"


def several(one: str) -> str:
    """The plural of a task's unit: "texts", "queries"."""
    return f"{one.removesuffix('y')}ies" if one.endswith("ry") else f"{one}s"


def verb(deployments: Sequence[DeploymentView], one: str, many: str) -> str:
    return one if len(deployments) == 1 else many


def score_and_change(task: TaskView, deployment: DeploymentView) -> str:
    """ "accuracy 81.4 % (-0.4)", in points against the reference's; nothing where either is not known."""
    change = task.score_change(deployment)
    return "" if change is None else f"{task.score_name} {percent(deployment.score)} % ({signed(change)})"


def gate_counts(gate: GateOutcome) -> str:
    """How many of its limits had which outcome."""
    statuses = [one.status for one in gate.outcomes]
    phrases = [
        f"{statuses.count(status)} {SAID[status]}" for status in ("fail", "cannot tell", "pass") if status in statuses
    ]
    return f"of {plural(len(statuses), 'limit')} {', '.join(phrases)}"
