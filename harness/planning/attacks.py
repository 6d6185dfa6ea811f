"""The steps that attack a deployment itself, and that swap words at random beside them."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import fields

from benchmarks.attack.results import AttackSettings
from harness.planning.deployed import Deployed
from harness.planning.examples import attacked_examples
from harness.planning.proposals import Proposals, attack_options, text_source
from harness.store.steps import Step

FOR_ONE_THREAD = 512
"""Tokens of a batch that one thread works on: see `harness.inference.deployment.one_session_a_thread`."""


def plan_attacks(deployed: Deployed, proposals: Proposals) -> tuple[Step, ...]:
    """One a source of texts; none where the deployment is not attacked itself. The reference always is."""
    context = deployed.context
    attack, name = context.task.characteristics.attack, deployed.deployment.name
    if attack is None:
        return ()
    if not deployed.is_reference and not any(fnmatch.fnmatch(name, pattern) for pattern in attack.deployments):
        return ()
    if attack.recipe is not None:
        kind, options = "recipe", {"recipe": attack.recipe, **attack_options(context, attack)}
    else:
        settings = [setting.name for setting in fields(AttackSettings)]
        kind, options = "attack", attack_options(context, attack, *settings)
        options["batch_size"] = attack.batch_size
    options["token_budget"] = token_budget(deployed)
    inputs = _inputs(deployed, proposals)
    return tuple(
        deployed.step(
            kind,
            title=f"attack {name}" + text_source(number, len(inputs)),
            group=f"attack {context.name}",
            options=options,
            needs=needs,
        )
        for number, needs in enumerate(inputs)
    )


def plan_random_swaps(deployed: Deployed, proposals: Proposals, attacks: Sequence[Step]) -> tuple[Step, ...]:
    """What as many queries find that nothing guides: beside each attack that takes words from a model."""
    attack = deployed.context.task.characteristics.attack
    if attack is None or attack.recipe is not None or not attack.random_swaps:
        return ()
    inputs = _inputs(deployed, proposals)
    return tuple(
        deployed.step(
            "random_swaps",
            title=f"swap words at random on {deployed.deployment.name}" + text_source(number, len(attacks)),
            group=f"attack {deployed.context.name}",
            options=step.options,
            needs={**inputs[number], "attacked": step},
        )
        for number, step in enumerate(attacks)
    )


def token_budget(deployed: Deployed) -> int:
    """Of a batch of an attack's queries on this deployment."""
    attack = deployed.context.task.characteristics.attack
    assert attack is not None
    if attack.token_budget is not None:
        return attack.token_budget
    if deployed.deployment.backend == "onnxruntime-cpu":
        return FOR_ONE_THREAD
    return int(deployed.options["token_budget"])


def _inputs(deployed: Deployed, proposals: Proposals) -> list[dict[str, Step]]:
    """For each source of texts: its examples, and where words are proposed, by what and which."""
    sources = [{"examples": source} for source in attacked_examples(deployed.examples)]
    if proposals.similarity is None:
        return sources
    role, artifact = proposals.similarity
    return [
        {**source, role: artifact, "candidates": candidates}
        for source, candidates in zip(sources, proposals.candidates, strict=True)
    ]
