"""Prediction errors: whether the same examples go wrong."""

from __future__ import annotations

from benchmarks.characteristics.prediction_errors import ErrorPair, PredictionErrors, Stratum
from benchmarks.statistics.bootstrap import UNDEFINED, Estimate
from harness.report.blocks import About, Block, Cell, Column, Level, Table
from harness.report.floors import (
    ERROR_OVERLAP,
    LATENT_CORRELATION,
    error_metric,
)
from harness.report.numbers import INFINITE, count, ends, fixed, interval, percent, probability, small
from harness.report.sections.comparison import comparison, overlap
from harness.report.sections.matrices import matrix, members
from harness.report.sections.rows import (
    adjusted_level,
    estimate_cell,
)
from harness.report.view import DeploymentView, TaskView

PARTS = ("mean", "median", "p90", "p95", "p99", "max")
"""Of the divergences of all examples."""


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
    note = (
        f"Errors are of {count(overall.n)} examples.",
        About(
            ("overlap",),
            "overlap: how many are shared. It grows with the number of errors: read it beside chance, and compare "
            "deployments of different error rates by the latent (tetrachoric) correlation: 0 for unrelated models, 1 "
            "for as many shared as the counts allow.",
        ),
    )
    blocks = comparison(
        task,
        "Against the reference: do the same examples go wrong?",
        columns,
        cells,
        (note,),
        lambda d: d.name in overall.errors,
    )

    blocks += _divergences(task, overall)
    if not task.labelled:
        agreement = _agreement(task, all_pairs)
        return [*blocks, agreement] if agreement else blocks

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


def _agreement(task: TaskView, all_pairs: bool) -> Table | None:
    """Of predictions, where nobody knows which are right."""
    return matrix(
        task,
        "Pairs: share of the same predictions (below the diagonal) and mean divergence (above)",
        members(task, all_pairs=all_pairs),
        task.error_pairs["all"].between,
        lambda pair: _complement(pair.disagreement),
        lambda pair: pair.divergence.value if pair.divergence else None,
        lambda d: "1",
        lambda pair, _: None,
        (),
    )


def _divergences(task: TaskView, overall: Stratum) -> list[Block]:
    """What llama.cpp's --kl-divergence tells; nothing where no probabilities are known."""
    same = error_metric(lambda pair: _complement(pair.disagreement))
    lost, gained = (
        error_metric(lambda pair: pair.negative_flip_rate),
        error_metric(lambda pair: pair.positive_flip_rate),
    )

    def cells(d: DeploymentView) -> tuple[Cell, ...]:
        divergences = overall.divergences[d.name]
        bits, nats = divergences.jensen_shannon, divergences.kullback_leibler
        return (
            *(
                cell
                for flips in (same.of(task, d), lost.of(task, d), gained.of(task, d))
                for cell in (Cell(percent(flips.value)), Cell(interval(flips, scale=100, decimals=1)))
            ),
            *(Cell(small(one.value)) for one in (bits.mean, bits.median, bits.p90, bits.p95, bits.p99)),
            Cell(ends(bits.p99)),
            Cell(small(bits.max)),
            *(Cell(small(one.value, INFINITE)) for one in (nats.mean, nats.median, nats.p90, nats.p95, nats.p99)),
            Cell(small(nats.max, INFINITE)),
        )

    columns = (
        Column("same\n%"),
        Column("95 %", optional=True),
        Column("newly\nwrong %"),
        Column("wrong\n95 %", optional=True),
        Column("newly\nright %"),
        Column("right\n95 %", optional=True),
        *(Column(f"JS\n{part}") for part in PARTS[:5]),
        Column("p99\n95 %", optional=True),
        Column("JS\nmax"),
        *(Column(f"KL\n{part}", optional=True) for part in PARTS),
    )
    notes = (
        f"Of each of {count(overall.n)} examples: Jensen-Shannon divergence (JS, bits, 0 to 1) from the reference's "
        "probabilities, and Kullback-Leibler divergence (KL, nats) of its own from them. p99: 99 % of the examples "
        "have less. same: the prediction (a class, a set of labels, an answer, a document) is the reference's.",
    )
    return comparison(
        task,
        "Against the reference: how far are the probabilities?",
        columns,
        cells,
        notes,
        lambda d: d.name in overall.divergences,
    )


def _complement(share: Estimate | None) -> Estimate | None:
    return share and Estimate(*(None if end is None else 1 - end for end in (share.value, share.high, share.low)))


def _kappa_bounds(pair: ErrorPair | None) -> Estimate:
    return Estimate(pair.kappa.value, pair.smallest_kappa, pair.largest_kappa) if pair else UNDEFINED
