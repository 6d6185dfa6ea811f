"""A policy to start from: limits that the run it is written from keeps, with what it measured beside each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from math import ceil, floor, isfinite, log10

from benchmarks.statistics.equivalence import MARGIN, OVERLAP_MARGIN
from harness.config.figures import FIGURES, Figure, figure_named
from harness.config.policy import Policy, with_unit
from harness.errors import UserError
from harness.gate.judge import GatedRun, judge
from harness.gate.readings import READERS, Reading
from harness.gate.words import shown
from harness.report.findings.phrases import plural
from harness.report.findings.validity import nothing_to_learn
from harness.report.sections.recalls import most_lost
from harness.report.values import words
from harness.report.view import DeploymentView, TaskView

HEAD = """\
# Limits for the release of these models: `scalemodel check RUN --policy THIS_FILE`, or `gate: THIS_FILE` in a study.
# A limit holds where the whole 95 % interval is inside it, and fails where all of it is outside; docs/ci.md tells more.
# The run that this was written from keeps these limits: the customary ones where it does, else what it measured,
# rounded up. It is a start, not advice: tighten each to what you can accept, and take out the models you will not ship.
cannot_tell: fail # what comes of a limit that the data cannot decide: fail (exit status 5), warn or pass
"""
ACTIVE = ("changed", "newly-wrong", "score-change")
"""The figures that a starting policy limits; the others stand there as comments."""
CUSTOMARY = {
    "changed": f"floor + {100 * MARGIN:g} %",
    "newly-wrong": f"floor + {100 * MARGIN:g} %",
    "score": "reference - 2 %",
    "score-change": f"{-100 * MARGIN:g} %",
    "recall": "reference - 2 %",
    "error-overlap": f"floor - {OVERLAP_MARGIN:g}",
    "divergence": "0.02 bits",
    "neighbours": f"floor - {OVERLAP_MARGIN:g}",
    "ood-auroc": "reference - 0.05",
    "ood-overlap": f"floor - {OVERLAP_MARGIN:g}",
    "attack-success": "reference + 5 %",
    "speed-up": "1 x",
    "peak-memory": "100 % of reference",
    "file-size": "100 % of reference",
}
HEADROOM = 1.1
"""Of what the machine decides: the next run is not as fast to the digit."""
LARGEST = 1e9
"""A number beyond it is damaged, or no limit that anybody means."""


def starting_policy(tasks: Sequence[TaskView]) -> str:
    """YAML, commented.

    Raises:
        UserError: the run has nothing but the reference.
    """
    rules = [line for task in tasks for line in _of_task(task)]
    if not rules:
        raise UserError("the run has no deployment beside the reference that worked: there is nothing to limit")
    return "\n".join([HEAD.rstrip(), "rules:", *rules]) + "\n"


def _of_task(task: TaskView) -> Iterator[str]:
    reference = task.reference_deployment
    about = [d for d in task.deployments if d.replicate_kind is None and d.name != task.reference and d.ok]
    own = reference.model if reference else None
    models = sorted(dict.fromkeys(d.model for d in about), key=lambda model: model != own)
    for finding in nothing_to_learn(task):
        yield f"  # CAUTION, {words(task.name)}: {' '.join(filter(None, (finding.text, finding.next_step)))}"
    with_all = True  # the figures that are not limited stand at the first rule of a task alone
    for model in models:
        members = [d for d in about if d.model == model]
        group = _Group(task, model, members if model != own or reference is None else [reference, *members])
        limits = list(group.limits(with_all))
        if not limits:
            continue
        description = "the reference in other formats" if model == own else "another model than the reference"
        yield f"  # {words(task.name)}, {words(model)}: {description}"
        yield f"  - tasks: {words(task.name)}"
        yield f"    deployments: {json.dumps(group.pattern)}"
        yield "    limits:"
        yield from limits
        with_all = False


class _Group:
    """The deployments of a model."""

    def __init__(self, task: TaskView, model: str, members: list[DeploymentView]) -> None:
        self.task, self.members = task, members
        first = members[0].name
        self.pattern = f"{model}/*" if first.startswith(f"{model}/") else first

    def limits(self, with_all: bool) -> Iterator[str]:
        """Lines of YAML: the active limits, and the others as comments where they are asked for."""
        readings_by_place = {
            (name, part): readings
            for name, figure in FIGURES.items()
            for part in (most_lost(self.task) if figure.of else ("",))
            if figure_named(_key((name, part))) == (figure, part) and (readings := self._readings(figure, part))
        }
        active = [place for place in readings_by_place if place[0] in ACTIVE]
        if not active:  # random weights have a speed and a size alone
            active = [place for place in readings_by_place if place[0] in ("speed-up", "file-size")]
        for place, readings in readings_by_place.items():
            limit = self._limit(place, readings) if with_all or place in active else None
            if limit is not None:
                figure = FIGURES[place[0]]
                meaning = f"{figure.meaning}; " if with_all else ""
                mark = "" if place in active else "# "
                yield f"      {mark}{_quoted(_key(place))}: {limit} # {meaning}{_measured(figure, readings)}"

    def _readings(self, figure: Figure, part: str) -> list[Reading]:
        about = [d for d in self.members if not figure.of_pair or d.name != self.task.reference]
        return [one for d in about if (one := READERS[figure.name](self.task, d, part)) is not None]

    def _limit(self, place: tuple[str, str], readings: list[Reading]) -> str | None:
        """The first that this run keeps; where it cannot tell of any, the last that it does not break."""
        figure, kept = FIGURES[place[0]], None
        for bound in (*filter(None, [CUSTOMARY.get(figure.name)]), *_rounded(figure, readings)):
            limit = f"{figure.side} {bound}"
            statuses = self._statuses(_key(place), limit)
            if statuses == {"pass"}:
                return limit
            if "fail" not in statuses:
                kept = limit
        return kept

    def _statuses(self, key: str, limit: str) -> set[str]:
        rule = {"tasks": self.task.name, "deployments": self.pattern, "limits": {key: limit}}
        policy = Policy.model_validate({"rules": [rule]})
        run = GatedRun((self.task,), None, {self.task.name: None})
        names = {d.name for d in self.members}
        return {one.status for one in judge(run, policy, "policy").outcomes if one.deployment in names}


def _rounded(figure: Figure, readings: list[Reading]) -> Iterator[str]:
    """The worst end of the intervals, rounded away from what was measured, and the next step beyond."""
    at_most = figure.side == "at most"
    ends = [one.estimate.high if at_most else one.estimate.low for one in readings]
    values = [one.estimate.value for one in readings]
    known = [end if end is not None else value for end, value in zip(ends, values, strict=True)]
    numbers = [number for number in known if number is not None and isfinite(number)]
    if not numbers:
        return
    worst = (max(numbers) if at_most else min(numbers)) / figure.scale
    if figure.on_this_machine:
        worst = worst * HEADROOM if at_most else worst / HEADROOM
    if abs(worst) > LARGEST:
        return
    worst = round(worst, 6)
    fixed = {"%": 0, "": -2, "bits": -2}.get(figure.unit)
    digits = fixed if fixed is not None else floor(log10(abs(worst) or 1.0)) - 1
    steps = (ceil if at_most else floor)(round(worst / 10.0**digits, 6))
    for further in range(2):
        number = (steps + (further if at_most else -further)) * 10.0**digits
        if figure.unit == "%":
            number = min(number, 100.0)
        yield with_unit(f"{number:.{max(0, -digits)}f}", figure)


def _key(place: tuple[str, str]) -> str:
    name, part = place
    return f"{name} of {part}" if part else name


def _quoted(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z][\w .-]*", key, re.ASCII) else json.dumps(key)


def _measured(figure: Figure, readings: list[Reading]) -> str:
    values = sorted(value for one in readings if (value := one.estimate.value) is not None)
    if not values:
        return "not known in this run"
    spread = shown(values[0], figure)
    if len(values) > 1:
        spread = f"{spread} to {shown(values[-1], figure)}"
    return f"{spread} in {plural(len(values), 'deployment')}"
