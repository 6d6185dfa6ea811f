"""Data representation: whether the same points are neighbours."""

from __future__ import annotations

from harness.report.blocks import Block, Cell, Column
from harness.report.floors import (
    neighbours_metric,
    representation_metric,
)
from harness.report.numbers import count, fixed
from harness.report.sections.comparison import comparison, overlap
from harness.report.sections.matrices import matrix, members
from harness.report.sections.rows import (
    against_floor,
    agreement_level,
    estimate_cell,
)
from harness.report.values import Estimate, mapping, number
from harness.report.view import Deployment, TaskView


def data_representation(task: TaskView, all_pairs: bool) -> list[Block]:
    entry = task.characteristic("data_representation")
    chance = mapping(entry.get("chance_jaccard"))
    shown, counts = task.neighbours_shown, task.neighbour_counts
    if shown is None:
        return []
    main, cka = neighbours_metric(shown), representation_metric("cka")
    procrustes = representation_metric("procrustes")
    elsewhere = neighbours_metric(shown, key="neighbours_other_groups")
    chance_elsewhere = mapping(entry.get("chance_jaccard_other_groups"))
    others = [neighbours_metric(k) for k in counts if k != shown]
    expected = number(chance.get(shown))

    def cells(d: Deployment) -> tuple[Cell, ...]:
        return (
            *overlap(task, main, d, expected)[:2],
            *(against_floor(task, m, d, fixed(m.of(task, d).value, 2)) for m in others),
            against_floor(task, elsewhere, d, fixed(elsewhere.of(task, d).value, 2)),
            against_floor(task, cka, d, fixed(cka.of(task, d).value, 2)),
            estimate_cell(procrustes.of(task, d)),
            Cell(fixed(number(cka.entry(task, d).get("expected_cka")), 2)),
            Cell(fixed(number(cka.entry(task, d).get("expected_procrustes")), 2)),
        )

    columns = (
        Column(f"neighbours\nK = {shown}"),
        Column("95 %"),
        *(Column(f"K = {k}") for k in counts if k != shown),
        Column(f"elsewhere\nK = {shown}"),
        Column("CKA"),
        Column("Pro\u00ad\ncrustes", optional=True),
        Column("CKA\nchance", optional=True),
        Column("Procrustes\nchance", optional=True),
    )
    by_chance = ", ".join(f"{fixed(number(chance.get(k)), 3)} (K = {k})" for k in counts)
    notes = (
        f"Mean Jaccard of the K nearest neighbours, of {count(number(entry.get('n')))} points. Chance: "
        f"{by_chance}. elsewhere: neighbours from the same "
        f"{'paragraph' if task.is_question_answering else 'group'} left out (chance "
        f"{fixed(number(chance_elsewhere.get(shown)), 3)}).",
    )
    blocks = comparison(task, "Against the reference: are the same points neighbours?", columns, cells, notes)
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
