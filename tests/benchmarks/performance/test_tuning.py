"""The search over runs that take as long as a table says: no clock of the machine decides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.performance import tuning
from benchmarks.performance.tuning import Setting, gain, in_turns, splits, tune

Cost = Callable[[Setting], float]
DEFAULT = Setting(1, 4, 1024)


class Machine:
    """A clock that only its own passes move, and the settings that were open, in order."""

    def __init__(self, cost: Cost) -> None:
        self.cost = cost
        self.now = 0.0
        self.opened: list[tuple[int, int]] = []

    @contextmanager
    def open(self, sessions: int, threads: int) -> Iterator[Callable[[int], object]]:
        self.opened.append((sessions, threads))
        yield lambda budget: self.spend(self.cost(Setting(sessions, threads, budget)))

    def spend(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def machine_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[Cost], Machine]:
    def make(cost: Cost) -> Machine:
        machine = Machine(cost)
        monkeypatch.setattr(tuning, "perf_counter", lambda: machine.now)
        monkeypatch.setattr(tuning, "perf_counter_ns", lambda: int(machine.now * 1e9))
        return machine

    return make


@pytest.mark.parametrize(
    ("cores", "expected"),
    [
        (1, [(1, 1)]),
        (2, [(1, 2), (2, 1)]),
        (6, [(1, 6), (2, 3), (4, 1), (6, 1)]),
        (8, [(1, 8), (2, 4), (4, 2), (8, 1)]),
    ],
)
def test_splits(cores: int, expected: list[tuple[int, int]]) -> None:
    assert list(splits(cores)) == expected


def test_the_best_of_a_valley_is_found(machine_of: Callable[[Cost], Machine]) -> None:
    best = Setting(2, 2, 256)

    def cost(setting: Setting) -> float:
        return 0.1 + abs(setting.token_budget.bit_length() - 9) * 0.02 + (setting.sessions != 2) * 0.05

    found = tune(DEFAULT, splits(4), machine_of(cost).open, seconds=60)
    assert found.chosen == best
    assert found.trials[0].setting == DEFAULT
    assert gain(found.pairs) == pytest.approx(cost(DEFAULT) / cost(best), rel=1e-6)


def test_the_default_stays_where_nothing_is_faster(machine_of: Callable[[Cost], Machine]) -> None:
    machine = machine_of(lambda setting: 0.1 if setting == DEFAULT else 0.2)
    found = tune(DEFAULT, splits(4), machine.open, seconds=60)
    assert (found.chosen, found.pairs) == (DEFAULT, ())
    assert len({trial.setting for trial in found.trials}) == len(found.trials) > 3


def test_a_lucky_trial_loses_the_last_comparison(machine_of: Callable[[Cost], Machine]) -> None:
    """Fast in its trials only: the default is kept, and the pairs tell why."""
    calls: dict[Setting, int] = {}

    def cost(setting: Setting) -> float:
        calls[setting] = calls.get(setting, 0) + 1
        lucky = setting == Setting(4, 1, 1024) and calls[setting] <= 3
        return 0.05 if lucky else 0.1

    found = tune(DEFAULT, splits(4), machine_of(cost).open, seconds=60)
    assert found.chosen == DEFAULT
    assert gain(found.pairs) == pytest.approx(1)


def test_after_its_seconds_every_split_still_has_a_trial(machine_of: Callable[[Cost], Machine]) -> None:
    """A model of which one pass takes longer than the search is given the best split, with the default's budget."""
    machine = machine_of(lambda setting: 10.0 / setting.sessions)
    found = tune(DEFAULT, splits(4), machine.open, seconds=1)
    assert [trial.setting for trial in found.trials] == [DEFAULT, Setting(2, 2, 1024), Setting(4, 1, 1024)]
    assert found.chosen == Setting(4, 1, 1024) and len(found.pairs) == tuning.FEWEST_PAIRS
    with pytest.raises(BenchmarkError, match="seconds is 0"):
        tune(DEFAULT, splits(4), machine.open, seconds=0)


class Refused(Exception):
    pass


def test_a_setting_that_is_refused_is_passed_over(machine_of: Callable[[Cost], Machine]) -> None:
    def cost(setting: Setting) -> float:
        if setting.sessions == 4 or setting.token_budget > 1024:
            raise Refused("no memory")
        return 0.1 / setting.sessions

    found = tune(DEFAULT, splits(4), machine_of(cost).open, seconds=60, refused=(Refused,))
    assert found.chosen == Setting(2, 2, 1024) and gain(found.pairs) == pytest.approx(2, rel=1e-6)
    assert found.refusals[-1] == "4 sessions of 1 threads: no memory"
    with pytest.raises(Refused):
        tune(DEFAULT, splits(4), machine_of(cost).open, seconds=60)


def test_the_default_stays_where_the_best_does_not_fit_beside_it(machine_of: Callable[[Cost], Machine]) -> None:
    machine = machine_of(lambda setting: 0.1 / setting.sessions)

    @contextmanager
    def one_at_a_time(sessions: int, threads: int) -> Iterator[Callable[[int], object]]:
        if held:
            raise Refused("no memory")
        held.append(sessions)
        with machine.open(sessions, threads) as run:
            yield run
        held.pop()

    held: list[int] = []
    found = tune(DEFAULT, splits(4), one_at_a_time, seconds=60, refused=(Refused,))
    assert (found.chosen, found.pairs) == (DEFAULT, ())
    assert found.refusals == ("4 sessions of 1 threads beside the default: no memory",)


def test_a_default_that_is_refused_is_an_error(machine_of: Callable[[Cost], Machine]) -> None:
    def cost(setting: Setting) -> float:
        raise Refused("not at all")

    with pytest.raises(Refused, match="not at all"):
        tune(DEFAULT, splits(4), machine_of(cost).open, seconds=60, refused=(Refused,))


def test_each_of_a_pair_goes_first_in_turns(machine_of: Callable[[Cost], Machine]) -> None:
    machine_of(lambda setting: 1.0)
    order: list[str] = []
    pairs = in_turns(lambda: order.append("a"), lambda: order.append("b"), seconds=0)
    assert order == list("ab" + "abbaabbaab")
    assert len(pairs) == 5
