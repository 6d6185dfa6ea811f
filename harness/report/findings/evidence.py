"""Findings on whether there is enough evidence to tell deployments apart, and what would add to it."""

from __future__ import annotations

from math import ceil

from benchmarks.characteristics.data_distribution import Detector
from benchmarks.statistics.bootstrap import UNDEFINED
from harness.report.blocks import Finding
from harness.report.findings import thresholds
from harness.report.findings.phrases import listed, names, plural, verb
from harness.report.floors import DISAGREEMENT, ERROR_OVERLAP, floor
from harness.report.numbers import count, fixed, percent_with_interval, with_interval
from harness.report.view import DeploymentView, TaskView


def too_few_examples(task: TaskView) -> list[Finding]:
    """Intervals that are too wide to tell deployments apart; their width shrinks as 1/sqrt(n)."""
    examples = task.examples
    if examples == 0:
        return [
            Finding(
                "warning",
                "no-examples",
                "There are no evaluation examples that all deployments answered: nothing can be compared.",
                "Check the evaluation data and the failures.",
            )
        ]
    known = [(d, ERROR_OVERLAP.of(task, d)) for d in task.candidates]
    widths = sorted((e.width, d.number, d) for d, e in known if e.width is not None)
    if not widths or not examples:
        return []
    median = widths[len(widths) // 2][0]
    if median <= thresholds.WIDE_INTERVAL:
        return []
    needed = ceil((median / thresholds.WIDE_INTERVAL) ** 2 * examples / 100) * 100
    wide = [d for width, _, d in widths if width > thresholds.WIDE_INTERVAL]
    return [
        Finding(
            "advice",
            "more-examples",
            f"The 95 % intervals of error overlap are wide ({fixed(median, 2)} in the middle, over "
            f"{plural(len(wide), 'deployment')}): {count(examples)} examples tell too little.",
            f"About {count(needed)} examples would bring them to {thresholds.WIDE_INTERVAL:g}.",
            names(wide),
        )
    ]


def few_errors(task: TaskView) -> list[Finding]:
    made, examples = task.reference_errors, task.examples
    if made is None or not examples or made >= thresholds.FEW_ERRORS:
        return []
    return [
        Finding(
            "advice",
            "few-errors",
            f"The reference makes only {plural(made, 'error')} on {count(examples)} examples: overlaps "
            "of errors rest on single examples.",
            "Evaluate on more, or harder, examples; read the changed predictions instead.",
            (task.reference,),
        )
    ]


def weak_detector(task: TaskView) -> list[Finding]:
    """Out-of-distribution detection that is no better than guessing, or than looking at the length."""
    distribution = task.characteristics.data_distribution
    if distribution is None:
        return []
    areas = {name: detector.auroc.value for name, detector in distribution.detectors.items()}

    def is_weak(deployment: DeploymentView) -> bool:
        area = areas.get(deployment.name)
        return not deployment.random and area is not None and area < thresholds.WEAK_DETECTOR

    weak = [deployment for deployment in task.measured if is_weak(deployment)]
    findings = []
    if weak:
        findings.append(
            Finding(
                "warning",
                "weak-detector",
                f"{listed(weak)} hardly {verb(weak, 'tells', 'tell')} evaluation from out-of-distribution data (AUROC "
                f"below {thresholds.WEAK_DETECTOR:g}): agreement of what is flagged means little there.",
                deployments=names(weak),
            )
        )
    reference = areas.get(task.reference)
    # A detector that takes the shorter text for out-of-distribution is as good a one.
    length = max(distribution.length_only_auroc, 1 - distribution.length_only_auroc)
    if reference is not None and length >= reference:
        findings.append(
            Finding(
                "warning",
                "length-confound",
                f"Length alone tells evaluation from out-of-distribution data at least as well (AUROC "
                f"{fixed(length, 2)}) as the reference's representation does ({fixed(reference, 2)}).",
                _matched(distribution.detectors[task.reference]),
                (task.reference,),
            )
        )
    return findings


def tight_budget(task: TaskView) -> list[Finding]:
    """Attacks that ran out of queries or seconds: their texts count as withstanding, as those of a whole search."""
    shares = {d: task.attacked[d.name].out_of_budget for d in task.measured if d.name in task.attacked}
    stopped = [d for d, share in shares.items() if share.value]
    if not stopped:
        return []
    worst = max(stopped, key=lambda d: shares[d].value or 0)
    return [
        Finding(
            "warning",
            "tight-budget",
            f"The attack ran out of its budget on {listed(stopped)}"
            f"{', most often on ' + worst.label if len(stopped) > 1 else ''}: "
            f"on {percent_with_interval(shares[worst])} of the texts that it had right. They count as "
            "withstanding: a tight budget looks like robustness.",
            "Raise max_queries or max_seconds, or read the success as at least this much.",
            names(stopped),
        )
    ]


def _matched(reference: Detector) -> str:
    figure = reference.length_matched_auroc or UNDEFINED
    if figure.value is None:
        return "Take out-of-distribution data of like length."
    return f"On texts of matched length the reference reaches {with_interval(figure)}: read that instead."


def answers_that_vary(task: TaskView) -> list[Finding]:
    """Deployments beside the reference whose answers depend on what shares their batch."""
    noise = {d: floor(task, DISAGREEMENT, "execution", d.name) for d in task.candidates}
    noisy = [d for d, own in noise.items() if (own.value or 0.0) > thresholds.SAME_SCORE]
    if not noisy:
        return []
    worst = max(noisy, key=lambda d: noise[d].value or 0.0)
    which = "it" if len(noisy) == 1 else worst.label
    return [
        Finding(
            "warning",
            "answers-vary",
            f"{listed(noisy)} {verb(noisy, 'does', 'do')} not repeat {verb(noisy, 'itself', 'themselves')}: run again "
            f"with other batches, {which} changes {percent_with_interval(noise[worst])} of its own predictions. "
            "That is not taken off its distance from the reference.",
            "Serve it at the batching that you evaluate, or take a format that repeats, such as onnx-int8-static.",
            names(noisy),
        )
    ]
