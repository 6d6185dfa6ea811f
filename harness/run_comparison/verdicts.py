"""Every figure of every deployment that two runs measured, judged together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.performance.comparison import PairedRatios, RatioChange, Sample, judge, judge_exactly
from benchmarks.statistics.bootstrap import Estimate
from harness.results.timings import DeploymentPerformance
from harness.run_comparison.behaviour import Behaviour, compare_behaviour
from harness.run_comparison.figures import (
    FILE_SIZE,
    PERFORMANCE_FIGURES,
    SPEED_UP,
    WORSE,
    FigureVerdict,
    PerformanceFigure,
    same_processes,
)
from harness.run_comparison.provenance import RunDifference, differences
from harness.run_comparison.runs import Common, RunPair


@dataclass(frozen=True, eq=False)
class Compared:
    """One figure of one deployment in both runs."""

    common: Common
    figure: PerformanceFigure
    before: float
    """As stored: the median over the processes of run A, of which `change` has the median of ratios."""
    after: float
    doubtful: tuple[bool, bool]
    """Whether a process's timing did not settle, or the machine was disturbed meanwhile."""
    processes: tuple[int, int]
    change: RatioChange

    @property
    def verdict(self) -> FigureVerdict:
        return self.figure.verdict(self.change)


@dataclass(frozen=True, eq=False)
class Comparison:
    """What comparing two runs found."""

    pair: RunPair
    differences: tuple[RunDifference, ...]
    """Between the runs themselves: machines, settings, versions, artifacts, data."""
    figures: tuple[Compared, ...]
    """By deployment, in the order of run A."""
    minimum_effect: float
    behaviour: tuple[Behaviour, ...]
    """By deployment, likewise."""

    @property
    def worse(self) -> tuple[Compared, ...]:
        return tuple(figure for figure in self.figures if figure.verdict in WORSE)

    @property
    def tests(self) -> int:
        """For how many p values were corrected."""
        return sum(figure.change.p is not None for figure in self.figures)


def compare(pair: RunPair, *, minimum_effect: float) -> Comparison:
    """Judge all deployments of all tasks as one family. `minimum_effect`: see `benchmarks.performance.comparison`."""
    samples = {
        (common, figure): sample
        for common in pair.common
        for figure in PERFORMANCE_FIGURES
        if (sample := _sample(common, figure))
    }
    paired = {common: ratios for common in pair.common if (ratios := _paired(pair, common))}
    every: dict[tuple[Common, PerformanceFigure], Sample | PairedRatios] = {
        **samples,
        **{(common, SPEED_UP): ratios for common, ratios in paired.items()},
    }
    changes = judge(every, minimum_effect)
    figures: list[Compared] = []
    for common in pair.common:
        if common in paired:
            figures.append(_sped_up(common, paired[common], changes[common, SPEED_UP]))
        figures += [
            _timed(common, figure, samples[common, figure], changes[common, figure])
            for figure in PERFORMANCE_FIGURES
            if (common, figure) in samples
        ]
        size = _file_size(common, minimum_effect)
        figures += [size] if size else []
    return Comparison(pair, differences(pair), tuple(figures), minimum_effect, compare_behaviour(pair))


def _timed(common: Common, figure: PerformanceFigure, sample: Sample, change: RatioChange) -> Compared:
    before, after = common.before.timings, common.after.timings
    medians = figure.of(before), figure.of(after)
    assert medians[0] is not None and medians[1] is not None  # else there was no sample
    of_a, of_b = (figure.unsteady(side) or figure.disturbed(side) for side in (before, after))
    counts = len(sample.before), len(sample.after)
    return Compared(common, figure, medians[0], medians[1], (of_a, of_b), counts, change)


def _paired(pair: RunPair, common: Common) -> PairedRatios | None:
    """None where the two runs have no speed-ups against one and the same reference artifact, with their intervals."""
    before, after = common.before.timings.paired, common.after.timings.paired
    if before is None or after is None or before.interval is None or after.interval is None:
        return None
    if before.against != after.against or pair.other_reference(common.task):
        return None
    doubt = "the store used a measurement of A again in B: measure anew with another --store" if before == after else ""
    ratios = PairedRatios(Estimate(before.ratio, *before.interval), Estimate(after.ratio, *after.interval), doubt)
    return ratios if min(ratios.before.low or 0.0, ratios.after.low or 0.0) > 0 else None


def _sped_up(common: Common, ratios: PairedRatios, change: RatioChange) -> Compared:
    before, after = common.before.timings.paired, common.after.timings.paired
    assert before is not None and after is not None  # else there were no ratios
    counts = before.processes, after.processes
    return Compared(common, SPEED_UP, before.ratio, after.ratio, (False, False), counts, change)


@dataclass(frozen=True)
class _Side:
    """One figure in one of the runs."""

    name: str
    median: float
    values: tuple[float, ...]
    """A process each."""
    sound: tuple[float, ...]
    """Those of processes whose timing settled on a machine that did nothing else."""
    unsteady: bool

    @classmethod
    def of(cls, name: str, performance: DeploymentPerformance, figure: PerformanceFigure) -> _Side | None:
        """None where the run does not know the figure."""
        median = figure.of(performance)
        if median is None:
            return None
        known = [(process, value) for process in performance.replicates if (value := figure.of(process)) is not None]
        sound = [value for process, value in known if not figure.unsteady(process) and not figure.disturbed(process)]
        return cls(name, median, tuple(value for _, value in known), tuple(sound), figure.unsteady(performance))


def _sample(common: Common, figure: PerformanceFigure) -> Sample | None:
    """The sound values of each run, or all where it has no sound one; None where one has none, or such as have no
    ratio."""
    before, after = common.before.timings, common.after.timings
    a, b = _Side.of("A", before, figure), _Side.of("B", after, figure)
    if a is None or b is None:
        return None
    doubt = _doubt((a, b), figure)
    if same_processes(before, after):
        doubt = "the store used a measurement of A again in B: measure anew with another --store"
    left_out = sum(len(side.values) - len(side.sound) for side in (a, b))
    values = [side.sound or side.values for side in (a, b)]
    if not all(side and min(side) > 0 for side in values):
        return None
    return Sample(values[0], values[1], doubt, left_out)


def _doubt(sides: Sequence[_Side], figure: PerformanceFigure) -> str:
    """Why nothing can be concluded, whatever the values are; empty where each side has a sound one."""

    def named(chosen: Sequence[_Side]) -> str:
        return " and ".join(side.name for side in chosen)

    without = [side for side in sides if not side.sound]
    if unsteady := [side for side in without if side.unsteady]:
        return f"unstable in {named(unsteady)}: raise performance.{figure.remedy}"
    if without:
        return f"the machine was disturbed in {named(without)}: measure again when nothing else runs"
    return ""


def _file_size(common: Common, minimum_effect: float) -> Compared | None:
    before, after = common.before.deployment.bytes, common.after.deployment.bytes
    if before is None or after is None or min(before, after) <= 0:
        return None
    change = judge_exactly(before, after, minimum_effect)
    return Compared(common, FILE_SIZE, before, after, (False, False), (1, 1), change)
