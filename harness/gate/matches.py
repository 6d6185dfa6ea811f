"""Which deployments a rule is about."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase

from harness.config.policy import Policy, Rule
from harness.config.slips import meant
from harness.errors import UserError
from harness.report.selection import is_named, short_names

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
        found = {pattern: [task for task in names if fnmatchcase(task, pattern)] for pattern in rule.tasks}
        for pattern, tasks in found.items():
            if not tasks:
                yield f"{place}.tasks: {pattern!r} matches no task{_nearest(pattern, list(names))}"
        tasks = [task for task in names if any(task in named for named in found.values())]
        if not tasks:
            continue
        known = list(dict.fromkeys(name for task in tasks for name in names[task]))
        for pattern in rule.deployments:
            if not any(is_named(name, pattern) for name in known):
                yield f"{place}.deployments: {pattern!r} matches no deployment{_nearest(pattern, known)}"


def check_matches(policy: Policy, names: Names, source: str) -> None:
    """Raise a `UserError` of the `faults`, if there are any."""
    if found := list(faults(policy, names, source)):
        raise UserError(*found)


def _nearest(pattern: str, known: Sequence[str]) -> str:
    """The nearest to the first word of the pattern that stands in no name, or all names."""
    parts = list(dict.fromkeys(part for name in known for part in re.split("[/@]", name)))
    for word in re.split(r"[*?/@\[\]]+", pattern):
        if word and not any(word in name for name in known) and (nearest := meant(word, parts)):
            return f"; did you mean {nearest!r}?"
    return f"; there are {', '.join(short_names(known))}"
