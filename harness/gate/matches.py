"""Which deployments a rule is about."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from harness.config.policy import Policy, Rule
from harness.config.slips import meant
from harness.errors import UserError
from harness.report.selection import is_named

Names = Mapping[str, Sequence[str]]
"""By task, the deployments that rules may be about: none that repeats another."""


def matches(rule: Rule, names: Names) -> list[tuple[str, str]]:
    """Tasks and deployments of a rule."""
    return [
        (task, name)
        for task, known in names.items()
        if fnmatchcase(task, rule.tasks)
        for name in known
        if is_named(name, rule.deployments)
    ]


def check_matches(policy: Policy, names: Names, source: str) -> None:
    """Raise a `UserError` for the first rule that matches nothing. ``source``: the policy, for the message."""
    for index, rule in enumerate(policy.rules):
        place = f"{source}: rules.{index}"
        if not any(fnmatchcase(task, rule.tasks) for task in names):
            raise UserError(f"{place}.tasks: {rule.tasks!r} matches no task{_nearest(rule.tasks, list(names))}")
        if not matches(rule, names):
            known = list(dict.fromkeys(name for found in names.values() for name in found))
            told = _nearest(rule.deployments, known)
            raise UserError(f"{place}.deployments: {rule.deployments!r} matches no deployment{told}")


def _nearest(pattern: str, known: Sequence[str]) -> str:
    """The nearest to the first word of the pattern that stands in no name, or all names."""
    parts = list(dict.fromkeys(part for name in known for part in re.split("[/@]", name)))
    for word in re.split(r"[*?/@\[\]]+", pattern):
        if word and not any(word in name for name in known) and (nearest := meant(word, parts)):
            return f"; did you mean {nearest!r}?"
    return f"; there are {', '.join(known)}"
