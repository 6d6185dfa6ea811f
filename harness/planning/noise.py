"""Floors that differences are held against: pairs of deployments that differ by noise alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from itertools import combinations

from harness.config.deployments import EXECUTION_REPLICATE, Deployment
from harness.config.tasks import TaskSettings

Pair = tuple[str, str]


def floors(
    task: TaskSettings, deployments: Mapping[str, Deployment], reference: str, present: Collection[str]
) -> dict[str, list[Pair]]:
    """For every deployment that may be judged: the pairs that make its floor.

    The *seed floor* is how far the reference and its seed replicates, in one format, are from each other: models of
    another architecture are held against it where there is one. The *execution floor* is how far the reference, or
    the deployment itself, is from its own second run: it serves the reference model's other formats, which a seed
    could not excuse. Only deployments that are ``present`` count.
    """
    first = deployments[reference]
    same_recipe = {name for name, model in task.models.items() if model.replicate_of == first.model}
    family = [
        name
        for name, other in deployments.items()
        if other.format == first.format and other.backend == first.backend and name in present
        if other.model == first.model or other.model in same_recipe
    ]
    seeds = list(combinations(family, 2))
    found: dict[str, list[Pair]] = {}
    for name, deployment in deployments.items():
        if name == reference or name not in present or deployment.model in same_recipe:
            continue
        rerun = [
            (run, run + EXECUTION_REPLICATE)
            for run in (reference, name)
            if run in present and run + EXECUTION_REPLICATE in present
        ]
        if deployment.model != first.model and seeds:
            found[name] = seeds
        elif rerun:
            found[name] = rerun
    return found
