"""Deployments told apart by how many predictions they change, paired over the examples."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.statistics.bootstrap import Estimate
from benchmarks.statistics.equivalence import LEVEL
from benchmarks.statistics.selection import interval_of_the_chosen, may_be_best
from harness.report.floors import DISAGREEMENT
from harness.report.view import DeploymentView, TaskView


def changes_differ(task: TaskView, one: DeploymentView, other: DeploymentView) -> bool:
    """Whether one is shown to change more predictions than the other."""
    return min(p_changes_more(task, one, other), p_changes_more(task, other, one)) < LEVEL / 2


def p_changes_more(task: TaskView, one: DeploymentView, other: DeploymentView) -> float:
    """One-sided p of ``one`` changing no more predictions than ``other``; 1 where they were not compared."""
    pair = task.error_pairs["all"].between(other.name, one.name) if "all" in task.error_pairs else None
    if pair is None or pair.further is None or pair.further.value is None or pair.further_p is None:
        return 1.0
    return pair.further_p / 2 if pair.further.value > 0 else 1 - pair.further_p / 2


def may_change_fewest(task: TaskView, among: Sequence[DeploymentView]) -> list[DeploymentView]:
    """Those that cannot be told from the one that changes the fewest predictions, corrected for their number."""
    return may_be_best(among, lambda one, other: p_changes_more(task, one, other))


def changed_of_the_chosen(task: TaskView, chosen: DeploymentView, among: Sequence[DeploymentView]) -> Estimate:
    """The share of predictions that it changes, with an interval that allows for its having been chosen by it."""
    changed, overall = DISAGREEMENT.of(task, chosen), task.overall
    if overall is None or overall.design_effect <= 0 or len(among) < 2:
        return changed
    return interval_of_the_chosen(changed, overall.n / overall.design_effect, len(among))
