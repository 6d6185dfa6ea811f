"""Findings on INT8 under attack: sturdier than its FP32, or only harder to search?

A search that is guided by coarse scores may fail where adversarial texts exist. Attacks that need no scores find them:
texts that were crafted elsewhere, and random swaps (Athalye et al., ICML 2018, and Carlini et al. 2019, "On Evaluating
Adversarial Robustness", take both as the signs that a defence only hides what guides the attack).
"""

from __future__ import annotations

from benchmarks.attack.pairs import AttackChanges
from benchmarks.statistics.bootstrap import UNDEFINED, Estimate
from harness.report.blocks import Finding
from harness.report.findings.phrases import listed, names, verb
from harness.report.numbers import interval, percent_with_interval, signed
from harness.report.view import DeploymentView, TaskView


def sturdy_or_hidden(task: TaskView) -> list[Finding]:
    """INT8 deployments against the FP32 of their model, by what the attack and its substitutes say together."""
    sorted_by: dict[str, list[tuple[DeploymentView, DeploymentView]]] = {}
    for deployment in task.candidates:
        unquantized = _unquantized(task, deployment)
        changes = _changes(task, unquantized, deployment) if unquantized else None
        if unquantized is not None and changes is not None and (rule := _rule(changes)):
            sorted_by.setdefault(rule, []).append((deployment, unquantized))
    return [_finding(task, rule, pairs) for rule, pairs in sorted_by.items()]


def _unquantized(task: TaskView, deployment: DeploymentView) -> DeploymentView | None:
    if deployment.precision != "int8" or deployment.name not in task.attacked:
        return None
    same = (d for d in task.measured if (d.model, d.backend) == (deployment.model, deployment.backend))
    return next((d for d in same if d.is_fp32 and d.name in task.attacked), None)


def _changes(task: TaskView, a: DeploymentView, b: DeploymentView) -> AttackChanges | None:
    pair = task.attack_pairs.between(a.name, b.name)
    return pair.changes if pair else None


def _rule(changes: AttackChanges) -> str | None:
    """None without figures of both the attack and its substitutes."""
    success, any_success = changes.success_rate, changes.any_success or UNDEFINED
    if success.high is None or success.low is None or any_success.high is None:
        return None
    if success.high >= 0:
        return "int8-no-sturdier"
    return "int8-sturdier" if any_success.high < 0 else "int8-harder-to-search"


PHRASES = {
    "int8-no-sturdier": (
        "is not shown to withstand more attacks than its FP32",
        "are not shown to withstand more attacks than their FP32",
    ),
    "int8-sturdier": ("withstands more attacks than its FP32", "withstand more attacks than their FP32"),
    "int8-harder-to-search": (
        "is harder to search than its FP32, not shown to be sturdier",
        "are harder to search than their FP32, not shown to be sturdier",
    ),
}
NEXT_STEPS = {"int8-harder-to-search": "Judge INT8 by the texts crafted on its FP32, not by its own attack."}


def _finding(task: TaskView, rule: str, pairs: list[tuple[DeploymentView, DeploymentView]]) -> Finding:
    members = [deployment for deployment, _ in pairs]
    deployment, unquantized = pairs[0]
    own, changes = task.attacked[deployment.name], _changes(task, unquantized, deployment)
    assert changes is not None  # else there was no rule
    parts = [f"the attack succeeds on {_share(own.success_rate)} of the texts ({_points(changes.success_rate)})"]
    if changes.random_success is not None and changes.random_success.value is not None:
        parts.append(
            f"random swaps of as many queries on {_share(own.random_success)} ({_points(changes.random_success)})"
        )
    row = task.transfers.get(unquantized.name)
    transferred = row.rates.get(deployment.name, UNDEFINED) if row else UNDEFINED
    if transferred.value is not None:
        parts.append(f"texts crafted on the FP32 fool it in {percent_with_interval(transferred)}")
    parts.append(f"all together on {_share(own.any_success)} ({_points(changes.any_success or UNDEFINED)})")
    first = f"{deployment.label}: " if len(members) > 1 else ""
    return Finding(
        "result",
        rule,
        f"{listed(members)} {verb(members, *PHRASES[rule])}: {first}{'; '.join(parts)}.",
        NEXT_STEPS.get(rule, ""),
        names(members),
    )


def _share(estimate: Estimate) -> str:
    return "an unknown share" if estimate.value is None else f"{100 * estimate.value:.1f} %"


def _points(change: Estimate) -> str:
    """The change against the FP32 on the same texts, with its interval."""
    written = f"{signed(None if change.value is None else 100 * change.value)} points"
    return f"{written}, {interval(change, scale=100, decimals=1)}" if change.width is not None else written
