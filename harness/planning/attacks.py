"""The steps that attack a deployment itself, and that swap words at random beside them."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import fields

from backends.registry import backend_class
from benchmarks.attack.results import AttackSettings
from harness.config.characteristics import Attack
from harness.inference.options import DeploymentOptions
from harness.planning.deployed import Deployed
from harness.planning.examples import attacked_examples
from harness.planning.measurements import corpus_of
from harness.planning.proposals import ProposalSteps, attack_settings, text_source
from harness.steps import attack, random_swaps, recipe
from harness.store.step import Step
from harness.tasks.attacked import target_of

FOR_ONE_THREAD = 512
"""Tokens of a batch that one thread works on: see `harness.inference.deployment.one_session_a_thread`."""


def plan_attacks(deployed: Deployed, proposals: ProposalSteps) -> tuple[Step, ...]:
    """One a source of texts; none where the deployment is not attacked itself. The reference always is."""
    context = deployed.context
    settings, name = context.task.characteristics.attack, deployed.deployment.name
    if settings is None:
        return ()
    if not deployed.is_reference and not any(fnmatch.fnmatch(name, pattern) for pattern in settings.deployments):
        return ()
    plan_attack = _plan_bert_attack if settings.recipe is None else _plan_recipe
    sources = len(attacked_examples(deployed.examples))
    return tuple(
        plan_attack(deployed, proposals, settings, number, f"attack {name}" + text_source(number, sources))
        for number in range(sources)
    )


def plan_random_swaps(deployed: Deployed, proposals: ProposalSteps, attacks: Sequence[Step]) -> tuple[Step, ...]:
    """What as many queries find that nothing guides: beside each attack that takes words from a model."""
    settings = deployed.context.task.characteristics.attack
    if settings is None or settings.recipe is not None or not settings.random_swaps:
        return ()
    return tuple(
        deployed.step(
            random_swaps,
            title=f"swap words at random on {deployed.deployment.name}" + text_source(number, len(attacks)),
            group=f"attack {deployed.context.name}",
            options=_bert_attack_options(deployed, settings),
            inputs=random_swaps.Inputs(**dict(_bert_attack_inputs(deployed, proposals, number)), attack=step.ref),
        )
        for number, step in enumerate(attacks)
    )


def attacked_deployment(deployed: Deployed) -> DeploymentOptions:
    """The deployment with the token budget of an attack's queries."""
    settings = deployed.context.task.characteristics.attack
    assert settings is not None
    budget = settings.token_budget
    if budget is None and backend_class(deployed.deployment.backend).sessions_share_weights:
        budget = FOR_ONE_THREAD
    return deployed.options if budget is None else deployed.options.model_copy(update={"token_budget": budget})


def _plan_recipe(deployed: Deployed, _: ProposalSteps, settings: Attack, number: int, title: str) -> Step:
    assert settings.recipe is not None
    return deployed.step(
        recipe,
        title=title,
        group=f"attack {deployed.context.name}",
        options=recipe.Options(
            deployment=attacked_deployment(deployed),
            recipe=settings.recipe,
            target=target_of(deployed.context.name, settings),
            sample=settings.sample,
            seed=deployed.context.study.seed,
        ),
        inputs=recipe.Inputs(
            artifact=deployed.artifact.ref,
            evaluation=deployed.evaluation,
            examples=attacked_examples(deployed.examples)[number].ref,
        ),
    )


def _plan_bert_attack(deployed: Deployed, proposals: ProposalSteps, settings: Attack, number: int, title: str) -> Step:
    return deployed.step(
        attack,
        title=title,
        group=f"attack {deployed.context.name}",
        options=_bert_attack_options(deployed, settings),
        inputs=_bert_attack_inputs(deployed, proposals, number),
    )


def _bert_attack_options(deployed: Deployed, settings: Attack) -> attack.Options:
    return attack.Options(
        deployment=attacked_deployment(deployed),
        settings=attack_settings(settings, *(setting.name for setting in fields(AttackSettings))),
        batch_size=settings.batch_size,
        target=target_of(deployed.context.name, settings),
        sample=settings.sample,
        seed=deployed.context.study.seed,
    )


def _bert_attack_inputs(deployed: Deployed, proposals: ProposalSteps, number: int) -> attack.Inputs:
    """``number``: of the source of texts."""
    assert proposals.masked_language_model is not None  # harness.config.references has seen to it
    encoder = proposals.sentence_encoder
    return attack.Inputs(
        artifact=deployed.artifact.ref,
        evaluation=deployed.evaluation,
        examples=attacked_examples(deployed.examples)[number].ref,
        corpus=corpus_of(deployed),
        candidates=proposals.candidates[number].ref,
        masked_language_model=proposals.masked_language_model.ref if encoder is None else None,
        sentence_encoder=None if encoder is None else encoder.ref,
    )
