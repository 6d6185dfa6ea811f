"""The recommendation of a task: which deployment can take the reference's place, at what price, or what is missing.

Only a deployment that is *same* in its predictions and in its score is recommended. Speed ranks where it can: see
`TaskView.ranks`.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.report.findings.phrases import joined, plural, score_and_change, several
from harness.report.findings.retrieval import may_the_index_stay
from harness.report.floors import DISAGREEMENT
from harness.report.numbers import count, fixed, percent, percent_with_interval, ratio, signed
from harness.report.summary.standings import Standing, standings
from harness.report.view import DeploymentView, TaskView


def recommendation(task: TaskView) -> list[str]:
    """Sentences, the most important first."""
    all_standings = standings(task)
    if not all_standings:
        return ["There is nothing beside the reference."]
    reference = task.reference_deployment
    if reference is None or not reference.has_results:
        return ["The reference failed, so nothing can be held against it."]
    if all(one.deployment.random for one in all_standings if one.verdict != "failed"):
        return [_fastest_alone(task, all_standings)]
    shippable = [one for one in all_standings if one.shippable]
    sentences = _ship(task, shippable, _held_back(all_standings)) if shippable else _nothing(task, all_standings)
    return sentences + [finding.text for finding in may_the_index_stay(task)]


def named(task: TaskView, all_standings: Sequence[Standing]) -> set[str]:
    """Names of the deployments that the recommendation is about."""
    shippable = [one for one in all_standings if one.shippable]
    if shippable:
        return set(_best(task, shippable))
    nearest = _nearest(task, all_standings)
    return set() if nearest is None else {nearest.deployment.name}


def _best(task: TaskView, shippable: Sequence[Standing]) -> dict[str, list[str]]:
    """What each is the best in, by name."""
    titles: dict[str, list[str]] = {}
    speeds = {one.deployment.name: speed for one in shippable if (speed := task.ranked_speed_up(one.deployment))}
    if faster := {name: speed for name, speed in speeds.items() if speed.low > 1}:
        fastest = max(faster, key=lambda name: faster[name].value)
        tied = sum(name != fastest and not faster[fastest].above(speed) for name, speed in speeds.items())
        as_fast = f" ({plural(tied, 'other')} may be as fast)" if tied else ""
        titles.setdefault(fastest, []).append(f"the fastest{as_fast}")
    if sized := [one for one in shippable if one.deployment.bytes is not None]:
        smallest = min(sized, key=lambda one: one.deployment.bytes or 0)
        titles.setdefault(smallest.deployment.name, []).append("the smallest")
    faithful = min(shippable, key=lambda one: (_changed(task, one), one.deployment.bytes or float("inf")))
    titles.setdefault(faithful.deployment.name, []).append("the most faithful")
    return titles


def _ship(task: TaskView, shippable: Sequence[Standing], held_back: Sequence[Standing]) -> list[str]:
    """A sentence for each that is best in something among those that are the same, and one on those held back."""
    by_name = {one.deployment.name: one for one in shippable}
    among = _among(shippable) + (" in predictions and score" if held_back else "")
    sentences = [
        f"{'Or' if i else 'Ship'} {_price(task, by_name[name])}; {joined(best)}{' of them' if i else among}."
        for i, (name, best) in enumerate(_best(task, shippable).items())
    ]
    speeds = [speed for one in shippable if (speed := task.ranked_speed_up(one.deployment))]
    if speeds and not any(speed.low > 1 for speed in speeds):
        sentences.append("None that is the same as the reference is shown to be faster than it.")
    return [*sentences, _not_in_score(task, held_back)] if held_back else sentences


def _held_back(all_standings: Sequence[Standing]) -> list[Standing]:
    """Those that are the same in their predictions, but not in their score."""
    return [one for one in all_standings if one.verdict == "same" and one.deployment.ok and not one.shippable]


def _not_in_score(task: TaskView, held_back: Sequence[Standing]) -> str:
    """Why those that the table calls the same are not recommended."""
    clauses = []
    reasons = {"different": "is different", "cannot tell": "cannot be told from another", None: "was not judged"}
    for conclusion, says in reasons.items():
        members = [one.deployment for one in held_back if one.score == conclusion]
        if members:
            clauses.append(f"that of {joined([f'{d.short} ({signed(task.score_change(d))})' for d in members])} {says}")
    scores = task.overall.scores if task.overall else {}
    needed = [scores[one.deployment.name].examples_needed or 0 for one in held_back if one.deployment.name in scores]
    more = f"; about {count(max(needed))} {several(task.unit)} would tell" if any(needed) else ""
    are = "is" if len(held_back) == 1 else "are"
    return f"{len(held_back)} more {are} the same in predictions, not in score: {', '.join(clauses)}{more}."


def _among(shippable: Sequence[Standing]) -> str:
    return " that is the same" if len(shippable) == 1 else f" of the {len(shippable)} that are the same"


def _nothing(task: TaskView, all_standings: Sequence[Standing]) -> list[str]:
    """Where nothing can be recommended: how near the nearest is, and what would tell."""
    nearest = _nearest(task, all_standings)
    if nearest is None:
        if task.external:
            return ["Which predictions changed is not known, so that nothing is recommended."]
        return ["No deployment was compared with the reference."]
    if nearest.verdict == "different":
        every = all(one.verdict in ("different", "failed") for one in all_standings)
        why = "every one is different" if every else "nothing is shown to be the same"
        return [f"Ship none as the reference's equal: {why}. The least changed is {_price(task, nearest)}."]
    if nearest.verdict == "not judged":
        way = "name a replicate (replicate_of), or ask for the execution floor"
        if task.external:
            way = "name further outputs of the reference with --seed-floor or --execution-floor"
        return [f"Nothing can be called the same without a floor: {way}. The least changed is {_price(task, nearest)}."]
    if nearest.verdict == "same" and not task.labelled:
        return [
            f"The same in its predictions: {_price(task, nearest)}. Without labels its score is unknown; it is at most "
            "that share from the reference's."
        ]
    if nearest.verdict == "same":
        what = "has another score" if nearest.score == "different" else "has a score that cannot be told from another"
        return [f"Ship none yet: the nearest {what}, {_price(task, nearest)}.{_more(task, nearest)}"]
    return [
        f"Ship none yet: nothing is shown to be the same. Nearest is {_price(task, nearest)}.{_more(task, nearest)}"
    ]


def _nearest(task: TaskView, all_standings: Sequence[Standing]) -> Standing | None:
    """The least changed, of those that are the same if there are any; None: none was compared.

    Not of those that cannot be told: what changes little is told apart from a floor of 0 sooner than what changes much
    from one of other trainings.
    """
    compared = [one for one in all_standings if one.verdict != "failed" and _changed(task, one) < float("inf")]
    return min(compared, key=lambda one: (one.verdict != "same", _changed(task, one)), default=None)


def _more(task: TaskView, one: Standing) -> str:
    """How much more would tell."""
    name = one.deployment.name
    verdict = DISAGREEMENT.verdict(task, one.deployment)
    score = task.overall.scores.get(name) if task.overall else None
    if verdict and verdict.trainings_needed:
        return (
            f" {verdict.trainings_needed} trainings of the reference would tell (there are {verdict.trainings}); "
            "examples do not."
        )
    judged = {"the predictions": verdict, "the score": score}
    undecided = [what for what, its in judged.items() if its and its.conclusion == "cannot tell"]
    needed = {what: its.examples_needed for what, its in judged.items() if its and its.examples_needed}
    if not needed:
        return ""
    of = f" of {joined(list(needed))}" if len(undecided) > 1 else ""
    return f" About {count(max(needed.values()))} {several(task.unit)} would tell{of}."


def _price(task: TaskView, one: Standing) -> str:
    """A deployment with what it changes and what it brings: never the one without the other."""
    d = one.deployment
    brings = []
    if (speed := task.speed_up(d)) is not None:
        brings.append(f"{_speed(task, d, speed)} as fast")
    if (size := task.size_ratio(d)) is not None:
        brings.append(f"{ratio(size)} the size")
    phrase = f"{d.short} ({', '.join(brings)})" if brings else d.short
    phrase += f": changes {percent_with_interval(DISAGREEMENT.of(task, d))} of the predictions{_floor(task, d)}"
    different = f"{joined(one.differing)} different" if one.differing else ""
    return ", ".join(filter(None, (phrase, score_and_change(task, d), different)))


def _speed(task: TaskView, d: DeploymentView, speed: float) -> str:
    between = task.speed_up_interval(d)
    if between is None:
        return ("!" if task.doubtful_speed_up(d) else "") + ratio(speed)
    return f"{fixed(speed, 2)}x [95 %: {fixed(between[0], 2)}, {fixed(between[1], 2)}]"


def _floor(task: TaskView, d: DeploymentView) -> str:
    verdict = DISAGREEMENT.verdict(task, d)
    if verdict is None or not verdict.floor.value:
        return ""
    return f" (floor {percent(verdict.floor.value)} %)"


def _changed(task: TaskView, one: Standing) -> float:
    value = DISAGREEMENT.of(task, one.deployment).value
    return float("inf") if value is None else value


def not_ranked(tasks: Sequence[TaskView]) -> str:
    """Where speeds cannot be ranked: how many, and what to do."""
    timed = [(task, d) for task in tasks for d in task.candidates if task.speed_up(d) is not None]
    unsteady = [d for task, d in timed if task.doubtful_speed_up(d)]
    if not unsteady:
        return ""
    return (
        f"Speeds marked ! are not ranked ({len(unsteady)} of {len(timed)} unsteady): close other work, or raise "
        "paired_processes."
    )


def _fastest_alone(task: TaskView, all_standings: Sequence[Standing]) -> str:
    timed = [one.deployment for one in all_standings if task.ranked_speed_up(one.deployment)]
    if not timed:
        return "Random weights: only speed and memory count, and no speed can be ranked."
    fastest = max(timed, key=lambda d: task.speed_up(d) or 0.0)
    return (
        f"Random weights: only speed and memory count. The fastest is {fastest.short} "
        f"({_speed(task, fastest, task.speed_up(fastest) or 0.0)} as fast as the reference)."
    )
