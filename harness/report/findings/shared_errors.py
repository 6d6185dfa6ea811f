"""Findings on models that others ran: who shares whose errors, against what chance and the error rates allow."""

from __future__ import annotations

from benchmarks.statistics.bootstrap import Estimate
from harness.report.blocks import Finding
from harness.report.findings.phrases import names, plural
from harness.report.floors import DISAGREEMENT, ERROR_OVERLAP, LATENT_CORRELATION
from harness.report.numbers import count, fixed, percent, percent_with_interval, with_interval
from harness.report.view import DeploymentView, TaskView


def shared_with_the_reference(task: TaskView) -> list[Finding]:
    """Who errs most, and who least, where the reference does."""
    known = _known(task)
    if len(known) < 2:
        return []
    known.sort(key=lambda d: -(LATENT_CORRELATION.of(task, d).value or 0.0))
    most, least = known[0], known[-1]
    joint = LATENT_CORRELATION.of(task, most).overlaps(LATENT_CORRELATION.of(task, least))
    return [
        Finding(
            "result",
            "shared-errors",
            f"Most like the reference's are the errors of {_shared(task, most)}; least, those of "
            f"{_shared(task, least)}.{' Their intervals overlap.' if joint else ''}",
            "The latent correlation compares models of different error rates; the overlap does not.",
            names([most, least]),
        )
    ]


def _shared(task: TaskView, deployment: DeploymentView) -> str:
    pair = ERROR_OVERLAP.pair(task, deployment)
    assert pair is not None  # it has a correlation
    return (
        f"{deployment.label} (latent correlation {with_interval(pair.tetrachoric)}; overlap "
        f"{fixed(pair.jaccard.value, 2)}, by chance {fixed(pair.expected_jaccard, 2)}, at most "
        f"{fixed(pair.largest_jaccard, 2)} with these error rates)"
    )


def nearest(task: TaskView) -> list[Finding]:
    """Which two err most alike, and who is nearer to another than to the reference."""
    pairs = {d: _nearest(task, d) for d in _known(task)}
    neighbours = {d: other for d, other in pairs.items() if other is not None}
    if len(neighbours) < 2:
        return []
    one, (other, closest) = max(neighbours.items(), key=lambda item: item[1][1].value or 0.0)
    text = f"Nearest to each other in their errors are {one.label} and {other.label} ({with_interval(closest)})."
    nearer = [
        d
        for d, (other, between) in neighbours.items()
        if other.name != task.reference and not between.overlaps(LATENT_CORRELATION.of(task, d))
    ]
    if nearer:
        text += " More like another model than like the reference: "
        text += ", ".join(f"{d.label} (nearest to {neighbours[d][0].label})" for d in nearer[:4]) + "."
    return [Finding("result", "nearest-errors", text, deployments=names([one, other, *nearer]))]


def _nearest(task: TaskView, deployment: DeploymentView) -> tuple[DeploymentView, Estimate] | None:
    others = [d for d in task.measured if d is not deployment and d.replicate_of is None]
    known = [(d, LATENT_CORRELATION.between(task, d.name, deployment.name)) for d in others]
    known = [(d, estimate) for d, estimate in known if estimate.value is not None]
    return max(known, key=lambda item: item[1].value or 0.0, default=None)


def wrong_alone(task: TaskView) -> list[Finding]:
    """Who is wrong where nobody else is."""
    if len(_known(task)) < 2 or task.overall is None:
        return []
    errors = {d: task.overall.errors[d.name] for d in task.measured if d.replicate_of is None}
    errors = {d: own for d, own in errors.items() if own.alone}
    if not errors:
        return []
    ranked = sorted(errors, key=lambda d: -errors[d].alone)

    def lone_errors(d: DeploymentView) -> str:
        own = errors[d]
        return f"{d.label} {count(own.alone)} times ({percent(own.alone / own.count)} % of its errors)"

    first = errors[ranked[0]]
    return [
        Finding(
            "result",
            "wrong-alone",
            f"Wrong where no other model is: {', '.join(lone_errors(d) for d in ranked[:6])}. If the others erred "
            f"independently of it, {ranked[0].label} would be {count(first.expected_alone)} times.",
            "These errors are its own: no ensemble member, and no smaller model, shares them.",
            names(ranked),
        )
    ]


def changed_without_labels(task: TaskView) -> list[Finding]:
    """Who changes most and least where nobody knows what is right, and which labels would tell."""
    ranking = sorted(
        ((changed.value, d) for d in task.candidates if (changed := DISAGREEMENT.of(task, d)).value is not None),
        key=lambda item: (item[0], item[1].number),
    )
    if task.labelled or not ranking or not task.examples:
        return []
    least, most = ranking[0][1], ranking[-1][1]
    text = f"{least.label} changes {percent_with_interval(DISAGREEMENT.of(task, least))} of the predictions"
    if most is not least:
        text += f", the least; most are changed by {most.label}, {percent_with_interval(DISAGREEMENT.of(task, most))}"
    labels = round((ranking[0][0] or 0.0) * task.examples)
    return [
        Finding(
            "result",
            "changed-without-labels",
            f"{text}. Whether that is for better or worse nobody knows without labels.",
            f"Label what changed: whether the score of {least.label} moves hangs on {plural(labels, task.unit)}, all "
            "others are right or wrong in both."
            if labels
            else "",
            names([least, most]),
        )
    ]


def _known(task: TaskView) -> list[DeploymentView]:
    """The models beside the reference, where all come from files: a run's deployments are formats of few models."""
    if not task.external:
        return []
    return [d for d in task.candidates if LATENT_CORRELATION.of(task, d).value is not None]
