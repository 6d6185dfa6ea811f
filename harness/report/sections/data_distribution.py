"""Data distribution: whether the same points are out-of-distribution."""

from __future__ import annotations

from benchmarks.characteristics.data_distribution import DataDistribution
from benchmarks.statistics.bootstrap import UNDEFINED
from harness.report.blocks import About, Block, Cell, Column
from harness.report.floors import (
    ALARM_OVERLAP,
    DETECTED_OVERLAP,
    distribution_metric,
)
from harness.report.numbers import count, fixed, percent, with_interval
from harness.report.sections.comparison import comparison, overlap
from harness.report.sections.matrices import matrix, members
from harness.report.sections.rows import (
    against_floor,
    agreement_level,
    estimate_cell,
)
from harness.report.view import DeploymentView, TaskView


def data_distribution(task: TaskView, result: DataDistribution, all_pairs: bool) -> list[Block]:
    correlation = distribution_metric(lambda pair: pair.rank_correlation)
    correlation_in_distribution = distribution_metric(lambda pair: pair.rank_correlation_in_distribution)

    def baseline(name: str, d: DeploymentView) -> Cell:
        rankings = result.baselines.get(name, {})
        return estimate_cell(rankings[d.name].auroc if d.name in rankings else UNDEFINED)

    def cells(d: DeploymentView) -> tuple[Cell, ...]:
        detector = result.detectors[d.name]
        pair = DETECTED_OVERLAP.pair(task, d)
        return (
            estimate_cell(detector.auroc),
            Cell(percent(detector.fpr95.value, 0)),
            *overlap(task, DETECTED_OVERLAP, d, pair.expected_jaccard_out_of_distribution if pair else None),
            against_floor(task, ALARM_OVERLAP, d, fixed(ALARM_OVERLAP.of(task, d).value, 2)),
            against_floor(task, correlation, d, fixed(correlation.of(task, d).value, 2)),
            Cell(fixed(pair.expected_jaccard_in_distribution if pair else None, 2)),
            Cell(percent(detector.detected.value, 0)),
            Cell(percent(detector.false_alarms.value, 0)),
            estimate_cell(detector.length_matched_auroc or UNDEFINED),
            estimate_cell(detector.aupr),
            baseline("confidence", d),
            baseline("energy", d),
            estimate_cell(correlation_in_distribution.of(task, d)),
        )

    columns = (
        Column("AUROC"),
        Column("FPR95\n%"),
        Column("detected\noverlap"),
        Column("95 %"),
        Column("chance"),
        Column("alarms\noverlap"),
        Column("rank\ncorr."),
        Column("alarms\nchance", optional=True),
        Column("detected\n%", optional=True),
        Column("alarms\n%", optional=True),
        Column("AUROC\nmatched", optional=True),
        Column("AUPR", optional=True),
        Column("AUROC\nmax prob", optional=True),
        Column("AUROC\nenergy", optional=True),
        Column("rank corr.\nin-distr.", optional=True),
    )
    notes = (
        (
            f"Deep nearest neighbours (k = {count(result.k)}) in a bank of {count(result.n_bank)} training points; "
            f"{count(result.n_out_of_distribution)} out-of-distribution points, {count(result.n_in_distribution)} "
            "in-distribution ones.",
            About(("detected\noverlap", "detected\n%"), "detected: out-of-distribution points that are flagged."),
            About(
                ("alarms\noverlap", "alarms\n%", "alarms\nchance"),
                f"alarms: in-distribution points that are (the threshold keeps {percent(result.kept, 0)} %).",
            ),
        ),
        f"Length alone reaches an AUROC of {fixed(result.length_only_auroc, 2)}. {_matched(task, result)}",
    )
    title = "Against the reference: are the same points out-of-distribution?"
    blocks = comparison(task, title, columns, cells, notes, lambda d: d.name in result.detectors)
    drawn = matrix(
        task,
        "Pairs: overlap of points detected (below the diagonal) and what chance gives (above)",
        members(task, all_pairs=all_pairs, chosen=lambda d: d.name in result.detectors),
        task.distribution_pairs.between,
        DETECTED_OVERLAP.estimate,
        lambda pair: pair.expected_jaccard_out_of_distribution,
        lambda d: percent(result.detectors[d.name].detected.value, 0) + "%",
        lambda pair, value: agreement_level(value, pair.expected_jaccard_out_of_distribution),
        ("On the diagonal: the share of out-of-distribution points detected.",),
    )
    return [*blocks, drawn] if drawn else blocks


def _matched(task: TaskView, result: DataDistribution) -> str:
    """What the reference's detector does where length cannot help it."""
    match = result.length_match
    reference = result.detectors.get(task.reference)
    figure = (reference.length_matched_auroc if reference else None) or UNDEFINED
    shared = f"{count(match.in_distribution)} in-distribution points and {count(match.out_of_distribution)} "
    shared += "out-of-distribution ones are of like length"
    if figure.value is None:
        return f"Only {shared}: too few to match."
    return f"{shared}; among those the reference reaches {with_interval(figure)}."
