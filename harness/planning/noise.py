"""Floors that differences are held against: the reference run once more, and its recipe trained again."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from benchmarks.statistics.equivalence import Floor
from harness.config.deployments import EXECUTION_REPLICATE, Deployment
from harness.config.tasks import TaskSettings


def floors(
    task: TaskSettings, deployments: Mapping[str, Deployment], reference: str, present: Collection[str]
) -> dict[str, Floor]:
    """For every deployment that may be judged, its floor. Only deployments that are ``present`` count.

    Models of another architecture are held against the *seed floor*, the reference's seed replicates in its own format
    and on its backend, where there are any. All else is held against the *execution floor*, the reference's own second
    run: neither a seed nor the noise of a format excuses what a format changes. Replicates, a student's too, are held
    against what they replicate, and are not judged.
    """
    first = deployments[reference]
    same_recipe = {name for name, model in task.models.items() if model.replicate_of == first.model}
    seeds = tuple(
        name
        for name, other in deployments.items()
        if other.format == first.format and other.backend == first.backend and name in present
        if other.model in same_recipe
    )
    rerun = tuple(name for name in (reference + EXECUTION_REPLICATE,) if name in present)
    floors_by_deployment: dict[str, Floor] = {}
    for name, deployment in deployments.items():
        if name == reference or name not in present or task.models[deployment.model].replicate_of is not None:
            continue
        if deployment.model != first.model and seeds:
            floors_by_deployment[name] = Floor("seed", seeds)
        elif rerun:
            floors_by_deployment[name] = Floor("execution", rerun)
    return floors_by_deployment
