"""A policy to start from: the limits that a run can be held to, with what it measured beside each."""

from __future__ import annotations

from collections.abc import Iterator

from harness.config.figures import FIGURES, Figure
from harness.config.policy import with_unit
from harness.gate.readings import READERS, Reading
from harness.gate.words import shown
from harness.report.findings.phrases import plural
from harness.report.values import words
from harness.report.view import TaskView

HEAD = """\
# Limits for the release of these models: `scalemodel check RUN --policy THIS_FILE`, or `gate: THIS_FILE` in a study.
# A limit holds where the whole 95 % interval is inside it, and fails where all of it is outside; docs/ci.md tells more.
# Raise, lower or take out what stands here: it is a start, not advice. Beside each limit: what the run measured.
cannot_tell: fail # what comes of a limit that the data cannot decide: fail (exit status 5), warn or pass
"""
ACTIVE = ("changed", "newly-wrong", "score-change")
"""The figures that a starting policy limits; the others stand there as comments."""
MARGIN = {"changed": "1", "newly-wrong": "1", "error-overlap": "0.05", "neighbours": "0.05", "ood-overlap": "0.05"}
PARTS = {"file-size": "50", "peak-memory": "100"}
"""Of the reference's, in percent."""
PLAIN = {"score-change": "-1", "speed-up": "1.0", "divergence": "0.02", "ood-auroc": "0.05", "attack-success": "5"}


def starting_policy(tasks: tuple[TaskView, ...]) -> str:
    """YAML, commented."""
    lines = [HEAD.rstrip(), "rules:"]
    for task in tasks:
        lines += [
            f"  - tasks: {words(task.name)}",
            '    deployments: "*" # a pattern of full names, such as "*/onnx-int8-*"; later rules add to it',
            "    limits:",
        ]
        lines += _limits(task)
    return "\n".join(lines) + "\n"


def _limits(task: TaskView) -> Iterator[str]:
    about = [d for d in task.deployments if d.replicate_kind is None and d.name != task.reference and d.ok]
    for name, figure in FIGURES.items():
        for part in (stratum for stratum in task.strata if stratum != "all") if figure.of else ("",):
            found = [reading for d in about if (reading := READERS[name](task, d, part)) is not None]
            if found:
                mark = "" if name in ACTIVE else "# "
                key = f"{name} of {part}" if part else name
                yield f"      {mark}{key}: {_limit(figure, found)} # {_now(figure, found)}"


def _limit(figure: Figure, found: list[Reading]) -> str:
    """A limit of the figure's own kind."""
    held = all(reading.verdict is not None for reading in found)
    if figure.name in MARGIN:
        margin, sign = MARGIN[figure.name], "+" if figure.better == "smaller" else "-"
        if held:
            return f"{figure.side} floor {sign} {with_unit(margin, figure)}"
        return f"{figure.side} {with_unit('5' if figure.unit == '%' else '0.8', figure)}"
    if figure.name in PARTS:
        return f"{figure.side} {PARTS[figure.name]} % of reference"
    if "reference" in figure.bases:
        margin, sign = PLAIN.get(figure.name, "2"), "+" if figure.better == "smaller" else "-"
        return f"{figure.side} reference {sign} {with_unit(margin, figure)}"
    if figure.name in PLAIN:
        return f"{figure.side} {with_unit(PLAIN[figure.name], figure)}"
    worst = (_values(found) or [1.0])[-1 if figure.better == "smaller" else 0]
    return f"{figure.side} {with_unit(f'{worst / figure.scale:.2f}', figure)}"


def _now(figure: Figure, found: list[Reading]) -> str:
    values = _values(found)
    if not values:
        return f"{figure.meaning}; not known in this run"
    spread = shown(values[0], figure)
    if len(values) > 1:
        spread = f"{spread} to {shown(values[-1], figure)}"
    return f"{figure.meaning}; {spread} in {plural(len(values), 'deployment')}"


def _values(found: list[Reading]) -> list[float]:
    return sorted(value for reading in found if (value := reading.estimate.value) is not None)
