"""A comparison of two runs as the content that the report's renderers take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from benchmarks.statistics.equivalence import LEVEL
from harness.report.blocks import (
    Cell,
    Column,
    Facts,
    Finding,
    FindingKind,
    Findings,
    Level,
    Prose,
    Report,
    Row,
    Section,
    Table,
)
from harness.report.findings.phrases import plural, sentence
from harness.report.numbers import EN_DASH, UNKNOWN, decimals_for, fixed, percent, probability
from harness.report.sections.closing import failures
from harness.report.values import words
from harness.run_comparison.behaviour_blocks import behaviour_sections
from harness.run_comparison.figures import (
    BETTER,
    FILE_SIZE,
    PERFORMANCE_FIGURES,
    SPEED_UP,
    WORSE,
    FigureVerdict,
    PerformanceFigure,
)
from harness.run_comparison.provenance import KINDS, Kind, RunDifference
from harness.run_comparison.runs import FinishedRun
from harness.run_comparison.verdicts import Compared, Comparison

LISTED_AT_MOST = 6
HASH_DIGITS = 12

MEANING: dict[Kind, str] = {
    "machine": "These runs are of different machines: a ratio tells the machines apart, not the artifacts.",
    "settings": "The deployments ran with other settings: a ratio tells the settings apart as well.",
    "load": "The requests were chosen or offered otherwise: a ratio tells the load apart as well.",
    "data": "The evaluation data differ, and with them the requests that were timed.",
    "artifact": "The artifact changed: the same name stands for another file.",
    "versions": "Versions differ, and a ratio tells them apart as well.",
}


def build_content(comparison: Comparison) -> Report:
    """Everything that the report says; first what makes the two runs unlike."""
    pair = comparison.pair
    sections = [_runs(comparison), _changes(comparison)]
    sections += behaviour_sections(comparison.behaviour)
    for task in dict.fromkeys(common.task for common in pair.common):
        figures = [compared for compared in comparison.figures if compared.common.task == task]
        sections.append(_figures(task, figures))
    sections += [section for section in (_only_in_one(comparison),) if section]
    for run, name in ((pair.a, "A"), (pair.b, "B")):
        failed = failures(run.tasks.values())
        sections += [replace(failed, title=f"Failures in {name}")] if failed else []
    sections.append(_how_to_read(comparison))
    compared = {(one.task, one.name) for one in pair.common} | {(one.task, one.name) for one in pair.answered}
    return Report("scalemodel compare", f"B against A, {plural(len(compared), 'deployment')}", tuple(sections))


def _runs(comparison: Comparison) -> Section:
    pair = comparison.pair
    facts = Facts((("A", _run(pair.a)), ("B", _run(pair.b))))
    findings = tuple(
        _difference(kind, comparison) for kind in KINDS if any(d.kind == kind for d in comparison.differences)
    )
    same = Prose(
        (
            "Nothing that the runs record: the same machine, settings, load, data, artifacts and versions. What they "
            "do not record, such as what else the machine did at the time, is in every ratio.",
        )
    )
    return Section("What differs between the runs", (facts, Findings(findings) if findings else same))


def _run(run: FinishedRun) -> str:
    counts = sorted({one.timings.processes for task in run.tasks for one in run.measured(task).values()})
    processes = f"{plural(counts[-1], 'process', 'processes')} a deployment" if counts else "not timed"
    if len(counts) > 1:
        processes = f"{counts[0]} to {processes}"
    return f"{words(str(run.path))} (study {run.study or 'without a name'}, {processes})"


def _difference(kind: Kind, comparison: Comparison) -> Finding:
    differences = [difference for difference in comparison.differences if difference.kind == kind]
    total = len(comparison.pair.common)
    descriptions = [_difference_in_words(difference, total) for difference in differences[:LISTED_AT_MOST]]
    more = (
        [f"and {len(differences) - LISTED_AT_MOST} more (all with --format json)"]
        if len(differences) > LISTED_AT_MOST
        else []
    )
    deployments = dict.fromkeys(name for difference in differences for name in difference.deployments)
    text = f"{MEANING[kind]} {'; '.join([*descriptions, *more])}."
    return Finding("warning", f"other-{kind}", text, deployments=tuple(deployments))


def _difference_in_words(difference: RunDifference, total: int) -> str:
    sides = [difference.before, difference.after]
    if difference.kind == "artifact":
        sides = [side[:HASH_DIGITS] for side in sides]
    description = f"{difference.what}: {sides[0]} in A, {sides[1]} in B"
    if not difference.deployments:
        return description
    if len(difference.deployments) == total:
        return f"{description} ({'all deployments' if total > 1 else difference.deployments[0]})"
    return f"{description} ({_listed(difference.deployments)})"


def _changes(comparison: Comparison) -> Section:
    findings = [
        _change(verdict, figure, same, comparison)
        for verdict in (*WORSE, *BETTER)
        for figure in (SPEED_UP, *PERFORMANCE_FIGURES, FILE_SIZE)
        if (same := [c for c in comparison.figures if c.verdict == verdict and c.figure == figure])
    ]
    unsure = [_cannot_tell(reason, same, comparison) for reason, same in _by_reason(comparison.figures)]
    unchanged = sum(compared.verdict == "no change seen" for compared in comparison.figures)
    text = f"No change was seen in {unchanged} of {plural(len(comparison.figures), 'figure')}."
    if not findings:
        text += " Nothing is called slower, faster, bigger or smaller."
    if not any(compared.figure is SPEED_UP for compared in comparison.figures):
        text += f" {_unpaired(comparison)}"
    blocks = (Findings((*findings, *unsure)),) if findings or unsure else ()
    return Section("What changed", (*blocks, Prose((text,))))


def _unpaired(comparison: Comparison) -> str:
    """Why no speed-ups are compared."""
    pair = comparison.pair
    if all(pair.other_reference(task) for task in {common.task for common in pair.common}):
        return "Speed-ups cannot be compared: the reference's artifact is another one in B."
    return "Speed-ups cannot be compared: not both runs measured them in pairs, in several processes."


def _change(
    verdict: FigureVerdict, figure: PerformanceFigure, figures: Sequence[Compared], comparison: Comparison
) -> Finding:
    def size(compared: Compared) -> float:
        return abs((compared.change.ratio.value or 1.0) - 1)

    largest = sorted(figures, key=size, reverse=True)
    tasks = {common.task for common in comparison.pair.common}
    descriptions = [
        words(compared.common.before.deployment.short)
        + (f" ({words(compared.common.task)})" if len(tasks) > 1 else "")
        + f" {_estimate(compared)}"
        for compared in largest
    ]
    kind: FindingKind = "warning" if verdict in WORSE else "result"
    rule = f"{figure.name.replace(' ', '-')}-{verdict}"
    names = tuple(dict.fromkeys(compared.common.name for compared in largest))
    return Finding(kind, rule, f"{figure.name}, {verdict} in B: {_listed(descriptions)}.", deployments=names)


def _by_reason(figures: Iterable[Compared]) -> Iterator[tuple[str, list[Compared]]]:
    by_reason: dict[str, list[Compared]] = {}
    for compared in figures:
        if compared.verdict == "cannot tell":
            by_reason.setdefault(compared.change.reason, []).append(compared)
    yield from by_reason.items()


def _cannot_tell(reason: str, figures: Sequence[Compared], comparison: Comparison) -> Finding:
    cause, _, then = reason.partition(": ")
    needed = figures[0].change.processes_needed
    if needed is not None:
        some_left_out = cause.endswith("undisturbed")
        tested = sum(compared.figure is not FILE_SIZE for compared in comparison.figures)
        cause = (
            f"{cause} for {plural(tested, 'figure')} together: even if all of one side lay beyond all of the "
            f"other, the corrected p would not fall below {LEVEL}"
        )
        then = f"measure both runs with --set performance.replicates={needed} or more"
        if some_left_out:
            then += ", when nothing else runs and with a larger performance.min_seconds: some were left out"
    text = f"{plural(len(figures), 'figure')} cannot tell: {cause}."
    names = tuple(dict.fromkeys(compared.common.name for compared in figures))
    return Finding("advice", "cannot-tell", text, sentence(then), names)


def _figures(task: str, figures: Sequence[Compared]) -> Section:
    columns = (
        Column("figure", right=False),
        Column("A"),
        Column("B"),
        Column("B/A"),
        Column("95 %"),
        Column("p", optional=True),
        Column("verdict", right=False),
    )
    rows = tuple(Row(_cells(compared), words(compared.common.name)) for compared in figures)
    notes = ["A, B: medians over processes."]
    if any(any(compared.doubtful) for compared in figures):
        notes.append(
            "! unstable timing, or the machine was disturbed: such processes are in the median, but not in B/A, "
            "95 % and p, unless a run has no other; then nothing is concluded."
        )
    return Section(words(task), (Table("", columns, rows, tuple(notes)),))


def _cells(compared: Compared) -> tuple[Cell, ...]:
    figure, change = compared.figure, compared.change
    values = (compared.before / figure.scale, compared.after / figure.scale)
    decimals = decimals_for(values)
    marks = ["!" if doubtful else "" for doubtful in compared.doubtful]
    shown = [Cell(mark + fixed(v, decimals), "bad" if mark else None) for mark, v in zip(marks, values, strict=True)]
    verdict = compared.verdict
    level: Level = "bad" if verdict in WORSE else "high" if verdict in BETTER else "floor"
    return (
        Cell(f"{figure.name} {figure.unit}"),
        *shown,
        Cell(_ratio(change.ratio.value)),
        Cell(_interval(compared)),
        Cell("exact" if figure is FILE_SIZE else probability(change.p)),
        Cell(verdict, level),
    )


def _only_in_one(comparison: Comparison) -> Section | None:
    sentences = []
    pair = comparison.pair
    for here, there, name, other in ((pair.a, pair.b, "A", "B"), (pair.b, pair.a, "B", "A")):
        for task in pair.tasks:
            mine, theirs = here.measured(task), there.measured(task)
            failed = there.failed(task)
            only = [f"{words(d)} ({other}: failed)" if d in failed else words(d) for d in mine if d not in theirs]
            if only:
                sentences.append(f"Only {name} measured {len(only)} of {words(task)}: {', '.join(only)}.")
    return Section("Not in both", (Prose(tuple(sentences)),)) if sentences else None


def _how_to_read(comparison: Comparison) -> Section:
    effect = percent(comparison.minimum_effect)
    return Section(
        "How to read this",
        (
            Prose(
                (
                    "B/A is the median of the ratios of every process of B to every process of A (Hodges and Lehmann "
                    "1963); 95 % is the interval that the rank test does not reject, each for itself.",
                    "p is Mann and Whitney's exact two-sided test over processes, corrected by Holm for the "
                    f"{plural(comparison.tests, 'figure')} tested. A change is called where p is below {LEVEL}, B/A is "
                    f"more than {effect} % from 1, and neither timing is marked !. A file's size has no noise: only "
                    f"the {effect} % count.",
                    "speed-up: against each run's own reference, the same artifact in both, measured in pairs; B/A, "
                    "its interval and p are those of the two ratios, whose intervals are over pairs and processes.",
                    "No change seen is no proof that there is none: the interval tells how large one may be.",
                    "The two runs were made at different times: what else the machine did then is part of every ratio. "
                    "Before a decision hangs on it, measure A again and compare it with itself.",
                )
            ),
        ),
    )


def _estimate(compared: Compared) -> str:
    """ "1.203x (1.180 to 1.224)"."""
    ratio = compared.change.ratio
    factor = f"{_ratio(ratio.value)}x"
    if compared.figure is FILE_SIZE or ratio.low is None:
        return factor
    return f"{factor} ({_ratio(ratio.low)} to {_ratio(ratio.high)})"


def _interval(compared: Compared) -> str:
    ratio = compared.change.ratio
    if compared.figure is FILE_SIZE or ratio.low is None:
        return UNKNOWN
    return f"{_ratio(ratio.low)}{EN_DASH}{_ratio(ratio.high)}"


def _ratio(value: float | None) -> str:
    if value is not None and value < 0.0005:
        return "<0.001"
    return fixed(value, decimals_for([value]) if value is not None and value >= 10 else 3)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - LISTED_AT_MOST
    return ", ".join(names if more <= 0 else [*names[:LISTED_AT_MOST], f"and {more} more"])
