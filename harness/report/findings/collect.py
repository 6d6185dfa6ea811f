"""All findings on a task, the most important first."""

from __future__ import annotations

from collections.abc import Callable

from harness.report.blocks import Finding
from harness.report.findings import (
    claims,
    entities,
    evidence,
    limits,
    missing_floors,
    retrieval,
    robustness,
    shared_errors,
    similarity,
    trade,
    validity,
)
from harness.report.view import TaskView

RULES: tuple[Callable[[TaskView], list[Finding]], ...] = (
    validity.failures,
    validity.nothing_to_learn,
    entities.finds_few,
    validity.unlike_replicates,
    claims.other_than_claimed,
    trade.best_trade,
    trade.fastest,
    trade.not_ranked,
    trade.quantized_against_distilled,
    shared_errors.shared_with_the_reference,
    shared_errors.nearest,
    shared_errors.wrong_alone,
    shared_errors.changed_without_labels,
    retrieval.may_the_index_stay,
    retrieval.other_documents,
    retrieval.may_be_stored,
    retrieval.other_order,
    entities.other_entities,
    entities.other_labels,
    similarity.same_score_other_model,
    similarity.alike_on_unanswerable_only,
    similarity.errors_near_chance,
    similarity.neighbours_differ,
    similarity.attack_differs,
    robustness.sturdy_or_hidden,
    similarity.newly_wrong,
    similarity.within_the_floor,
    similarity.cannot_tell,
    trade.no_speed_up,
    validity.exports,
    validity.left_in_float,
    validity.emulated,
    limits.what_limits,
    validity.parity,
    validity.moved_by_padding,
    validity.unstable_timing,
    limits.disturbed,
    limits.other_warnings,
    validity.nodes_left_to_the_cpu,
    evidence.answers_that_vary,
    evidence.weak_detector,
    evidence.tight_budget,
    evidence.few_errors,
    evidence.too_few_examples,
    missing_floors.missing_floors,
)

ORDER = {"failure": 0, "result": 1, "warning": 2, "advice": 3}


def findings_on(task: TaskView) -> tuple[Finding, ...]:
    findings = [finding for rule in RULES for finding in rule(task)]
    return tuple(sorted(findings, key=lambda finding: ORDER[finding.kind]))
