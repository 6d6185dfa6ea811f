"""Findings on what limits each deployment, and on what else the machine did while it was measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from benchmarks.performance.timing_warning import TimingWarning
from harness.report.blocks import Finding
from harness.report.findings.phrases import listed, names, plural, sentence
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
    return [Finding("result", "limits", sentence(text), NEXT_STEP[most[0][0]])]


def disturbed(task: TaskView) -> list[Finding]:
    """A machine that did other things, or changed its clock, while it measured."""
    disturbances = {
        d: first for d in task.measured if (first := next((one for one in d.warnings if one.is_disturbance), None))
    }
    if not disturbances:
        return []
    kinds = Counter(warning.kind for warning in disturbances.values())
    commonest = max(disturbances.values(), key=lambda warning: (kinds[warning.kind], warning.text))
    return [
        Finding(
            "warning",
            "disturbed",
            f"The machine was not quiet while {plural(len(disturbances), 'deployment')} of {len(task.measured)} "
            f"{'was' if len(disturbances) == 1 else 'were'} measured ({listed(list(disturbances))}): {commonest.text}.",
            sentence(commonest.next_step),
            names(list(disturbances)),
        )
    ]


def other_warnings(task: TaskView) -> list[Finding]:
    """What the measurements warned of beside `disturbed` and `validity.unstable_timing`, alike ones together."""
    alike: dict[str, dict[DeploymentView, TimingWarning]] = {}
    for deployment in task.measured:
        for warning in deployment.warnings:
            if not (warning.is_disturbance or (warning.is_unsteadiness and deployment.unstable)):
                alike.setdefault(warning.kind, {}).setdefault(deployment, warning)
    if not alike:
        return []
    groups = sorted(alike.values(), key=len, reverse=True)
    firsts = [next(iter(members.values())) for members in groups]
    said = [
        f"{first.text} ({listed(list(members))}{_of_the_first(members)})"
        for members, first in zip(groups, firsts, strict=True)
    ]
    return [
        Finding(
            "warning",
            "other-warnings",
            f"The measurements also warn: {'; '.join(said)}.",
            sentence("; ".join(dict.fromkeys(first.next_step for first in firsts))),
            names(list(dict.fromkeys(d for members in groups for d in members))),
        )
    ]


def _of_the_first(members: Mapping[DeploymentView, TimingWarning]) -> str:
    return "; figures of the first" if len(set(members.values())) > 1 else ""


def _span(shares: list[float]) -> str:
    low, high = percent(min(shares), 0), percent(max(shares), 0)
    return low if low == high else f"{low} to {high}"
