"""Standings: one verdict a deployment, with what it rests on, in the order that a reader chooses by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from benchmarks.statistics.equivalence import Conclusion
from harness.report.floors import DETECTED_OVERLAP, DISAGREEMENT, ERROR_OVERLAP, conclusion, neighbours_metric
from harness.report.view import DeploymentView, TaskView

Word = Literal["same", "different", "cannot tell", "failed", "not judged"]
"""Of the predictions changed. not judged: no floor was measured, the weights are random, or nothing was compared."""

Sort = Literal["verdict", "speed", "size", "changed", "name"]

CHARACTERISTICS = ("errors", "representation", "distribution", "attack")

_ORDER: dict[Word, int] = {"same": 0, "cannot tell": 1, "not judged": 2, "different": 3, "failed": 4}


@dataclass(frozen=True)
class Standing:
    """A deployment against the reference."""

    deployment: DeploymentView
    verdict: Word
    score: Conclusion | None
    """Of the score; None: it was not judged."""
    characteristics: tuple[Conclusion | None, ...]
    """In the order of `CHARACTERISTICS`: overlap of errors, neighbours, points detected as out-of-distribution, attack
    success. None: not measured, or no floor to hold it against."""

    @property
    def shippable(self) -> bool:
        """Whether both its predictions and its score are the reference's, and it ran."""
        return self.verdict == "same" and self.score == "same" and self.deployment.ok

    @property
    def differing(self) -> tuple[str, ...]:
        """The characteristics that are different."""
        pairs = zip(CHARACTERISTICS, self.characteristics, strict=True)
        return tuple(name for name, concluded in pairs if concluded == "different")


def standings(task: TaskView, sort: Sort = "verdict") -> list[Standing]:
    """All deployments but the reference and its replicates."""
    all_standings = [
        standing_of(task, d)
        for d in task.deployments
        if d.name != task.reference and d.replicate_kind is None and d.replicate_of is None
    ]
    return sorted(all_standings, key=lambda one: (*_KEYS[sort](task, one), one.deployment.number))


def standing_of(task: TaskView, d: DeploymentView) -> Standing:
    k, scores = task.neighbours_shown, task.overall.scores if task.overall else {}
    attack = task.characteristics.adversarial_attack
    attacked = attack.success_changes.get(d.name) if attack else None
    return Standing(
        d,
        _word(task, d),
        scores[d.name].conclusion if d.name in scores and not d.random else None,
        (
            conclusion(task, ERROR_OVERLAP, d),
            conclusion(task, neighbours_metric(k), d) if k else None,
            conclusion(task, DETECTED_OVERLAP, d),
            attacked.conclusion if attacked else None,
        ),
    )


def _word(task: TaskView, d: DeploymentView) -> Word:
    if not d.has_results:
        return "failed"
    if d.random:
        return "not judged"
    return conclusion(task, DISAGREEMENT, d) or "not judged"


def _by_verdict(task: TaskView, one: Standing) -> tuple[float, ...]:
    return (_ORDER[one.verdict], *_by_speed(task, one))


def _by_speed(task: TaskView, one: Standing) -> tuple[float, ...]:
    return (-(task.speed_up(one.deployment) or 0.0),)


def _by_size(task: TaskView, one: Standing) -> tuple[float, ...]:
    return (one.deployment.bytes or float("inf"),)


def _by_change(task: TaskView, one: Standing) -> tuple[float, ...]:
    changed = DISAGREEMENT.of(task, one.deployment).value
    return (float("inf") if changed is None else changed,)


_KEYS: dict[Sort, Callable[[TaskView, Standing], tuple[float | str, ...]]] = {
    "verdict": _by_verdict,
    "speed": _by_speed,
    "size": _by_size,
    "changed": _by_change,
    "name": lambda task, one: (one.deployment.short,),
}
