"""Findings on likeness: who is a scale model of the reference, and who only scores like it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from benchmarks.statistics.equivalence import Verdict
from harness.report.blocks import Finding
from harness.report.findings import thresholds
from harness.report.findings.phrases import listed, names, plural, verb
from harness.report.floors import (
    DISAGREEMENT,
    LATENT_CORRELATION,
    NEWLY_WRONG,
    Kind,
    conclusion,
    error_metric,
    floor,
    neighbours_metric,
)
from harness.report.numbers import count, fixed, percent, percent_with_interval, signed, with_interval
from harness.report.view import DeploymentView, TaskView


def same_score_other_model(task: TaskView) -> list[Finding]:
    """About the same score as the reference, and yet many predictions changed, beyond the noise floor."""
    reference = task.reference_deployment
    if reference is None or reference.score is None:
        return []
    changes = []
    for deployment in task.candidates:
        changed = DISAGREEMENT.of(task, deployment)
        if deployment.score is None or changed.value is None:
            continue
        if (
            _scores_alike(task, deployment, reference)
            and changed.value >= thresholds.MANY_CHANGED
            and conclusion(task, DISAGREEMENT, deployment) in (None, "different")
            and (changed.low or 0.0) > 0
        ):
            changes.append((changed.value, deployment))
    if not changes:
        return []
    _, worst = max(changes, key=lambda item: item[0])
    pair = DISAGREEMENT.pair(task, worst)
    assert pair is not None  # else nothing changed
    others = [deployment for _, deployment in changes if deployment is not worst]
    also = f" So {verb(others, 'does', 'do')} {listed(others)}." if others else ""
    return [
        Finding(
            "result",
            "same-score-other-model",
            f"{worst.label} scores like the reference "
            f"({signed(100 * ((worst.score or 0.0) - reference.score))} points) but is not the same model: "
            f"{percent_with_interval(DISAGREEMENT.of(task, worst))} of the predictions changed, "
            f"{count(pair.newly_wrong)} newly wrong and "
            f"{count(pair.newly_right)} newly right.{also}",
            "Do not choose by the score alone.",
            names([worst, *others]),
        )
    ]


def newly_wrong(task: TaskView) -> list[Finding]:
    """Deployments that get more examples wrong which the reference has right than noise does."""
    counts = []
    for deployment in task.candidates:
        pair = NEWLY_WRONG.pair(task, deployment)
        if pair is None or pair.newly_wrong is None:
            continue
        if conclusion(task, NEWLY_WRONG, deployment) == "different":
            counts.append((pair.newly_wrong, pair.newly_right, deployment))
    if not counts:
        return []
    wrong, right, worst = max(counts, key=lambda item: item[0])
    members = [deployment for _, _, deployment in counts]
    return [
        Finding(
            "result",
            "newly-wrong",
            f"{listed(members)} {verb(members, 'gets', 'get')} more examples wrong that the reference has right than "
            f"noise does; most: {worst.label} with {count(wrong)} newly wrong, against {count(right)} newly right.",
            "Their ids are in `scalemodel report --format json`, characteristics.affected.changed.",
            names(members),
        )
    ]


def _scores_alike(task: TaskView, deployment: DeploymentView, reference: DeploymentView) -> bool:
    """Shown to score alike, or at least not further apart than that in these examples."""
    scores = task.overall.scores if task.overall else {}
    near = abs((deployment.score or 0.0) - (reference.score or 0.0)) < thresholds.SAME_SCORE
    return near and not (deployment.name in scores and scores[deployment.name].conclusion == "different")


def within_the_floor(task: TaskView) -> list[Finding]:
    """Deployments whose changed predictions are shown to be no more than the noise floor and a margin."""
    deployments_by_kind: dict[Kind, list[DeploymentView]] = defaultdict(list)
    margins: dict[Kind, float] = {}
    for deployment in task.candidates:
        verdict = DISAGREEMENT.verdict(task, deployment)
        if verdict is not None and verdict.conclusion == "same":
            deployments_by_kind[verdict.floor_kind].append(deployment)
            margins[verdict.floor_kind] = verdict.margin
    origin = {
        "execution": "the reference run a second time",
        "seed": "another training of the reference",
    }
    return [
        Finding(
            "result",
            "within-floor",
            f"{listed(members)} {verb(members, 'changes', 'change')} no more predictions than noise does, within "
            f"{_points(margins[kind])}: {origin[kind]} changes "
            f"{percent_with_interval(floor(task, DISAGREEMENT, kind))}.",
            deployments=names(members),
        )
        for kind, members in deployments_by_kind.items()
    ]


def _points(share: float) -> str:
    written = f"{100 * share:g}"
    return f"{written} point" if written == "1" else f"{written} points"


def cannot_tell(task: TaskView) -> list[Finding]:
    """Deployments that the examples tell neither from noise nor from a change that matters."""
    open_verdicts = [
        (v, d) for d in task.candidates if (v := DISAGREEMENT.verdict(task, d)) and v.conclusion == "cannot tell"
    ]
    if not open_verdicts:
        return []
    findings = []
    for kind in ("execution", "seed"):
        members = [deployment for verdict, deployment in open_verdicts if verdict.floor_kind == kind]
        verdicts = [verdict for verdict, _ in open_verdicts if verdict.floor_kind == kind]
        if not members:
            continue
        trainings = verdicts[0].trainings
        what = f"{count(task.examples)} examples" if kind == "execution" else f"{trainings} trainings of the reference"
        findings.append(
            Finding(
                "advice",
                "cannot-tell" if kind == "execution" else "cannot-tell-trainings",
                f"{what} cannot tell whether {listed(members)} "
                f"{verb(members, 'changes', 'change')} more predictions than noise does.",
                _what_would_tell(verdicts),
                names(members),
            )
        )
    return findings


def _what_would_tell(verdicts: Sequence[Verdict]) -> str:
    """Of examples or of trainings, as many as the most demanding needs; "" where none would."""
    examples = [verdict.examples_needed for verdict in verdicts if verdict.examples_needed is not None]
    trainings = [verdict.trainings_needed for verdict in verdicts if verdict.trainings_needed is not None]
    if trainings:
        return f"{max(trainings)} trainings of its recipe, with other seeds, would tell more; examples do not."
    return f"About {count(max(examples))} examples would tell (with a chance of 80 %)." if examples else ""


def errors_near_chance(task: TaskView) -> list[Finding]:
    """Errors that overlap with the reference's no more than those of two unrelated models."""
    correlations = []
    made = task.reference_errors
    if made is not None and made < thresholds.FEW_ERRORS:
        return []
    for deployment in task.candidates:
        correlation = LATENT_CORRELATION.of(task, deployment).value
        if correlation is not None and correlation <= thresholds.NEAR_CHANCE:
            correlations.append((correlation, deployment))
    if not correlations:
        return []
    correlations.sort(key=lambda item: item[0])
    _, lowest = correlations[0]
    members = [deployment for _, deployment in correlations]
    return [
        Finding(
            "result",
            "errors-near-chance",
            f"{listed(members)} {verb(members, 'errs', 'err')} on other examples than the reference: whether "
            f"one errs tells little of the other (latent correlation "
            f"{with_interval(LATENT_CORRELATION.of(task, lowest))}, {lowest.label}).",
            "Do not read the overlap for it: that grows with the number of errors.",
            names(members),
        )
    ]


def alike_on_unanswerable_only(task: TaskView) -> list[Finding]:
    """Models that look like the reference only because both say "no answer"."""
    silent, alike = [], []
    for deployment in task.measured:
        if deployment.random or deployment.quality is None:
            continue
        right, answered = deployment.quality.exact_unanswerable, deployment.quality.exact_answerable
        if (
            right is not None
            and answered is not None
            and right >= thresholds.NO_ANSWER_RIGHT
            and answered <= thresholds.NO_ANSWER_WRONG
        ):
            silent.append((deployment, right, answered))
            continue
        answerable = error_metric(lambda pair: pair.tetrachoric, stratum="answerable").of(task, deployment)
        overall = LATENT_CORRELATION.of(task, deployment)
        if answerable.value is None or overall.value is None or deployment.name == task.reference:
            continue
        if answerable.value <= thresholds.NEAR_CHANCE and overall.value >= thresholds.ALIKE:
            alike.append(deployment)
    findings = []
    if silent:
        (first, right, answered), members = silent[0], [deployment for deployment, _, _ in silent]
        findings.append(
            Finding(
                "warning",
                "says-no-answer",
                f'{listed(members)} {verb(members, "says", "say")} "no answer" to nearly everything: '
                f"{percent(answered)} % of the answerable and {percent(right)} % of the unanswerable questions "
                f"are right ({first.label}).",
                "Compare on the answerable questions only; the total score hides this.",
                names(members),
            )
        )
    if alike:
        findings.append(
            Finding(
                "warning",
                "alike-on-unanswerable-only",
                f"{listed(alike)} {verb(alike, 'looks', 'look')} like the reference over all questions, but "
                "not on the answerable ones, where the errors correlate no more than by chance.",
                "Compare on the answerable questions only.",
                names(alike),
            )
        )
    return findings


def neighbours_differ(task: TaskView) -> list[Finding]:
    """Deployments in which most points have other neighbours than in the reference."""
    k, reference = task.neighbours_shown, task.reference_deployment
    if k is None or reference is None:
        return []
    metric = neighbours_metric(k)
    known = [d for d in task.candidates if metric.of(task, d).value is not None]
    if not known:
        return []
    lowest = min(known, key=lambda d: metric.of(task, d).value or 0.0)
    kept = metric.of(task, lowest)
    if conclusion(task, metric, lowest) == "same" or (kept.value or 0) > thresholds.FEW_NEIGHBOURS:
        return []
    representation = task.characteristics.data_representation
    chance = representation.chance_jaccard[k] if representation else None
    at_chance = f", chance {fixed(chance, 2 if chance >= 0.01 else 3)}" if chance is not None else ""
    few = [d for d in known if (metric.of(task, d).value or 0) <= thresholds.FEW_NEIGHBOURS]
    return [
        Finding(
            "result",
            "neighbours-differ",
            f"{len(few)} of {plural(len(known), 'deployment')} {verb(few, 'sees', 'see')} other neighbours "
            f"than the reference: the {k} nearest overlap (Jaccard) by {thresholds.FEW_NEIGHBOURS:g} or "
            f"less; least: {lowest.label} with {with_interval(kept)}{at_chance}.",
            "Where representations are used (retrieval, clustering, caching), index them anew per deployment.",
            names(few),
        )
    ]


def attack_differs(task: TaskView) -> list[Finding]:
    """Deployments on which the attack succeeds more, or less, often than on the reference."""
    attack = task.characteristics.adversarial_attack
    if attack is None or task.reference not in attack.deployments:
        return []
    base = attack.deployments[task.reference].success_rate
    if base.value is None:
        return []
    findings = []
    for more in (True, False):
        changes = []
        for deployment in task.candidates:
            judged = attack.success_changes.get(deployment.name)
            pair = task.attack_pairs.between(task.reference, deployment.name)
            if judged is None or pair is None or judged.conclusion != "different":
                continue
            rate = attack.deployments[deployment.name].success_rate
            change = pair.changes.success_rate.value  # on the texts that both had right
            if rate.value is None or change is None or (change > 0) != more:
                continue
            changes.append((abs(change), deployment, rate))
        if not changes:
            continue
        changes.sort(key=lambda item: -item[0])
        _, most, rate = changes[0]
        members = [deployment for _, deployment, _ in changes]
        findings.append(
            Finding(
                "result",
                "more-vulnerable" if more else "less-vulnerable",
                f"Attack success is {'higher' if more else 'lower'} on {listed(members)} than on the reference: "
                f"{percent_with_interval(rate)} of the attacks succeed on {most.label}, "
                f"{percent_with_interval(base)} on the reference.",
                "Test the deployment that you ship: its robustness does not follow from the reference's."
                if more
                else "",
                names(members),
            )
        )
    return findings
