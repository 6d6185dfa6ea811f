"""Data representation: whether the same points are neighbours."""

from __future__ import annotations

from benchmarks.characteristics.data_representation import DataRepresentation
from harness.report.blocks import About, Block, Cell, Column
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
from harness.report.view import DeploymentView, TaskView


def data_representation(task: TaskView, result: DataRepresentation, all_pairs: bool) -> list[Block]:
    chance = result.chance_jaccard
    shown, counts = task.neighbours_shown, task.neighbour_counts
    if shown is None:
        return []
    main, cka = neighbours_metric(shown), representation_metric(lambda pair: pair.cka)
    procrustes = representation_metric(lambda pair: pair.procrustes)
    elsewhere = representation_metric(lambda pair: pair.neighbours_other_groups[shown])
    others = [neighbours_metric(k) for k in counts if k != shown]
    expected = chance[shown]

    def cells(d: DeploymentView) -> tuple[Cell, ...]:
        pair = main.pair(task, d)
        return (
            *overlap(task, main, d, expected)[:2],
            *(against_floor(task, m, d, fixed(m.of(task, d).value, 2)) for m in others),
            against_floor(task, elsewhere, d, fixed(elsewhere.of(task, d).value, 2)),
            against_floor(task, cka, d, fixed(cka.of(task, d).value, 2)),
            estimate_cell(procrustes.of(task, d)),
            Cell(fixed(pair.expected_procrustes if pair else None, 2)),
        )

    columns = (
        Column(f"neighbours\nK = {shown}"),
        Column("95 %"),
        *(Column(f"K = {k}") for k in counts if k != shown),
        Column(f"elsewhere\nK = {shown}"),
        Column("CKA"),
        Column("Pro\u00ad\ncrustes", optional=True),
        Column("Procrustes\nchance", optional=True),
    )
    by_chance = ", ".join(f"{fixed(chance[k], 3)} (K = {k})" for k in counts)
    by_chance_elsewhere = fixed(result.chance_jaccard_other_groups[shown], 3)
    note = (
        f"Mean Jaccard of the K nearest neighbours, of {count(result.n)} points. Chance: {by_chance}.",
        About(
            (f"elsewhere\nK = {shown}",),
            f"elsewhere: neighbours from the same {task.kind.group} left out (chance {by_chance_elsewhere}).",
        ),
        "Intervals are over the points that are judged; those that they are neighbours among stay.",
        About(("CKA",), "CKA: debiased, 0 by chance."),
        f"A {task.unit} is represented by its first window." if task.kind.windowed else "",
    )
    blocks = comparison(task, "Against the reference: are the same points neighbours?", columns, cells, (note,))
    drawn = matrix(
        task,
        f"Pairs: neighbours shared, K = {shown} (below the diagonal), and CKA (above)",
        members(task, all_pairs=all_pairs),
        task.representation_pairs.between,
        main.estimate,
        lambda pair: pair.cka.value,
        lambda d: "",
        lambda pair, value: agreement_level(value, expected),
        (),
    )
    return [*blocks, drawn] if drawn else blocks
