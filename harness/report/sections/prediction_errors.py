"""Prediction errors: whether the same examples go wrong."""

from __future__ import annotations

from benchmarks.characteristics.prediction_errors import ErrorPair, PredictionErrors
from benchmarks.statistics.bootstrap import UNDEFINED, Estimate
from harness.report.blocks import Block, Cell, Column, Level
from harness.report.floors import (
    ERROR_OVERLAP,
    LATENT_CORRELATION,
    error_metric,
)
from harness.report.numbers import count, fixed, interval, percent, probability
from harness.report.sections.comparison import comparison, overlap
from harness.report.sections.matrices import matrix, members
from harness.report.sections.rows import (
    adjusted_level,
    estimate_cell,
)
from harness.report.view import DeploymentView, TaskView


def prediction_errors(task: TaskView, result: PredictionErrors, all_pairs: bool) -> list[Block]:
    overall = result.strata["all"]
    by_kind = [name for name in ("answerable", "unanswerable") if name in result.strata]
    headings = {"answerable": "corr.\nansw.", "unanswerable": "corr.\nunansw."}
    kappa, divergence = error_metric(lambda pair: pair.kappa), error_metric(lambda pair: pair.divergence)

    def cells(d: DeploymentView) -> tuple[Cell, ...]:
        pair = ERROR_OVERLAP.pair(task, d)
        correlation = LATENT_CORRELATION.of(task, d)
        strata = [error_metric(lambda pair: pair.tetrachoric, stratum=name).of(task, d) for name in by_kind]
        return (
            *overlap(task, ERROR_OVERLAP, d, pair.expected_jaccard if pair else None),
            estimate_cell(correlation, level=adjusted_level(correlation.value)),
            *(estimate_cell(e, level=adjusted_level(e.value)) for e in strata),
            Cell(count(overall.errors[d.name].count)),
            Cell(interval(correlation)),
            Cell(fixed(pair.largest_jaccard if pair else None, 2)),
            estimate_cell(kappa.of(task, d)),
            Cell(interval(_kappa_bounds(pair))),
            estimate_cell(divergence.of(task, d), 3),
            Cell(probability(pair.mcnemar_p if pair else None)),
        )

    columns = (
        Column("overlap"),
        Column("95 %"),
        Column("chance"),
        Column("latent\ncorr."),
        *(Column(headings[name]) for name in by_kind),
        Column("errors", optional=True),
        Column("corr.\n95 %", optional=True),
        Column("largest\npossible", optional=True),
        Column("kappa", optional=True),
        Column("kappa\ncan be", optional=True),
        Column("diver\u00ad\ngence", optional=True),
        Column("McNemar\np", optional=True),
    )
    notes = (
        f"Errors are of {count(overall.n)} examples. overlap: how many are shared. It grows with the number of "
        "errors: read it beside chance, and compare deployments of different error rates by the latent (tetrachoric) "
        "correlation: 0 for unrelated models, 1 for as many shared as the counts allow.",
    )
    blocks = comparison(
        task,
        "Against the reference: do the same examples go wrong?",
        columns,
        cells,
        notes,
        lambda d: d.name in overall.errors,
    )

    def level(pair: ErrorPair, _: float | None) -> Level | None:
        return adjusted_level(pair.tetrachoric.value)

    drawn = matrix(
        task,
        "Pairs: overlap of errors (below the diagonal) and what chance gives (above)",
        members(task, all_pairs=all_pairs, chosen=lambda d: d.name in overall.errors),
        task.error_pairs["all"].between,
        lambda pair: pair.jaccard,
        lambda pair: pair.expected_jaccard,
        lambda d: percent(overall.errors[d.name].rate.value, 0) + "%",
        level,
        ("On the diagonal: the share of wrong examples.",),
    )
    return [*blocks, drawn] if drawn else blocks


def _kappa_bounds(pair: ErrorPair | None) -> Estimate:
    return Estimate(pair.kappa.value, pair.smallest_kappa, pair.largest_kappa) if pair else UNDEFINED
