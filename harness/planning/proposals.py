"""The steps that propose BERT-ATTACK's words: a masked language model, got, trained, exported and asked.

Beside it, where the study names one, the sentence encoder that the finished texts are judged by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.config.characteristics import Attack, MaskedLanguageModel
from harness.config.checkpoints import CheckpointSource
from harness.data.stop_words import read_stop_words
from harness.planning.checkpoints import checkpoint_digest
from harness.planning.context import TaskContext
from harness.planning.examples import attacked_examples
from harness.planning.step import plan_step
from harness.store.steps import Step

MODEL = "masked-language-model"
ENCODER = "sentence-encoder"


@dataclass(frozen=True)
class Proposals:
    """Nothing where nothing is attacked, or by a recipe, which brings its own words."""

    checkpoints: tuple[Step, ...] = ()
    artifacts: tuple[Step, ...] = ()
    candidates: tuple[Step, ...] = ()
    """What may replace the words of the attacked texts, a step a source of texts."""
    similarity: tuple[str, Step] | None = None
    """The artifact that an attack measures similarity with, and its role among the needs."""


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
                **attack_options(
                    context, attack, "mode", "candidates", "sub_word_candidates", "combinations", "stop_words"
                ),
                "threads": context.study.threads or context.machine.cores,
            },
            needs={"examples": source, "masked_language_model": artifact},
        )
        for number, source in enumerate(sources)
    )
    if attack.sentence_encoder is None:
        return Proposals(checkpoints, (artifact,), candidates, ("masked_language_model", artifact))
    encoder = _starting(context, ENCODER, attack.sentence_encoder.checkpoint, new_head=True)  # its pooler is not used
    exported = plan_step(
        "sentence_encoder_artifact",
        title=f"export the sentence encoder for {context.name}",
        group="masked language model",
        subject={"task": context.name, "model": ENCODER},
        options={},
        needs={"checkpoint": encoder},
    )
    return Proposals((*checkpoints, encoder), (artifact, exported), candidates, ("sentence_encoder", exported))


def attack_options(context: TaskContext, attack: Attack, *settings: str) -> dict[str, Any]:
    """What is attacked, and the ``settings`` of the attack by name."""
    chosen = attack.model_dump(mode="json", include=set(settings) - {"stop_words"})
    if "stop_words" in settings and attack.stop_words is not None:
        chosen["stop_words"] = read_stop_words(attack.stop_words)
    return {
        "settings": chosen,
        "target": attack.target,
        "sample": attack.sample,
        "seed": context.study.seed,
    }


def text_source(number: int, sources: int) -> str:
    """The end of a title that tells one source of texts from the others."""
    return f" on text source {number + 1}" if sources > 1 else ""


def _checkpoints(context: TaskContext, chosen: MaskedLanguageModel, examples: dict[str, Step]) -> tuple[Step, ...]:
    """The last is the one that proposes."""
    starting = _starting(context, MODEL, chosen.checkpoint, new_head=chosen.training is not None)
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


def _starting(context: TaskContext, model: str, source: CheckpointSource, *, new_head: bool) -> Step:
    """``model`` is what the checkpoint is for: `MODEL` or `ENCODER`."""
    return plan_step(
        "checkpoint",
        title=f"get the {model.replace('-', ' ')} for {context.name}",
        group="checkpoint",
        subject={"task": context.name, "model": model},
        options={
            "task": model,
            "labels": [],
            "digest": checkpoint_digest(source, model),
            "new_head": new_head,
            "seed": context.study.seed,
        },
        places={"source": source.model_dump(mode="json")},
    )
