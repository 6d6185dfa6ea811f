"""Data distribution: whether the same points are foreign."""

from __future__ import annotations

from harness.report.blocks import Block, Cell, Column
from harness.report.floors import (
    OUTSIDE_OVERLAP,
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
from harness.report.values import Estimate, Json, mapping, number
from harness.report.view import Deployment, TaskView


def data_distribution(task: TaskView, all_pairs: bool) -> list[Block]:
    entry = task.characteristic("data_distribution")
    detectors = mapping(entry.get("detectors"))
    inside, correlation = distribution_metric("jaccard_inside"), distribution_metric("rank_correlation")
    correlation_inside = distribution_metric("rank_correlation_inside")
    baselines = mapping(entry.get("baselines"))

    def baseline(name: str, d: Deployment) -> Cell:
        return estimate_cell(Estimate.of(mapping(mapping(baselines.get(name)).get(d.name)).get("auroc")))

    def cells(d: Deployment) -> tuple[Cell, ...]:
        detector = mapping(detectors.get(d.name))
        pair = OUTSIDE_OVERLAP.entry(task, d)
        return (
            estimate_cell(Estimate.of(detector.get("auroc"))),
            Cell(percent(Estimate.of(detector.get("fpr95")).value, 0)),
            *overlap(task, OUTSIDE_OVERLAP, d, number(pair.get("expected_jaccard_outside"))),
            against_floor(task, inside, d, fixed(inside.of(task, d).value, 2)),
            against_floor(task, correlation, d, fixed(correlation.of(task, d).value, 2)),
            Cell(fixed(number(pair.get("expected_jaccard_inside")), 2)),
            Cell(percent(Estimate.of(detector.get("detected")).value, 0)),
            Cell(percent(Estimate.of(detector.get("false_alarms")).value, 0)),
            estimate_cell(Estimate.of(detector.get("length_matched_auroc"))),
            estimate_cell(Estimate.of(detector.get("aupr"))),
            baseline("maximum probability", d),
            baseline("energy", d),
            estimate_cell(correlation_inside.of(task, d)),
        )

    columns = (
        Column("AUROC"),
        Column("FPR95\n%"),
        Column("found\noverlap"),
        Column("95 %"),
        Column("chance"),
        Column("alarms\noverlap"),
        Column("rank\ncorr."),
        Column("alarms\nchance", optional=True),
        Column("found\n%", optional=True),
        Column("alarms\n%", optional=True),
        Column("AUROC\nmatched", optional=True),
        Column("AUPR", optional=True),
        Column("AUROC\nmax prob", optional=True),
        Column("AUROC\nenergy", optional=True),
        Column("rank corr.\ninside", optional=True),
    )
    kept = number(entry.get("kept"))
    notes = [
        f"Deep nearest neighbours (k = {count(number(entry.get('k')))}) in a bank of "
        f"{count(number(entry.get('n_bank')))} training points; {count(number(entry.get('n_outside')))} "
        f"points from elsewhere, {count(number(entry.get('n_inside')))} from inside. found: points from "
        "elsewhere that are flagged. alarms: points from inside that are"
        + ("." if kept is None else f" (the threshold keeps {percent(kept, 0)} %).")
    ]
    if (length := number(entry.get("length_only_auroc"))) is not None:
        notes.append(f"Length alone reaches an AUROC of {fixed(length, 2)}. {_matched(task, entry)}".strip())
    blocks = comparison(task, "Against the reference: are the same points foreign?", columns, cells, tuple(notes))
    drawn = matrix(
        task,
        "Pairs: overlap of foreign points found (below the diagonal) and what chance gives (above)",
        members(task, all_pairs=all_pairs),
        task.distribution_pairs.get,
        OUTSIDE_OVERLAP.estimate,
        lambda pair: number(pair.get("expected_jaccard_outside")),
        lambda d: percent(Estimate.of(mapping(detectors.get(d.name)).get("detected")).value, 0) + "%",
        lambda pair, value: agreement_level(value, number(pair.get("expected_jaccard_outside"))),
        ("On the diagonal: the share of foreign points found.",),
    )
    return [*blocks, drawn] if drawn else blocks


def _matched(task: TaskView, entry: Json) -> str:
    """What the reference's detector does where length cannot help it."""
    match = mapping(entry.get("length_match"))
    reference = mapping(mapping(entry.get("detectors")).get(task.reference))
    figure = Estimate.of(reference.get("length_matched_auroc"))
    if not match:
        return ""
    shared = f"{count(number(match.get('inside')))} points from inside and {count(number(match.get('outside')))} from "
    shared += "elsewhere are of like length"
    if figure.value is None:
        return f"Only {shared}: too few to match."
    return f"{shared}; among those the reference reaches {with_interval(figure)}."
