"""The steps that propose BERT-ATTACK's words: a masked language model, got, trained, exported and asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.config.characteristics import Attack, MaskedLanguageModel
from harness.planning.checkpoints import checkpoint_digest
from harness.planning.context import TaskContext
from harness.planning.examples import attacked_examples
from harness.planning.step import plan_step
from harness.store.steps import Step

MODEL = "masked-language-model"


@dataclass(frozen=True)
class Proposals:
    """Nothing where nothing is attacked, or by a recipe, which brings its own words."""

    checkpoints: tuple[Step, ...] = ()
    artifacts: tuple[Step, ...] = ()
    candidates: tuple[Step, ...] = ()
    """What may replace the words of the attacked texts, a step a source of texts."""


def plan_proposals(context: TaskContext, examples: dict[str, Step]) -> Proposals:
    attack = context.task.characteristics.attack
    if attack is None or attack.masked_language_model is None:
        return Proposals()
    checkpoints = _checkpoints(context, attack.masked_language_model, examples)
    artifact = plan_step(
        "masked_language_model_artifact",
        title=f"export the masked language model for {context.name}",
        group="masked language model",
        subject={"task": context.name, "model": MODEL},
        options={},
        needs={"checkpoint": checkpoints[-1]},
    )
    sources = attacked_examples(examples)
    candidates = tuple(
        plan_step(
            "candidates",
            title=f"propose words for the attack on {context.name}" + text_source(number, len(sources)),
            group=f"attack {context.name}",
            subject={"task": context.name, "model": MODEL},
            options={
                **attack_options(context, attack, "mode", "candidates", "sub_word_candidates", "combinations"),
                "threads": context.study.threads or context.machine.cores,
            },
            needs={"examples": source, "masked_language_model": artifact},
        )
        for number, source in enumerate(sources)
    )
    return Proposals(checkpoints, (artifact,), candidates)


def attack_options(context: TaskContext, attack: Attack, *settings: str) -> dict[str, Any]:
    """What is attacked, and the ``settings`` of the attack by name."""
    return {
        "settings": attack.model_dump(mode="json", include=set(settings)),
        "target": attack.target,
        "sample": attack.sample,
        "seed": context.study.seed,
    }


def text_source(number: int, sources: int) -> str:
    """The end of a title that tells one source of texts from the others."""
    return f" on text source {number + 1}" if sources > 1 else ""


def _checkpoints(context: TaskContext, chosen: MaskedLanguageModel, examples: dict[str, Step]) -> tuple[Step, ...]:
    """The last is the one that proposes."""
    starting = plan_step(
        "checkpoint",
        title=f"get the masked language model for {context.name}",
        group="checkpoint",
        subject={"task": context.name, "model": MODEL},
        options={
            "task": MODEL,
            "labels": [],
            "digest": checkpoint_digest(chosen.checkpoint, MODEL),
            "new_head": chosen.training is not None,
            "seed": context.study.seed,
        },
        places={"source": chosen.checkpoint.model_dump(mode="json")},
    )
    if chosen.training is None:
        return (starting,)
    trained = plan_step(
        "masked_language_model",
        title=f"train the masked language model for {context.name}",
        group=f"training {context.name} {MODEL}",
        subject={"task": context.name, "model": MODEL},
        options={"task": context.name, "recipe": chosen.training.model_dump(mode="json")},
        needs={"starting": starting, "examples": examples["train"]},
    )
    return starting, trained
