"""Quantized against distilled: what each deployment gained, what changed, and what caused it."""

from __future__ import annotations

from benchmarks.statistics.bootstrap import UNDEFINED
from harness.report import causes
from harness.report.blocks import About, Block, Cell, Column, Prose, Row, Section, Table
from harness.report.floors import (
    DETECTED_OVERLAP,
    DISAGREEMENT,
    ERROR_OVERLAP,
    NEWLY_WRONG,
    floor,
    neighbours_metric,
)
from harness.report.numbers import UNKNOWN, count, fixed, interval, percent, ratio, signed
from harness.report.sections.attribution import chain
from harness.report.sections.pareto import NOTE as FRONT
from harness.report.sections.pareto import front
from harness.report.sections.rows import MARKS, against_floor, filled, key, marked, on_backend, speed_up_cell
from harness.report.values import words
from harness.report.view import DeploymentView, TaskView

LEGEND = (
    About(("differ\n%",), "differ: predictions changed."),
    About(("times\nfloor",), "times floor: of differ."),
    About(("neigh\u00ad\nbours\n%",), "neighbours: nearest neighbours not shared (1 - Jaccard)."),
    About(("OOD\nsame",), "OOD same: Jaccard of the out-of-distribution points detected."),
    About(("by\nspeed", "by\nmemory"), FRONT),
    About(("attack\npoints",), "attack: success, in points above the reference's, where both were right."),
)


def side_effects(task: TaskView) -> Section:
    reference = task.reference_deployment
    # of outputs from elsewhere nobody knows which are quantized and which distilled
    title = "What changed" if task.external else "Quantized against distilled"
    if reference is None or not reference.has_results:
        return Section(title, (Prose(("There is no reference to compare with.",)),), level=2)
    blocks: list[Block] = []
    table = _against_reference(task, reference)
    if table is None:
        blocks.append(Prose(("There is nothing beside the reference.",)))
    else:
        blocks.append(table)
    blocks += chain(task)
    return Section(title, tuple(blocks), level=2)


def _against_reference(task: TaskView, reference: DeploymentView) -> Table | None:
    k = task.neighbours_shown
    neighbours = None if k is None else neighbours_metric(k)

    def cells(d: DeploymentView) -> tuple[Cell, ...]:
        pair = DISAGREEMENT.pair(task, d)
        changed = DISAGREEMENT.of(task, d)
        kept = UNDEFINED if neighbours is None else neighbours.of(task, d)
        detected = DETECTED_OVERLAP.of(task, d)
        moved = None if kept.value is None else 1 - kept.value
        neighbour_cell = Cell(percent(moved, 0))
        if neighbours is not None:
            neighbour_cell = against_floor(task, neighbours, d, percent(moved, 0))
        return (
            key(task, d, _name(d, reference)),
            speed_up_cell(task, d),
            against_floor(task, NEWLY_WRONG, d, count(pair.newly_wrong if pair else None)),
            Cell(count(pair.newly_right if pair else None)),
            against_floor(task, DISAGREEMENT, d, percent(changed.value)),
            Cell(_times_floor(task, d)),
            neighbour_cell,
            against_floor(task, DETECTED_OVERLAP, d, fixed(detected.value, 2)),
            _attack_cell(task, reference, d),
            Cell(interval(changed, scale=100, decimals=1)),
            Cell(ratio(task.size_ratio(d))),
            *front(task, d),
        )

    groups: dict[str, list[DeploymentView]] = {}
    order = list(causes.EXPLAINED)
    others = [d for d in task.deployments if d.has_results and causes.cause(d, reference) in order]
    for deployment in sorted(others, key=lambda d: order.index(causes.cause(d, reference))):
        heading = causes.EXPLAINED[causes.cause(deployment, reference)].format(model=words(deployment.model))
        groups.setdefault(heading + on_backend(task, deployment), []).append(deployment)
    rows = [Row(cells(d), group) for group, members in groups.items() for d in members]
    if not rows:
        return None
    columns = (
        Column("deployment", right=False),
        Column("speed-\nup"),
        Column("newly\nwrong"),
        Column("newly\nright"),
        Column("differ\n%"),
        Column("times\nfloor"),
        Column("neigh\u00ad\nbours\n%"),
        Column("OOD\nsame"),
        Column("attack\npoints"),
        Column("differ\n95 %", optional=True),
        Column("file\nratio", optional=True),
        Column("by\nspeed", optional=True),
        Column("by\nmemory", optional=True),
    )
    speed_up = About(("speed-\nup",), f"speed-up: of {task.speed_measure}.")
    notes = ((speed_up, *LEGEND), _floor_note(task, reference))
    return filled(Table("Everything against the reference", columns, tuple(rows), notes))


def _name(deployment: DeploymentView, reference: DeploymentView) -> str:
    """What the heading of its cause does not say already."""
    if causes.cause(deployment, reference) not in (causes.ARCHITECTURE, causes.PRUNING, causes.SEED):
        return deployment.variant
    if deployment.format == reference.format:
        return words(deployment.model)
    return f"{words(deployment.model)}/{deployment.variant}"


def _overlap_margin(task: TaskView) -> str:
    verdicts = (ERROR_OVERLAP.verdict(task, d) for d in task.candidates)
    return next((f", {v.margin:g} of an overlap" for v in verdicts if v is not None), "")


def _times_floor(task: TaskView, deployment: DeploymentView) -> str:
    verdict = DISAGREEMENT.verdict(task, deployment)
    if verdict is None or deployment.replicate_kind is not None:
        return UNKNOWN
    return "floor 0" if verdict.floor.value == 0 else ratio(verdict.times_floor.value)


def _attack_cell(task: TaskView, reference: DeploymentView, d: DeploymentView) -> Cell:
    """A change of the success rate on the texts that both had right, marked by the test of it."""
    pair, attack = task.attack_pairs.between(reference.name, d.name), task.characteristics.adversarial_attack
    change = pair.changes.success_rate.value if pair else None
    if change is None:
        return Cell(UNKNOWN)
    text = signed(100 * change, 0)
    if d.replicate_kind is not None or attack is None or d.name not in attack.success_changes:
        return Cell(text)
    return marked(text, attack.success_changes[d.name].conclusion)


def _floor_note(task: TaskView, reference: DeploymentView) -> str:
    floors = []
    for kind in ("execution", "seed"):
        noise = floor(task, DISAGREEMENT, kind)
        if noise.value is not None:
            floors.append(f"{kind} floor {percent(noise.value)} %")
    moved = {d.number: floor(task, DISAGREEMENT, "execution", d.name).value for d in task.candidates}
    own = [f"[{number}] run again {percent(value)} %" for number, value in moved.items() if value]
    floors += own
    judged = [v for d in task.candidates for m in (DISAGREEMENT, ERROR_OVERLAP) if (v := m.verdict(task, d))]
    if not floors and not judged:
        return "No floor was measured: small changes may be noise."
    margin = next((v.margin for v in judged), None)
    beyond = (
        ""
        if margin is None
        else f" (above it by less than the margin: {100 * margin:g} % of the predictions{_overlap_margin(task)})"
    )
    held = {verdict.floor_kind for verdict in judged}
    return " ".join(
        part
        for part in (
            f"{MARKS['same']} the same as the noise floor{beyond}. {MARKS['cannot tell']} too few examples to tell.",
            "No mark: different, at 5 % over all rows together (Holm).",
            f"differ: {', '.join(floors)}." if floors else "",
            "Other models are held against the seed floor." if "seed" in held else "",
        )
        if part
    )
