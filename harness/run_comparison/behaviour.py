"""Behaviour of deployments in both runs: answers that changed, and the four characteristics of each run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmarks.characteristics import data_representation, prediction_errors
from benchmarks.characteristics.prediction_errors import ErrorPair
from benchmarks.statistics.bootstrap import RESAMPLES, Estimate
from benchmarks.statistics.equivalence import MARGIN, ScoreChange, judge_changes
from harness.config.task_registry import TASKS, task_class
from harness.data.arrow import pa
from harness.report.view import DeploymentView, TaskView
from harness.run_comparison.runs import Answered, RunPair
from harness.store.outputs import read_columns
from harness.store.run_folder import outputs_in
from harness.tasks.columns import matrix, numbers, strings


@dataclass(frozen=True)
class AnswerChanges:
    """The answers of one deployment in both runs, of the same examples."""

    examples: int
    changes: ErrorPair
    """From run A to run B."""
    score: ScoreChange
    """Of the share of right answers; corrected for all deployments compared."""
    neighbours: Estimate
    """Mean Jaccard of the nearest neighbours in A and in B; undefined where there are too few examples."""


@dataclass(frozen=True)
class DeploymentFigures:
    """Figures of one deployment in one run."""

    score: Estimate
    errors: Estimate
    """Overlap of its errors with those of that run's reference."""
    neighbours: Estimate
    """Likewise of the nearest neighbours."""
    ood_auroc: Estimate
    attack_success: Estimate


@dataclass(frozen=True, eq=False)
class Behaviour:
    """One deployment in both runs."""

    answered: Answered
    before: DeploymentFigures
    after: DeploymentFigures
    answers: AnswerChanges | None
    """None: the runs hold no answers to the same examples."""
    reason: str
    """Why; empty where there are answers."""

    @property
    def task(self) -> str:
        return self.answered.task


def compare_behaviour(pair: RunPair) -> tuple[Behaviour, ...]:
    """Every deployment that answered in both runs, in the order of run A."""
    outputs_or_reasons = {one: _paired_outputs(pair, one) for one in pair.answered}
    paired = {
        one: (outputs.errors(), outputs.neighbours())
        for one, outputs in outputs_or_reasons.items()
        if isinstance(outputs, _PairedOutputs)
    }
    scores = judge_changes(
        {one.place: errors.scores["B"].evidence for one, (errors, _) in paired.items()},
        MARGIN,
        {one.place: errors.n for one, (errors, _) in paired.items()},
    )

    def answers(one: Answered) -> AnswerChanges | None:
        if one not in paired:
            return None
        errors, neighbours = paired[one]
        return AnswerChanges(errors.n, errors.pairs[0], scores[one.place], neighbours)

    return tuple(
        Behaviour(
            one,
            _deployment_figures(pair.a.tasks[one.task], one.before),
            _deployment_figures(pair.b.tasks[one.task], one.after),
            answers(one),
            outputs if isinstance(outputs, str) else "",
        )
        for one, outputs in outputs_or_reasons.items()
    )


@dataclass(frozen=True)
class _PairedOutputs:
    """The outputs of one deployment in both runs, a row for each of the same examples in the same order."""

    task: str
    k: int | None
    before: pa.Table
    after: pa.Table

    def errors(self) -> prediction_errors.Stratum:
        task = task_class(self.task)
        sides = {"A": self.before, "B": self.after}
        comparison = prediction_errors.compare(
            correct={name: numbers(table, task.correct).astype(bool) for name, table in sides.items()},
            predictions={name: task.predictions(table) for name, table in sides.items()},
            probabilities=None,
            groups=strings(self.before, "group"),
            strata={},
            reference="A",
            resamples=RESAMPLES,
            seed=0,
        )
        return comparison.strata["all"]

    def neighbours(self) -> Estimate:
        if self.k is None or self.k >= self.before.num_rows:
            return Estimate(None, None, None)
        comparison = data_representation.compare(
            representations={
                name: matrix(table, "representation") for name, table in (("A", self.before), ("B", self.after))
            },
            groups=strings(self.before, "group"),
            k=(self.k,),
            resamples=RESAMPLES,
            seed=0,
        )
        return comparison.pairs[0].neighbours[str(self.k)]


def _paired_outputs(pair: RunPair, one: Answered) -> _PairedOutputs | str:
    """The outputs of both runs, or why they are not to be compared."""
    paths = [outputs_in(folder, one.task, one.name, "evaluation") for folder in (pair.a.folder, pair.b.folder)]
    if one.task not in TASKS or not all(path.exists() for path in paths):
        return "a run's folder has no outputs of it"
    tables = [_read(path, one.task) for path in paths]
    if isinstance(tables[0], str) or isinstance(tables[1], str):
        return "the outputs of a run are of another version, or damaged"
    order = {id_: row for row, id_ in enumerate(tables[1].column("id").to_pylist())}
    ids = tables[0].column("id").to_pylist()
    if set(ids) != set(order) or len(ids) != len(order):
        return "the runs asked other examples"
    after = tables[1].take(pa.array([order[id_] for id_ in ids]))
    given = task_class(one.task).given()
    if any(tables[0].column(name).to_pylist() != after.column(name).to_pylist() for name in given):
        return "the runs have other gold answers"
    k = pair.a.tasks[one.task].neighbours_shown
    return _PairedOutputs(one.task, None if k is None else int(k), tables[0], after)


def _read(path: Path, task: str) -> pa.Table | str:
    task_type = task_class(task)
    columns = (*task_type.given(), "prediction", task_type.correct, "representation")
    try:
        return read_columns(path, *columns)
    except (OSError, pa.ArrowException) as error:
        return str(error)


def _deployment_figures(task: TaskView, deployment: DeploymentView) -> DeploymentFigures:
    undefined = Estimate(None, None, None)
    overall, distribution = task.overall, task.characteristics.data_distribution
    wrong = overall.errors[deployment.name].rate if overall and deployment.name in overall.errors else undefined
    errors = task.error_pairs["all"].between(task.reference, deployment.name) if overall else None
    alike = task.representation_pairs.between(task.reference, deployment.name)
    k = task.neighbours_shown
    detectors = distribution.detectors if distribution else {}
    attacked = task.attacked
    return DeploymentFigures(
        score=Estimate(*(None if end is None else 1 - end for end in (wrong.value, wrong.high, wrong.low))),
        errors=errors.jaccard if errors else undefined,
        neighbours=alike.neighbours.get(k, undefined) if alike and k else undefined,
        ood_auroc=detectors[deployment.name].auroc if deployment.name in detectors else undefined,
        attack_success=attacked[deployment.name].success_rate if deployment.name in attacked else undefined,
    )
