"""Findings on what limits each deployment, and on what else the machine did while it was measured."""

from __future__ import annotations

import re

from harness.report.blocks import Finding
from harness.report.findings.phrases import listed, names, plural
from harness.report.latency_breakdown import NAMES, Stages, stages, transfer_share
from harness.report.numbers import percent
from harness.report.view import DeploymentView, TaskView

NEXT_STEP = {
    "compute": "A smaller or quantized model, or another backend, helps there; faster text handling does not.",
    "tokenise": "Tokenise many texts in one call, or on another core, before the model is made smaller.",
    "batch": "Make fewer and larger batches, or pad less.",
    "decode": "Decode many answers in one call, or ask for fewer candidates (question_answering.n_best_size).",
}
TRANSFERS = 0.5
"""From this share of a call on, copies limit it rather than the device."""
DISTURBED = ("busy:", "throttled:")
UNSTEADY = "unsteady:"


def what_limits(task: TaskView) -> list[Finding]:
    """The stage that takes most of a request's time, for all deployments in one sentence."""
    limited: dict[str, list[tuple[DeploymentView, Stages]]] = {}
    for deployment in task.measured:
        if request_stages := stages(deployment, "request"):
            limited.setdefault(request_stages.limit, []).append((deployment, request_stages))
    if not limited:
        return []
    most = sorted(limited.items(), key=lambda item: -len(item[1]))
    everywhere = len(most) == 1
    clauses = [
        f"{NAMES[stage]} limits {'every deployment' if everywhere else listed([d for d, _ in members])} "
        f"({_span([request_stages.share(stage) for _, request_stages in members])} % of a request)"
        for stage, members in most
    ]
    copying = [d for d in task.measured if (transfer_share(d) or 0) >= TRANSFERS]
    if copying:
        clauses.append(f"copies to the device take more time than it computes in {listed(copying)}")
    text = "; ".join(clauses)
    return [Finding("result", "limits", f"{text[0].upper()}{text[1:]}.", NEXT_STEP[most[0][0]])]


def disturbed(task: TaskView) -> list[Finding]:
    """A machine that did other things, or changed its clock, while it measured."""
    disturbances = {
        d: warnings
        for d in task.measured
        if (warnings := [warning for warning in d.warnings if warning.startswith(DISTURBED)])
    }
    if not disturbances:
        return []
    said = [warnings[0] for warnings in disturbances.values()]
    commonest = max(said, key=lambda text: (sum(text[:24] == other[:24] for other in said), text))
    what, _, step = commonest.partition("; ")
    return [
        Finding(
            "warning",
            "disturbed",
            f"The machine was not quiet while {plural(len(disturbances), 'deployment')} of {len(task.measured)} "
            f"{'was' if len(disturbances) == 1 else 'were'} measured ({listed(list(disturbances))}): {what}.",
            f"{step[:1].upper()}{step[1:]}." if step else "",
            names(list(disturbances)),
        )
    ]


def other_warnings(task: TaskView) -> list[Finding]:
    """What the measurements warned of beside `disturbed` and `validity.unstable_timing`, alike ones together."""
    alike: dict[str, list[tuple[DeploymentView, str]]] = {}
    for deployment in task.measured:
        for text in deployment.warnings:
            shown_elsewhere = text.startswith(DISTURBED) or (text.startswith(UNSTEADY) and deployment.unstable)
            members = alike.setdefault(_kind(text), [])
            if not shown_elsewhere and deployment not in [d for d, _ in members]:
                members.append((deployment, text))
    groups = [members for members in alike.values() if members]
    if not groups:
        return []
    groups.sort(key=len, reverse=True)
    texts = [members[0][1].partition("; ") for members in groups]
    said = [
        f"{what} ({listed([d for d, _ in members])}{_of_the_first(members)})"
        for members, (what, _, _) in zip(groups, texts, strict=True)
    ]
    steps = dict.fromkeys(step for _, _, step in texts if step)
    then = "; ".join(steps)
    return [
        Finding(
            "warning",
            "other-warnings",
            f"The measurements also warn: {'; '.join(said)}.",
            f"{then[:1].upper()}{then[1:]}." if then else "",
            names(list(dict.fromkeys(d for members in groups for d, _ in members))),
        )
    ]


def _of_the_first(members: list[tuple[DeploymentView, str]]) -> str:
    return "; figures of the first" if len({text for _, text in members}) > 1 else ""


def _kind(warning: str) -> str:
    """A warning without its figures."""
    return re.sub(r"[\d.,]+|slower|faster|rose|fell", "#", warning)


def _span(shares: list[float]) -> str:
    low, high = percent(min(shares), 0), percent(max(shares), 0)
    return low if low == high else f"{low} to {high}"
