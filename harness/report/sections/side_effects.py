"""Quantized against distilled: what each deployment gained, what changed, and what caused it."""

from __future__ import annotations

from dataclasses import replace

from harness.report import causes
from harness.report.content import Block, Cell, Column, Prose, Row, Section, Table
from harness.report.findings.phrases import plural
from harness.report.floors import (
    DISAGREEMENT,
    NEWLY_RIGHT,
    NEWLY_WRONG,
    OUTSIDE_OVERLAP,
    floor,
    floor_kind,
    neighbours_metric,
    within,
)
from harness.report.numbers import UNKNOWN, count, fixed, interval, percent, ratio, signed
from harness.report.sections.rows import FLOOR_MARK, against_floor, filled, key, on_backend
from harness.report.values import Estimate, mapping, number, quotient, words
from harness.report.view import FORMAT_ORDER, Deployment, TaskView

LEGEND = {
    "differ\n%": "differ: predictions changed.",
    "neigh\u00ad\nbours\n%": "neighbours: nearest neighbours not shared (1 - Jaccard).",
    "OOD\nsame": "OOD same: Jaccard of the foreign points found.",
    "attack\npoints": "attack: success, in points above the reference's.",
}


def side_effects(task: TaskView) -> Section:
    reference = task.reference_deployment
    if reference is None or not reference.has_results:
        return Section("Quantized against distilled", (Prose(("There is no reference to compare with.",)),), level=2)
    blocks: list[Block] = []
    table = _against_reference(task, reference)
    if table is None:
        blocks.append(Prose(("There is nothing beside the reference.",)))
    else:
        blocks.append(table)
    blocks += _one_step_at_a_time(task)
    return Section("Quantized against distilled", tuple(blocks), level=2)


def _against_reference(task: TaskView, reference: Deployment) -> Table | None:
    k = task.neighbours_shown
    neighbours = None if k is None else neighbours_metric(k)

    def attack(d: Deployment) -> Estimate:
        attacked = mapping(task.characteristic("adversarial_attack").get("deployments"))
        return Estimate.of(mapping(attacked.get(d.name)).get("success_rate"))

    def cells(d: Deployment) -> tuple[Cell, ...]:
        pair = DISAGREEMENT.entry(task, d)
        changed = DISAGREEMENT.of(task, d)
        kept = Estimate() if neighbours is None else neighbours.of(task, d)
        outside = OUTSIDE_OVERLAP.of(task, d)
        moved = None if kept.value is None else 1 - kept.value
        neighbour_cell = Cell(percent(moved, 0))
        if neighbours is not None:
            neighbour_cell = against_floor(task, neighbours, d, percent(moved, 0))
        return (
            key(task, d, _name(d, reference)),
            Cell(ratio(task.speed_up(d))),
            Cell(ratio(task.size_ratio(d))),
            against_floor(task, NEWLY_WRONG, d, count(number(pair.get("newly_wrong")))),
            against_floor(task, NEWLY_RIGHT, d, count(number(pair.get("newly_right")))),
            against_floor(task, DISAGREEMENT, d, percent(changed.value)),
            neighbour_cell,
            against_floor(task, OUTSIDE_OVERLAP, d, fixed(outside.value, 2)),
            _attack_cell(task, reference, d, attack(d), attack(reference)),
            Cell(interval(changed, scale=100, decimals=1)),
        )

    groups: dict[str, list[Deployment]] = {}
    order = list(causes.EXPLAINED)
    others = [d for d in task.deployments if d.has_results and causes.cause(d, reference) in order]
    for deployment in sorted(others, key=lambda d: order.index(causes.cause(d, reference))):
        told = causes.EXPLAINED[causes.cause(deployment, reference)].format(model=words(deployment.model))
        groups.setdefault(told + on_backend(task, deployment), []).append(deployment)
    rows = [Row(cells(d), group) for group, members in groups.items() for d in members]
    if not rows:
        return None
    columns = (
        Column("deployment", right=False),
        Column("speed-\nup"),
        Column("file\nratio"),
        Column("newly\nwrong"),
        Column("newly\nright"),
        Column("differ\n%"),
        Column("neigh\u00ad\nbours\n%"),
        Column("OOD\nsame"),
        Column("attack\npoints"),
        Column("differ\n95 %", optional=True),
    )
    table = filled(Table("Everything against the reference", columns, tuple(rows)))
    headings = {column.heading for column in table.columns}
    told = " ".join(text for heading, text in LEGEND.items() if heading in headings)
    return replace(table, notes=tuple(note for note in (told, _floor_note(task, reference)) if note))


def _name(deployment: Deployment, reference: Deployment) -> str:
    """What the heading of its cause does not say already."""
    if causes.cause(deployment, reference) not in (causes.ARCHITECTURE, causes.SEED):
        return deployment.variant
    if deployment.format == reference.format:
        return words(deployment.model)
    return f"{words(deployment.model)}/{deployment.variant}"


def _attack_cell(task: TaskView, reference: Deployment, d: Deployment, rate: Estimate, base: Estimate) -> Cell:
    """A change of the success rate; within the floor where the two intervals overlap."""
    if rate.value is None or base.value is None:
        return Cell(UNKNOWN)
    text = signed(100 * (rate.value - base.value), 0)
    if d.replicate_kind is None and within(rate, base, agreement=rate.value < base.value):
        return Cell(FLOOR_MARK + text, "floor") if rate.overlaps(base) else Cell(text)
    return Cell(text)


def _floor_note(task: TaskView, reference: Deployment) -> str:
    told = []
    for kind in ("execution", "seed"):
        noise = floor(task, DISAGREEMENT, kind)
        if noise.value is not None:
            told.append(f"{kind} floor {percent(noise.value)} %")
    if not told:
        return "No floor was measured: small changes may be noise."
    held = {floor_kind(task, d) for d in task.candidates if d.model != reference.model}
    other = "Other models are held against the seed floor." if "seed" in held else ""
    return f"{FLOOR_MARK} not distinguishable from the floor (differ: {', '.join(told)}). {other}".strip()


def _one_step_at_a_time(task: TaskView) -> list[Block]:
    """Models down, formats across: each cell is one step of the chain, against the one before it."""
    tables: list[Block] = []
    backends = [b for b in task.backends if any(d.backend == b for d in task.measured)]
    for backend in backends:
        here = [d for d in task.measured if d.backend == backend and d.replicate_kind is None]
        formats = sorted(
            {d.format for d in here if not d.is_fp32},
            key=lambda f: (FORMAT_ORDER.index(f) if f in FORMAT_ORDER else len(FORMAT_ORDER), f),
        )
        models = list(dict.fromkeys(d.model for d in here))
        if not formats or len(models) < 2:
            continue
        rows = []
        for model in models:
            steps = [_architecture(task, here, model)]
            steps += [_precision(task, here, model, form) for form in formats]
            rows.append(Row((Cell(words(model)), *steps)))
        if not any(cell.text != UNKNOWN for row in rows for cell in row.cells[1:]):
            continue
        where = f" on {words(backend)}" if len(backends) > 1 else ""
        tables.append(
            Table(
                f"One step at a time{where}: predictions changed, and speed-up, by this step alone",
                (
                    Column("model", right=False),
                    Column("architecture\n% at speed-up"),
                    *(Column(f"{words(f).removeprefix('onnx-')}\n% at speed-up") for f in formats),
                ),
                tuple(rows),
                (
                    "architecture: the model in FP32 against the reference's model in FP32. Formats: "
                    f"against the same model in FP32. Over {plural(_examples(task), 'example')}.",
                ),
            )
        )
    return tables


def _examples(task: TaskView) -> int:
    return int(number(task.strata.get("all", {}).get("n")) or 0)


def _architecture(task: TaskView, here: list[Deployment], model: str) -> Cell:
    for deployment in here:
        if deployment.model == model and deployment.is_fp32:
            step = causes.architecture_step(task, deployment)
            if step is not None and deployment is causes.fp32_of(task, model, deployment.backend):
                return _step_cell(task, step)
    return Cell(UNKNOWN)


def _precision(task: TaskView, here: list[Deployment], model: str, form: str) -> Cell:
    for deployment in here:
        if deployment.model == model and deployment.format == form:
            step = causes.precision_step(task, deployment)
            if step is not None:
                return _step_cell(task, step)
    return Cell(UNKNOWN)


def _step_cell(task: TaskView, step: causes.Step) -> Cell:
    changed = DISAGREEMENT.between(task, step.before.name, step.after.name)
    gain = quotient(step.before.latency("p50"), step.after.latency("p50"))
    if changed.value is None and gain is None:
        return Cell(UNKNOWN)
    return Cell(f"{percent(changed.value)} at {ratio(gain)}")
