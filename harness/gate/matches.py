"""Deployments that a rule is about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from harness.config.policy import Policy, Rule
from harness.errors import UserError
from harness.report.selection import is_named, near_pattern, short_names

Names = Mapping[str, Sequence[str]]
"""By task, the deployments that rules may be about: none that repeats another."""


def matches(rule: Rule, names: Names) -> list[tuple[str, str]]:
    """Tasks and deployments of a rule."""
    return [
        (task, name)
        for task, known in names.items()
        if any(fnmatchcase(task, pattern) for pattern in rule.tasks)
        for name in known
        if any(is_named(name, pattern) for pattern in rule.deployments)
    ]


def faults(policy: Policy, names: Names, source: str) -> Iterator[str]:
    """A line for each pattern that matches nothing. ``source``: the policy, for the lines."""
    for index, rule in enumerate(policy.rules):
        place = f"{source}: rules.{index}"
        tasks_by_pattern = {pattern: [task for task in names if fnmatchcase(task, pattern)] for pattern in rule.tasks}
        for pattern, tasks in tasks_by_pattern.items():
            if not tasks:
                yield f"{place}.tasks: {pattern!r} matches no task{_nearest(pattern, list(names), fnmatchcase)}"
        tasks = [task for task in names if any(task in named for named in tasks_by_pattern.values())]
        if not tasks:
            continue
        known = list(dict.fromkeys(name for task in tasks for name in names[task]))
        for pattern in rule.deployments:
            if not any(is_named(name, pattern) for name in known):
                yield f"{place}.deployments: {pattern!r} matches no deployment{_nearest(pattern, known, is_named)}"


def check_matches(policy: Policy, names: Names, source: str) -> None:
    """Raise a `UserError` of the `faults`, if there are any."""
    if lines := list(faults(policy, names, source)):
        raise UserError(*lines)


def _nearest(pattern: str, known: Sequence[str], accepts: Callable[[str, str], bool]) -> str:
    """A pattern that is close and matches something, or all names."""
    close = near_pattern(pattern, known, accepts)
    return f"; did you mean {close!r}?" if close else f"; there are {', '.join(short_names(known))}"
