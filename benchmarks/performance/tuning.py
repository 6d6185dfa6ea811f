"""The best way to use the cores for throughput, by a short search: sessions x threads x tokens a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from statistics import median
from time import perf_counter, perf_counter_ns

from benchmarks.errors import BenchmarkError

PASSES = 2
"""Passes a setting, of which the faster one counts: what disturbs a pass only ever slows it down."""
STEP_GAIN = 1.01
"""The search goes on in a direction while a step makes it faster by this factor."""
FEWEST_PAIRS, MOST_PAIRS = 5, 15
GAIN = 1.02
"""What the median pair must gain before the default is given up."""

BUDGETS = (16, 65536)

Pairs = tuple[tuple[int, int], ...]
"""Nanoseconds of two ways to do the same."""


@dataclass(frozen=True)
class Setting:
    """How a deployment shares the machine."""

    sessions: int
    """Sessions side by side."""
    threads: int
    """Threads of each."""
    token_budget: int
    """Tokens of a batch, padding counted."""


@dataclass(frozen=True)
class Trial:
    """Passes over the sample in one setting."""

    setting: Setting
    nanoseconds: tuple[int, ...]


@dataclass(frozen=True)
class Tuning:
    """What a search found. ``chosen`` is ``default`` unless it won the last comparison."""

    default: Setting
    chosen: Setting
    trials: tuple[Trial, ...]
    """In the order in which they were tried."""
    pairs: Pairs
    """The default and the best of the trials, in turns; empty where that is the default itself, or was refused."""
    refusals: tuple[str, ...] = ()
    """Why settings could not be tried to the end, or not be held against the default."""


Run = Callable[[int], object]
"""One pass over the sample in batches of so many tokens."""
Open = Callable[[int, int], AbstractContextManager[Run]]
"""So many sessions of so many threads."""


def splits(cores: int) -> tuple[tuple[int, int], ...]:
    """(sessions, threads) that share ``cores``: one session of all, 2, 4, ... and one thread each."""
    counts = [1]
    while counts[-1] * 2 < cores:
        counts.append(counts[-1] * 2)
    return tuple((sessions, cores // sessions) for sessions in dict.fromkeys([*counts, cores]))


def tune(
    default: Setting,
    candidates: Sequence[tuple[int, int]],
    opened: Open,
    *,
    seconds: float,
    refused: tuple[type[Exception], ...] = (),
) -> Tuning:
    """Try every split of ``candidates`` with its best token budget, and hold the best against ``default``.

    For each split the budget is doubled, then halved, from the default's, as long as that helps. The default is
    tried first. After ``seconds`` no further budget is tried, so of a slow model every split with the default's alone;
    and no further pair after as many again. A setting that raises one of ``refused`` is passed over; where that is
    the default itself, it is raised.
    """
    if seconds <= 0:
        raise BenchmarkError(f"seconds is {seconds}; give more than 0")
    end = perf_counter() + seconds
    trials: list[Trial] = []
    refusals: list[str] = []
    own = default.sessions, default.threads
    for sessions, threads in dict.fromkeys([own, *candidates]):
        try:
            with opened(sessions, threads) as run:
                _best_budget(run, Setting(sessions, threads, default.token_budget), end, trials)
        except refused as error:
            if not trials:  # not even the default could be tried
                raise
            refusals.append(f"{sessions} sessions of {threads} threads: {error}")
    best = min(trials, key=lambda trial: min(trial.nanoseconds)).setting
    if best == default:
        return Tuning(default, default, tuple(trials), (), tuple(refusals))
    try:
        with opened(*own) as run_default, opened(best.sessions, best.threads) as run_best:
            pairs = in_turns(
                lambda: run_default(default.token_budget), lambda: run_best(best.token_budget), seconds=seconds
            )
    except refused as error:
        refusals.append(f"{best.sessions} sessions of {best.threads} threads beside the default: {error}")
        return Tuning(default, default, tuple(trials), (), tuple(refusals))
    return Tuning(default, best if gain(pairs) >= GAIN else default, tuple(trials), pairs, tuple(refusals))


def in_turns(first: Callable[[], object], second: Callable[[], object], *, seconds: float) -> Pairs:
    """Nanoseconds of the one and the other, each begun with in every other pair: a drift hits both alike."""
    first(), second()
    end = perf_counter() + seconds
    pairs: list[tuple[int, int]] = []
    while len(pairs) < FEWEST_PAIRS or (len(pairs) < MOST_PAIRS and perf_counter() < end):
        if len(pairs) % 2:
            after = _time(second)
            pairs.append((_time(first), after))
        else:
            before = _time(first)
            pairs.append((before, _time(second)))
    return tuple(pairs)


def gain(pairs: Pairs) -> float:
    """How many times as fast the second is: the median over the pairs."""
    return median(first / second for first, second in pairs)


def _best_budget(run: Run, first: Setting, end: float, trials: list[Trial]) -> None:
    """Add to ``trials`` as long as a larger or a smaller budget helps; what was tried before an error stays."""

    def fastest(budget: int) -> int:
        run(budget)  # warms up: every shape of batch is then known
        setting = Setting(first.sessions, first.threads, budget)
        trials.append(Trial(setting, tuple(_time(lambda: run(budget)) for _ in range(PASSES))))
        return min(trials[-1].nanoseconds)

    start = fastest(first.token_budget)
    for larger in (True, False):
        budget, best = first.token_budget, start
        while perf_counter() < end:
            budget = budget * 2 if larger else budget // 2
            if not BUDGETS[0] <= budget <= BUDGETS[1]:
                break
            nanoseconds = fastest(budget)
            if nanoseconds * STEP_GAIN > best:
                break
            best = nanoseconds
        if best < start:
            break  # it gets worse on the other side


def _time(run: Callable[[], object]) -> int:
    before = perf_counter_ns()
    run()
    return perf_counter_ns() - before
