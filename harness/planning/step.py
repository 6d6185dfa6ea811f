"""A step and its key: the hash of all that its result depends on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from harness.planning.versions import LIBRARIES, VERSIONS, installed
from harness.store.keys import key_of
from harness.store.steps import Step


def plan_step(
    kind: str,
    *,
    title: str,
    group: str,
    subject: dict[str, str],
    options: dict[str, Any],
    needs: Mapping[str, Step] | None = None,
    places: dict[str, Any] | None = None,
) -> Step:
    """The step of a ``kind`` with these ``options``, which ``needs`` other steps, by role: see `Step`."""
    needs = needs or {}
    inputs = {
        "kind": kind,
        "version": VERSIONS[kind],
        "libraries": installed(LIBRARIES[kind]),
        "options": options,
        "needs": {role: step.key for role, step in needs.items()},
    }
    return Step(
        kind,
        key_of(inputs),
        title,
        group,
        subject,
        json.loads(json.dumps(options)),
        {role: (step.kind, step.key) for role, step in needs.items()},
        places or {},
    )


def once(steps: Iterable[Step]) -> tuple[Step, ...]:
    """In their order, and each key once: what two models, or two tasks, share is made for the first."""
    kept: dict[str, Step] = {}
    for step in steps:
        kept.setdefault(step.key, step)
    return tuple(kept.values())
