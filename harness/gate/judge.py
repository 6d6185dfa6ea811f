"""A run against a policy: every limit of every deployment that a rule names, judged as one whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path

from benchmarks.statistics.bootstrap import Estimate
from benchmarks.statistics.equivalence import MOST_TRAININGS, Trainings, Verdict
from benchmarks.statistics.limits import Exact, Judged, Limited, Median, Ratio, Tested, Widened, examples_needed
from benchmarks.statistics.limits import judge as judge_limits
from benchmarks.statistics.shares import TAIL
from harness.config.policy import CannotTell, Limit, Policy
from harness.config.task_registry import TASKS, task_class
from harness.errors import UserError
from harness.gate.baseline import Baseline, BaselineMachine, data_digest
from harness.gate.matches import faults, matches
from harness.gate.readings import READERS, Reading
from harness.gate.words import shown, with_interval
from harness.report.findings.phrases import plural
from harness.report.floors import BOUNDLESS
from harness.report.values import words
from harness.report.view import DeploymentView, TaskView, tasks_of
from harness.results.gate_outcome import GateOutcome, RuleOutcome, Status
from harness.results.read import RunResults, folder_of


@dataclass(frozen=True, eq=False)
class Against:
    """A baseline, and why the speed of a task's deployments is not held against it; empty where it is."""

    baseline: Baseline
    unlike: Mapping[str, str]

    @classmethod
    def of(cls, baseline: Baseline, run: GatedRun) -> Against:
        unlike = {}
        for task in run.tasks:
            known = baseline.tasks.get(task.name)
            differences = []
            if baseline.machine is None or baseline.machine != run.machine:
                differences.append("another machine's")
            if known is None or known.data is None or known.data != run.data[task.name]:
                differences.append("of other data")
            unlike[task.name] = " and ".join(differences)
        return cls(baseline, unlike)


@dataclass(frozen=True, eq=False)
class GatedRun:
    """What a gate reads of a run."""

    tasks: tuple[TaskView, ...]
    machine: BaselineMachine | None
    data: Mapping[str, str | None]
    """By task, as a baseline has it."""

    def names(self) -> dict[str, list[str]]:
        """What rules may be about: see `harness.gate.matches`."""
        return {task.name: [d.name for d in _deployable(task)] for task in self.tasks}


def _deployable(task: TaskView) -> Iterator[DeploymentView]:
    return (d for d in task.deployments if d.replicate_kind is None)


@dataclass(frozen=True, eq=False)
class _Case:
    """A limit on a deployment."""

    rule: int
    key: str
    limit: Limit
    task: TaskView
    deployment: DeploymentView
    cannot_tell: CannotTell
    reading: Reading | None

    def outcome(self, status: Status, detail: str) -> RuleOutcome:
        name, short = self.deployment.name, self.deployment.short
        return RuleOutcome(self.task.name, name, short, str(self.limit), status, words(detail), self.cannot_tell)


@dataclass(frozen=True)
class _Held:
    """What is held against a limit, and how it is told. Without `limited` nothing can be."""

    limited: Limited | None
    value: float | None = None
    """Of what is held, as `limited` has it."""
    template: str = "{}"
    """Around the value with its interval; or why nothing can be held."""
    least: float = -inf
    """What the value can be at least, as `limited` has it."""


def judge(run: GatedRun, policy: Policy, source: str, baseline: Baseline | None = None) -> GateOutcome:
    """Judge a run. ``source``: the policy, for messages.

    Raises:
        UserError: a rule matches nothing, limits what the run never measured, or needs a baseline that is not there. Of
            outputs from elsewhere what no file tells is left out instead, and named; but not everything.
    """
    cases = list(_cases(run, policy))
    unmeasured = _unmeasured(cases)
    limits = sum(len(rule.limits) for rule in policy.rules)
    untold = unmeasured if all(task.external for task in run.tasks) and len(unmeasured) < limits else []
    wrong = [*faults(policy, run.names(), source), *_of_the_reference(cases, policy, run, source)]
    if not untold:
        wrong += [_not_measured(place, policy, run, source) for place in unmeasured]
    if baseline is None:
        wrong += _without_baseline(policy, source)
    if wrong:
        raise UserError(*wrong)
    cases = [case for case in cases if (case.rule, case.key) not in untold]
    against = Against.of(baseline, run) if baseline else None
    held = {case: _held(case, against) for case in cases if case.deployment.ok}
    judged = judge_limits({case: one.limited for case, one in held.items() if one.limited is not None})
    outcomes = tuple(_outcome(case, held.get(case), judged.get(case)) for case in cases)
    return GateOutcome.of(outcomes, tuple(dict.fromkeys(key for _, key in untold)))


def _cases(run: GatedRun, policy: Policy) -> Iterator[_Case]:
    names = run.names()
    named = [set(matches(rule, names)) for rule in policy.rules]
    for task in run.tasks:
        for deployment in _deployable(task):
            is_reference = deployment.name == task.reference
            for index, rule in enumerate(policy.rules):
                if (task.name, deployment.name) not in named[index]:
                    continue
                for key, limit in rule.limits.items():
                    if is_reference and (limit.figure.of_pair or limit.base == "reference"):
                        continue
                    reading = READERS[limit.figure.name](task, deployment, limit.of) if deployment.ok else None
                    cannot_tell = rule.cannot_tell or policy.cannot_tell
                    yield _Case(index, key, limit, task, deployment, cannot_tell, reading)


def _unmeasured(cases: Sequence[_Case]) -> list[tuple[int, str]]:
    """Rules and their limits that no deployment can be held to."""
    places = dict.fromkeys((case.rule, case.key) for case in cases)
    about = {place: [case for case in cases if (case.rule, case.key) == place] for place in places}
    return [
        place
        for place, held in about.items()
        if all(case.reading is None for case in held) and any(case.deployment.ok for case in held)
    ]


def _not_measured(place: tuple[int, str], policy: Policy, run: GatedRun, source: str) -> str:
    index, key = place
    tasks = list(dict.fromkeys(task for task, _ in matches(policy.rules[index], run.names())))
    name = policy.rules[index].limits[key].figure.name
    of = [task for task in TASKS if name in task_class(task).policy_figures]
    if of and not set(of) & set(tasks):
        mismatch = f"is a figure of {' and '.join(of)}, not of {' and '.join(tasks)}"
        return f"{source}: rules.{index}.limits.{key}: {mismatch}; take the limit out, or name `tasks` that have it"
    known = list(dict.fromkeys(label for task in run.tasks for label in task.recalls))
    there = f"; there are {', '.join(known)}" if policy.rules[index].limits[key].of and known else ""
    return f"{source}: rules.{index}.limits.{key}: the run did not measure it{there}; measure it, or take the limit out"


def _of_the_reference(cases: Sequence[_Case], policy: Policy, run: GatedRun, source: str) -> Iterator[str]:
    """A line for each limit of a rule that has nothing but the reference to hold."""
    names = run.names()
    held = {(case.rule, case.key) for case in cases}
    for index, rule in enumerate(policy.rules):
        if not matches(rule, names):
            continue  # which is told by itself
        for key in rule.limits:
            if (index, key) not in held:
                place = f"{source}: rules.{index}.limits.{key}"
                yield f"{place}: the rule is of the reference alone, which is what this is against"


def _without_baseline(policy: Policy, source: str) -> Iterator[str]:
    for index, rule in enumerate(policy.rules):
        for key, limit in rule.limits.items():
            if limit.base == "baseline":
                place = f"{source}: rules.{index}.limits.{key}"
                yield f"{place}: is held against a baseline; give one with --baseline FILE"


def _held(case: _Case, against: Against | None) -> _Held:
    limit, reading = case.limit, case.reading
    if reading is None:
        return _Held(None, template="was not measured for this deployment")
    if reading.doubt:
        return _Held(None, template=reading.doubt)
    if limit.base == "floor":
        return _against_floor(limit, reading)
    if limit.base == "reference":
        comparison = "{} of the reference's" if limit.is_part else "{} against the reference"
        return _limited(limit, reading.change, template=f"{shown(reading.estimate.value, limit.figure)}, {comparison}")
    if limit.base == "baseline":
        assert against is not None
        return _against_baseline(case, reading, against)
    return _limited(limit, reading.tested, value=reading.estimate.value)


def _limited(limit: Limit, tested: Tested | None, *, template: str = "{}", value: float | None = None) -> _Held:
    if tested is None:
        return _Held(None, template="has no interval: too little data")
    return _Held(Limited(tested, limit.figure.side, limit.stored), _value(tested) if value is None else value, template)


def _value(tested: Tested) -> float | None:
    value: float | None = getattr(tested, "value", getattr(tested, "difference", None))
    return value


def _against_floor(limit: Limit, reading: Reading) -> _Held:
    verdict = reading.verdict
    if verdict is None:
        return _Held(
            None, template="has no floor in this run; name trainings with replicate_of, or keep execution_floor"
        )
    if (verdict.floor.value or 0.0) >= BOUNDLESS:
        return _Held(None, template="cannot be held against its floor, in which noise leaves nothing in common")
    figure = limit.figure
    distance = figure.better == "larger"  # verdicts are of distances: 1 - Jaccard
    floor = None if verdict.floor.value is None else (1 - verdict.floor.value if distance else verdict.floor.value)
    template = (
        f"{shown(reading.estimate.value, figure)}, {{}} {'below' if distance else 'above'} its floor of "
        f"{shown(floor, figure)} ({_floor(verdict)})"
    )
    # An excess of distance is to stay below the margin, whichever way the figure itself is better.
    limited = Limited(verdict.evidence, "at most", abs(limit.stored))
    return _Held(limited, verdict.excess.value, template, least=-(verdict.floor.value or 0.0))


def _floor(verdict: Verdict) -> str:
    return f"{verdict.trainings} trainings" if verdict.floor_kind == "seed" else "run again"


def _against_baseline(case: _Case, reading: Reading, against: Against) -> _Held:
    limit, figure = case.limit, case.limit.figure
    base = against.baseline.figure(case.task.name, case.deployment.name, limit.name)
    if base is None or base.value is None:
        return _Held(None, template="is not in the baseline, or was not sure there; write it anew")
    if figure.on_this_machine and (reason := against.unlike[case.task.name]):
        return _Held(None, template=f"is not held against the baseline, which is {reason}")
    template = f"{shown(reading.estimate.value, figure)}, {{}}"
    was = f"the baseline's {shown(base.value, figure)}"
    if limit.is_part:
        return _limited(limit, _ratio(reading.estimate, base), template=f"{template} of {was}")
    widened, other = Widened.of(reading.estimate), Widened.of(base)
    return _limited(limit, widened.less(other) if widened and other else None, template=f"{template} against {was}")


def _ratio(own: Estimate, base: Estimate) -> Tested | None:
    """Without an interval on either side, such as of a file's size, exact."""
    if own.width == 0 and base.width == 0 and own.value is not None and base.value:
        return Exact(own.value / base.value)
    ratio, other = Ratio.of(own), Ratio.of(base)
    return ratio.over(other) if ratio and other else None


def _outcome(case: _Case, held: _Held | None, judged: Judged | None) -> RuleOutcome:
    if held is None:
        result = case.deployment.result
        return case.outcome("fail", f"the deployment failed: {result.reason or 'no reason is known'}")
    if held.limited is None or judged is None:
        return case.outcome("cannot tell", held.template)
    detail = f"is {held.template.format(with_interval(held.value, judged, case.limit, held.least))}"
    if judged.place == "cannot tell":
        return case.outcome("cannot tell", f"{detail}: {_what_would_tell(case, held.limited, judged)}")
    return case.outcome("pass" if judged.place == "inside" else "fail", detail)


def _what_would_tell(case: _Case, limited: Limited, judged: Judged) -> str:
    tested, reading = limited.tested, case.reading
    if isinstance(tested, Trainings):
        needed = tested.trainings_needed(limited.limit, (judged.level_outside, TAIL), beyond=limited.limit)
        known = plural(tested.trainings, "training")
        if needed is None:
            return f"{known} cannot tell, and {MOST_TRAININGS} would not: trainings scatter too much"
        return f"{known} cannot tell, {needed} would; {plural(needed - tested.trainings, 'training')} missing"
    if isinstance(tested, Median):
        return f"{plural(len(tested.values), 'process', 'processes')} cannot tell; raise performance.replicates"
    count = reading.examples if reading else None
    if count is None:
        return "the interval is too wide; measure more processes"
    needed = examples_needed(judged.times_needed, count)
    more = f"about {needed:,} would" if needed else "no number of them would: it lies on its limit"
    return f"{plural(count, 'example')} cannot tell, {more}"


def gated_run(run: RunResults, path: Path) -> GatedRun:
    """What a gate reads of the run in ``path``, its folder or results file."""
    tasks = tasks_of(run)
    folder = folder_of(path)
    return GatedRun(
        tasks,
        BaselineMachine.of(run.results.environment),
        {task.name: data_digest(folder, task) for task in tasks},
    )
