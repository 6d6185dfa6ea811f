"""Every figure of every deployment that two runs measured, judged together."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.performance.comparison import Change, Sample, judge, judge_exactly
from harness.compare.figures import FIGURES, FILE_SIZE, WORSE, Figure, Verdict, processes, same_processes
from harness.compare.provenance import Difference, differences
from harness.compare.runs import Common, Pair


@dataclass(frozen=True, eq=False)
class Compared:
    """One figure of one deployment in both runs."""

    common: Common
    figure: Figure
    before: float
    """As stored: the median over the processes of run A, of which `change` has the median of ratios."""
    after: float
    doubtful: tuple[bool, bool]
    """Whether the timing did not settle, or the machine was disturbed meanwhile."""
    processes: tuple[int, int]
    change: Change

    @property
    def verdict(self) -> Verdict:
        return self.figure.verdict(self.change)


@dataclass(frozen=True, eq=False)
class Comparison:
    """What comparing two runs found."""

    pair: Pair
    differences: tuple[Difference, ...]
    """Between the runs themselves: machines, settings, versions, artifacts, data."""
    figures: tuple[Compared, ...]
    """By deployment, in the order of run A."""
    minimum_effect: float

    @property
    def worse(self) -> tuple[Compared, ...]:
        return tuple(found for found in self.figures if found.verdict in WORSE)

    @property
    def tests(self) -> int:
        """For how many p values were corrected."""
        return sum(found.change.p is not None for found in self.figures)


def compare(pair: Pair, *, minimum_effect: float) -> Comparison:
    """Judge all deployments of all tasks as one family. `minimum_effect`: see `benchmarks.performance.comparison`."""
    samples = {
        (common, figure): sample for common in pair.common for figure in FIGURES if (sample := _sample(common, figure))
    }
    changes = judge(samples, minimum_effect)
    figures: list[Compared] = []
    for common in pair.common:
        figures += [
            _timed(common, figure, samples[common, figure], changes[common, figure])
            for figure in FIGURES
            if (common, figure) in samples
        ]
        size = _file_size(common, minimum_effect)
        figures += [size] if size else []
    return Comparison(pair, differences(pair), tuple(figures), minimum_effect)


def _timed(common: Common, figure: Figure, sample: Sample, change: Change) -> Compared:
    before, after = common.before.performance, common.after.performance
    medians = figure.of(before), figure.of(after)
    assert medians[0] is not None and medians[1] is not None  # else there was no sample
    of_a, of_b = (figure.unsteady(side) or figure.disturbed(side) for side in (before, after))
    counts = len(sample.before), len(sample.after)
    return Compared(common, figure, medians[0], medians[1], (of_a, of_b), counts, change)


def _sample(common: Common, figure: Figure) -> Sample | None:
    """A value a process of either run; None where one of them does not know the figure."""
    before, after = common.before.performance, common.after.performance
    medians = figure.of(before), figure.of(after)
    if medians[0] is None or medians[1] is None:
        return None
    values = [tuple(v for p in processes(side) if (v := figure.of(p)) is not None) for side in (before, after)]
    kept_nothing = [name for name, found in zip("AB", values, strict=True) if not found]
    unsteady = [name for name, side in (("A", before), ("B", after)) if figure.unsteady(side)]
    disturbed = [name for name, side in (("A", before), ("B", after)) if figure.disturbed(side)]
    doubt = ""
    if same_processes(before, after):
        doubt = "the store used a measurement of A again in B: measure anew with another --store"
    elif kept_nothing:
        doubt = (
            f"{' and '.join(kept_nothing)} kept only medians over processes: the same `scalemodel run` again keeps all"
        )
    elif unsteady:
        remedy = "server.queries" if figure.scenario == "server" else "warmup_seconds and min_seconds"
        doubt = f"unstable in {' and '.join(unsteady)}: raise performance.{remedy}"
    elif disturbed:
        doubt = f"the machine was disturbed in {' and '.join(disturbed)}: measure again when nothing else runs"
    return Sample(values[0] or (medians[0],), values[1] or (medians[1],), doubt)


def _file_size(common: Common, minimum_effect: float) -> Compared | None:
    before, after = FILE_SIZE.of(common.before.artifact), FILE_SIZE.of(common.after.artifact)
    if before is None or after is None:
        return None
    change = judge_exactly(before, after, minimum_effect)
    return Compared(common, FILE_SIZE, before, after, (False, False), (1, 1), change)
