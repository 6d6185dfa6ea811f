"""The steps that propose BERT-ATTACK's words: a masked language model, got, trained, exported and asked.

Beside it, where the study names one, the sentence encoder that the finished texts are judged by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.attack.results import AttackSettings
from harness.config.characteristics import Attack, MaskedLanguageModelSource
from harness.config.checkpoints import CheckpointSource
from harness.data.files import read_stop_words
from harness.errors import UserError
from harness.planning.checkpoints import checkpoint_digest, seed_of
from harness.planning.context import TaskContext
from harness.planning.examples import attacked_examples
from harness.planning.step import MODELS, plan_step
from harness.steps import (
    candidates,
    checkpoint,
    masked_language_model,
    masked_language_model_artifact,
    sentence_encoder_artifact,
)
from harness.store.step import Step
from harness.tasks.attacked import target_of

MODEL = "masked-language-model"
ENCODER = "sentence-encoder"


@dataclass(frozen=True)
class ProposalSteps:
    """Nothing where nothing is attacked, or by a recipe, which brings its own words."""

    checkpoints: tuple[Step, ...] = ()
    masked_language_model: Step | None = None
    """The artifact that proposes words."""
    sentence_encoder: Step | None = None
    """The artifact that measures similarity, where that is not the masked language model."""
    candidates: tuple[Step, ...] = ()
    """What may replace the words of the attacked texts, a step a source of texts."""

    @property
    def artifacts(self) -> tuple[Step, ...]:
        return tuple(step for step in (self.masked_language_model, self.sentence_encoder) if step is not None)


def plan_proposals(context: TaskContext, examples: dict[str, Step]) -> ProposalSteps:
    attack = context.task.characteristics.attack
    if attack is None or attack.masked_language_model is None:
        return ProposalSteps()
    checkpoints = _checkpoints(context, attack.masked_language_model, examples)
    artifact = plan_step(
        masked_language_model_artifact,
        title=f"export the masked language model for {context.name}",
        group=MODELS,
        subject={"task": context.name, "model": MODEL},
        options=masked_language_model_artifact.Options(),
        inputs=masked_language_model_artifact.Inputs(checkpoint=checkpoints[-1].ref),
    )
    steps = _candidates(context, attack, artifact, attacked_examples(examples))
    if attack.sentence_encoder is None:
        return ProposalSteps(checkpoints, artifact, None, steps)
    encoder = _starting(context, ENCODER, attack.sentence_encoder.checkpoint, new_head=True)  # its pooler is not used
    exported = plan_step(
        sentence_encoder_artifact,
        title=f"export the sentence encoder for {context.name}",
        group=MODELS,
        subject={"task": context.name, "model": ENCODER},
        options=sentence_encoder_artifact.Options(),
        inputs=sentence_encoder_artifact.Inputs(checkpoint=encoder.ref),
    )
    return ProposalSteps((*checkpoints, encoder), artifact, exported, steps)


def attack_settings(attack: Attack, *names: str) -> AttackSettings:
    """Those of the settings that are named; the others have their defaults."""
    settings = {name: getattr(attack, name) for name in names if name != "stop_words"}
    if "stop_words" in names and attack.stop_words is not None:
        try:
            settings["stop_words"] = frozenset(read_stop_words(attack.stop_words))
        except UserError as error:
            raise UserError(f"characteristics.attack.stop_words: {error}, or leave it out") from None
    return AttackSettings(**settings)


def text_source(number: int, sources: int) -> str:
    """The end of a title that tells one source of texts from the others."""
    return f" on text source {number + 1}" if sources > 1 else ""


def _candidates(context: TaskContext, attack: Attack, artifact: Step, sources: Sequence[Step]) -> tuple[Step, ...]:
    options = candidates.Options(
        settings=attack_settings(attack, "mode", "candidates", "sub_word_candidates", "combinations", "stop_words"),
        threads=context.study.threads or context.machine.cores,
        target=target_of(context.name, attack),
        sample=attack.sample,
        seed=context.study.seed,
    )
    return tuple(
        plan_step(
            candidates,
            title=f"propose words for the attack on {context.name}" + text_source(number, len(sources)),
            group=f"attack {context.name}",
            subject={"task": context.name, "model": MODEL},
            options=options,
            inputs=candidates.Inputs(examples=source.ref, masked_language_model=artifact.ref),
        )
        for number, source in enumerate(sources)
    )


def _checkpoints(
    context: TaskContext, chosen: MaskedLanguageModelSource, examples: dict[str, Step]
) -> tuple[Step, ...]:
    """The last is the one that proposes."""
    starting = _starting(context, MODEL, chosen.checkpoint, new_head=chosen.training is not None)
    if chosen.training is None:
        return (starting,)
    trained = plan_step(
        masked_language_model,
        title=f"train the masked language model for {context.name}",
        group=f"training {context.name} {MODEL}",
        subject={"task": context.name, "model": MODEL},
        options=masked_language_model.Options(task=context.name, recipe=chosen.training),
        inputs=masked_language_model.Inputs(starting=starting.ref, examples=examples["train"].ref),
    )
    return starting, trained


def _starting(context: TaskContext, model: str, source: CheckpointSource, *, new_head: bool) -> Step:
    """``model`` is what the checkpoint is for: `MODEL` or `ENCODER`."""
    return plan_step(
        checkpoint,
        title=f"get the {model.replace('-', ' ')} for {context.name}",
        group=MODELS,
        subject={"task": context.name, "model": model},
        options=checkpoint.Options(
            task=model,
            labels=(),
            source=source,
            digest=checkpoint_digest(source, model),
            new_head=new_head,
            seed=seed_of(source, context.study.seed, new_head=new_head),
        ),
        inputs=checkpoint.Inputs(),
    )
