"""The four characteristics: each against the reference with interval, chance level and floor, then in pairs."""

from __future__ import annotations

from collections.abc import Callable

from harness.report.content import Block, Cell, Column, Level, Prose, Section, Table
from harness.report.floors import (
    ADJUSTED_OVERLAP,
    ERROR_OVERLAP,
    FALLEN_OVERLAP,
    OUTSIDE_OVERLAP,
    Metric,
    distribution_metric,
    error_metric,
    neighbours_metric,
    representation_metric,
)
from harness.report.numbers import UNKNOWN, count, fixed, interval, percent, probability
from harness.report.sections.attack_examples import attack_examples
from harness.report.sections.matrices import matrix, members
from harness.report.sections.rows import (
    KEY,
    adjusted_level,
    against_floor,
    agreement_level,
    compared,
    estimate_cell,
    filled,
    rows_by_model,
)
from harness.report.view import Deployment, Estimate, Json, TaskView, mapping, number, words


def characteristics(task: TaskView, *, all_pairs: bool) -> tuple[Section, ...]:
    builders = (
        ("Prediction errors", "prediction_errors", _errors),
        ("Data representation", "data_representation", _representation),
        ("Data distribution", "data_distribution", _distribution),
        ("Adversarial attack", "adversarial_attack", _attack),
    )
    sections, absent = [], []
    for title, name, build in builders:
        blocks = build(task, all_pairs) if task.characteristic(name) else []
        if blocks:
            sections.append(Section(title, tuple(blocks), level=2))
        elif not (
            name == "adversarial_attack" and task.is_question_answering
        ):  # texts are attacked, not questions
            absent.append(title.lower())
    if absent:
        sections.append(Section("Not measured in this run", (Prose((f"{', '.join(absent)}.",)),), level=2))
    return tuple(sections)


def _table(
    task: TaskView,
    title: str,
    columns: tuple[Column, ...],
    cells: Callable[[Deployment], tuple[Cell, ...]],
    notes: tuple[str, ...],
    chosen: Callable[[Deployment], bool] = lambda _: True,
) -> list[Block]:
    """A table of all deployments that worked; none where every figure of it is unknown."""
    every = [(d, cells(d)) for d in compared(task) if chosen(d)]
    known = [(d, row) for d, row in every if any(cell.text != UNKNOWN for cell in row)]
    if not known:
        return []
    return [filled(Table(title, (KEY, *columns), rows_by_model(task, known), notes))]


def _overlap(task: TaskView, metric: Metric, d: Deployment, chance: float | None) -> tuple[Cell, Cell, Cell]:
    """The overlap with the reference, its interval, and the overlap expected by chance."""
    estimate = metric.of(task, d)
    cell = against_floor(task, metric, d, fixed(estimate.value, 2))
    if cell.level is None:
        cell = Cell(cell.text, agreement_level(estimate.value, chance))
    return cell, Cell(interval(estimate)), Cell(fixed(chance, 2))


# --- prediction errors ---------------------------------------------------------------------------


def _errors(task: TaskView, all_pairs: bool) -> list[Block]:
    counted = mapping(task.strata.get("all", {}).get("errors"))
    by_kind = [name for name in ("answerable", "unanswerable") if name in task.strata]
    headings = {"answerable": "adj.\nansw.", "unanswerable": "adj.\nunansw."}
    kappa, divergence = error_metric("kappa"), error_metric("divergence", agreement=False)

    def errors_of(d: Deployment) -> Json:
        return mapping(counted.get(d.name))

    def cells(d: Deployment) -> tuple[Cell, ...]:
        pair = ERROR_OVERLAP.entry(task, d)
        adjusted = ADJUSTED_OVERLAP.of(task, d)
        strata = [error_metric("adjusted_jaccard", stratum=name).of(task, d) for name in by_kind]
        return (
            *_overlap(task, ERROR_OVERLAP, d, number(pair.get("expected_jaccard"))),
            estimate_cell(adjusted, level=adjusted_level(adjusted.value)),
            *(estimate_cell(e, level=adjusted_level(e.value)) for e in strata),
            Cell(count(number(errors_of(d).get("count")))),
            Cell(interval(adjusted)),
            Cell(fixed(number(pair.get("largest_jaccard")), 2)),
            estimate_cell(kappa.of(task, d)),
            estimate_cell(divergence.of(task, d), 3),
            Cell(probability(number(pair.get("mcnemar_p")))),
        )

    columns = (
        Column("overlap"),
        Column("95 %"),
        Column("chance"),
        Column("adjusted"),
        *(Column(headings[name]) for name in by_kind),
        Column("errors", optional=True),
        Column("adjusted\n95 %", optional=True),
        Column("largest\npossible", optional=True),
        Column("kappa", optional=True),
        Column("diver\u00ad\ngence", optional=True),
        Column("McNemar\np", optional=True),
    )
    examples = number(task.strata.get("all", {}).get("n"))
    notes = (
        f"Errors are of {count(examples)} examples. adjusted: 0 is the overlap of unrelated models with as many "
        "errors, 1 the largest possible.",
    )
    blocks = _table(task, "Against the reference: do the same examples go wrong?", columns, cells, notes)

    def level(pair: Json, _: float | None) -> Level | None:
        return adjusted_level(Estimate.of(pair.get("adjusted_jaccard")).value)

    pairs = task.error_pairs.get("all")
    drawn = pairs and matrix(
        task,
        "Pairs: overlap of errors (below the diagonal) and what chance gives (above)",
        members(task, all_pairs=all_pairs),
        pairs.get,
        lambda pair: Estimate.of(pair.get("jaccard")),
        lambda pair: number(pair.get("expected_jaccard")),
        lambda d: percent(Estimate.of(errors_of(d).get("rate")).value, 0) + "%",
        level,
        ("On the diagonal: the share of wrong examples.",),
    )
    return [*blocks, drawn] if drawn else blocks


# --- data representation -------------------------------------------------------------------------


def _representation(task: TaskView, all_pairs: bool) -> list[Block]:
    entry = task.characteristic("data_representation")
    chance = mapping(entry.get("chance_jaccard"))
    shown, counts = task.neighbours_shown, task.neighbour_counts
    if shown is None:
        return []
    main, cka = neighbours_metric(shown), representation_metric("cka")
    elsewhere = neighbours_metric(shown, key="neighbours_other_groups")
    others = [neighbours_metric(k) for k in counts if k != shown]
    expected = number(chance.get(shown))

    def cells(d: Deployment) -> tuple[Cell, ...]:
        return (
            *_overlap(task, main, d, expected)[:2],
            *(against_floor(task, m, d, fixed(m.of(task, d).value, 2)) for m in others),
            against_floor(task, elsewhere, d, fixed(elsewhere.of(task, d).value, 2)),
            against_floor(task, cka, d, fixed(cka.of(task, d).value, 2)),
        )

    columns = (
        Column(f"neighbours\nK = {shown}"),
        Column("95 %"),
        *(Column(f"K = {k}") for k in counts if k != shown),
        Column(f"elsewhere\nK = {shown}"),
        Column("CKA"),
    )
    by_chance = ", ".join(f"{fixed(number(chance.get(k)), 3)} (K = {k})" for k in counts)
    notes = (
        f"Mean Jaccard of the K nearest neighbours, of {count(number(entry.get('n')))} points. Chance: {by_chance}. "
        f"elsewhere: neighbours from the same {'paragraph' if task.is_question_answering else 'group'} left out.",
    )
    blocks = _table(task, "Against the reference: are the same points neighbours?", columns, cells, notes)
    drawn = matrix(
        task,
        f"Pairs: neighbours shared, K = {shown} (below the diagonal), and CKA (above)",
        members(task, all_pairs=all_pairs),
        task.representation_pairs.get,
        main.estimate,
        lambda pair: Estimate.of(pair.get("cka")).value,
        lambda d: "",
        lambda pair, value: agreement_level(value, expected),
        (),
    )
    return [*blocks, drawn] if drawn else blocks


# --- data distribution ---------------------------------------------------------------------------


def _distribution(task: TaskView, all_pairs: bool) -> list[Block]:
    entry = task.characteristic("data_distribution")
    detectors = mapping(entry.get("detectors"))
    inside, correlation = distribution_metric("jaccard_inside"), distribution_metric("rank_correlation")

    def cells(d: Deployment) -> tuple[Cell, ...]:
        detector = mapping(detectors.get(d.name))
        pair = OUTSIDE_OVERLAP.entry(task, d)
        return (
            estimate_cell(Estimate.of(detector.get("auroc"))),
            Cell(percent(Estimate.of(detector.get("fpr95")).value, 0)),
            *_overlap(task, OUTSIDE_OVERLAP, d, number(pair.get("expected_jaccard_outside"))),
            against_floor(task, inside, d, fixed(inside.of(task, d).value, 2)),
            against_floor(task, correlation, d, fixed(correlation.of(task, d).value, 2)),
            Cell(fixed(number(pair.get("expected_jaccard_inside")), 2)),
            Cell(percent(Estimate.of(detector.get("detected")).value, 0)),
            Cell(percent(Estimate.of(detector.get("false_alarms")).value, 0)),
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
    )
    kept = number(entry.get("kept"))
    notes = [
        f"Deep nearest neighbours (k = {count(number(entry.get('k')))}) in a bank of "
        f"{count(number(entry.get('n_bank')))} training points; {count(number(entry.get('n_outside')))} points "
        f"from elsewhere, {count(number(entry.get('n_inside')))} from inside. found: points from elsewhere that "
        f"are flagged. alarms: points from inside that are"
        + ("." if kept is None else f" (the threshold keeps {percent(kept, 0)} %).")
    ]
    if (length := number(entry.get("length_only_auroc"))) is not None:
        notes.append(f"Length alone reaches an AUROC of {fixed(length, 2)}.")
    blocks = _table(task, "Against the reference: are the same points foreign?", columns, cells, tuple(notes))
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


# --- adversarial attack --------------------------------------------------------------------------


def _attack(task: TaskView, all_pairs: bool) -> list[Block]:
    entry = task.characteristic("adversarial_attack")
    attacked = mapping(entry.get("deployments"))
    transfer = mapping(entry.get("transfer"))
    rates = mapping(transfer.get("rates"))

    def own(d: Deployment) -> Json:
        return mapping(attacked.get(d.name))

    def share(d: Deployment, name: str, decimals: int = 0) -> Cell:
        return Cell(percent(Estimate.of(own(d).get(name)).value, decimals))

    def cells(d: Deployment) -> tuple[Cell, ...]:
        pair = FALLEN_OVERLAP.entry(task, d)
        success = Estimate.of(own(d).get("success_rate"))
        return (
            share(d, "accuracy_before"),
            share(d, "accuracy_after"),
            share(d, "success_rate"),
            Cell(interval(success, scale=100, decimals=0)),
            share(d, "words_changed"),
            Cell(percent(Estimate.of(rates.get(d.name)).value, 0)),
            *_overlap(task, FALLEN_OVERLAP, d, number(pair.get("expected_jaccard")))[::2],
            Cell(interval(FALLEN_OVERLAP.of(task, d))),
            Cell(count(Estimate.of(own(d).get("queries")).value)),
            estimate_cell(Estimate.of(own(d).get("similarity"))),
            estimate_cell(Estimate.of(pair.get("kappa"))),
        )

    columns = (
        Column("before\n%"),
        Column("after\n%"),
        Column("success\n%"),
        Column("95 %"),
        Column("words\n%"),
        Column("trans\u00ad\nfer %"),
        Column("fell\nsame"),
        Column("chance"),
        Column("fell same\n95 %", optional=True),
        Column("queries", optional=True),
        Column("simi\u00ad\nlarity", optional=True),
        Column("kappa", optional=True),
    )
    notes = [
        f"BERT-ATTACK on {count(number(entry.get('n')))} texts. before, after: accuracy. success: of the texts that "
        "were right before. words: share changed. fell same: overlap of the texts that fell with the reference's."
    ]
    if transfer:
        crafted = task.by_name.get(str(transfer.get("crafted_on")))
        on = crafted.label if crafted else words(transfer.get("crafted_on"))
        notes.append(
            f"transfer: share of the {count(number(transfer.get('n')))} texts crafted on {on} that fool this one."
        )
    chosen = {d.name for d in compared(task) if own(d) or d.name in rates}
    blocks = _table(
        task, "Each deployment attacked itself", columns, cells, tuple(notes), lambda d: d.name in chosen
    )
    drawn = matrix(
        task,
        "Pairs: overlap of texts that fell (below the diagonal) and what chance gives (above)",
        members(task, all_pairs=all_pairs, chosen=lambda d: bool(own(d))),
        task.attack_pairs.get,
        FALLEN_OVERLAP.estimate,
        lambda pair: number(pair.get("expected_jaccard")),
        lambda d: percent(Estimate.of(own(d).get("success_rate")).value, 0) + "%",
        lambda pair, value: agreement_level(value, number(pair.get("expected_jaccard"))),
        ("On the diagonal: the share of attacks that succeed.",),
    )
    if drawn:
        blocks.append(drawn)
    return [*blocks, *attack_examples(task)]
