"""Loading a checkpoint folder with the head of a task: tensors only, no code of the checkpoint's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    PretrainedConfig,
    PreTrainedModel,
)

from backends.errors import one_line
from exporters.checkpoint import not_filled
from exporters.tasks import TASKS
from harness.checkpoints.folder_check import read_config
from harness.checkpoints.pickled_weights import as_safetensors
from harness.checkpoints.tokenizer_files import quiet
from harness.errors import UserError

MASKED_LANGUAGE_MODEL = "masked-language-model"
SENTENCE_ENCODER = "sentence-encoder"
HEADS: dict[str, Any] = {
    **{task: getattr(transformers, head.auto_class) for task, head in TASKS.items()},
    MASKED_LANGUAGE_MODEL: AutoModelForMaskedLM,
    SENTENCE_ENCODER: AutoModel,
}
"""By task of the head. The last two words are no tasks of a study: they propose the words of an attack, and hold its
texts against each other. A sentence encoder has no head but its pooler, which is not used."""


def classifies(task: str) -> bool:
    """Whether a checkpoint of that head names classes."""
    return task in TASKS and TASKS[task].classifies


@dataclass(frozen=True)
class Loaded:
    """A model in float32. ``new`` names the head's weights that the checkpoint lacks, freshly drawn;
    ``dropped`` those of another head, which the checkpoint has and the task does not use."""

    model: PreTrainedModel
    new: tuple[str, ...]
    dropped: tuple[str, ...]


def load_config(folder: Path) -> PretrainedConfig:
    """The configuration of an architecture that `transformers` knows by itself."""
    read_config(folder)
    try:
        config: PretrainedConfig = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        return config
    except Exception as error:  # transformers raises whatever its parsers raise
        file = folder / "config.json"
        raise UserError(f"{file} is not a configuration that transformers can read: {one_line(error)}") from None


def load(folder: Path, task: str, **overrides: Any) -> Loaded:
    """Load the weights under the head of ``task``; ``overrides`` are fields of the configuration.

    Missing weights of the head are drawn from torch's random state; a missing weight of the encoder is
    an error, as are pickles of more than tensors, unreadable files and weights that are not finite. Raises `UserError`.
    """
    config = load_config(folder)
    for name, value in overrides.items():
        setattr(config, name, value)
    try:
        with as_safetensors(folder) as place, quiet():
            model, report = HEADS[task].from_pretrained(
                place,
                config=config,
                torch_dtype=torch.float32,
                use_safetensors=True,
                trust_remote_code=False,
                # What does not fit is looked at below: a head of other labels may be replaced.
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
    except UserError:
        raise
    except SafetensorError as error:
        raise UserError(f"the weights in {folder} are damaged ({one_line(error)}): copy them again") from None
    except Exception as error:  # transformers raises whatever its parsers raise
        raise UserError(f"cannot load {folder} for {task}: {one_line(error)}") from None
    new = not_filled(report)
    encoder = sorted(name for name in new if _of_encoder(model, name))
    if encoder:
        raise UserError(
            f"checkpoint {folder} lacks {len(encoder)} weights of its {config.model_type} encoder, "
            f"{encoder[0]} among them: config.json and weights do not belong together"
        )
    require_finite(model, folder)
    return Loaded(model, tuple(sorted(new)), tuple(sorted(report["unexpected_keys"])))


def load_model(folder: Path, *, task: str, **overrides: Any) -> PreTrainedModel:
    """The model of a checkpoint that has the head of ``task``. Raises `UserError` where it has not."""
    loaded = load(folder, task, **overrides)
    if loaded.new:
        raise UserError(another_head(folder, task, loaded))
    return loaded.model


def another_head(folder: Path, task: str, loaded: Loaded) -> str:
    """The line that says that the head of ``task`` is missing, and what the checkpoint has instead."""
    heads = ", ".join(dict.fromkeys(name.rpartition(".")[0] or name for name in loaded.dropped if "pooler" not in name))
    clause = f"it has another head ({heads})" if heads else "it has none"
    return (
        f"checkpoint {folder} has no head for {task} ({loaded.new[0]} is missing; {clause}): "
        "name a checkpoint that was fine-tuned for the task, or give the model a training"
    )


def require_finite(model: torch.nn.Module, folder: Path) -> None:
    """Raises `UserError` when a weight is NaN or infinite."""
    for name, weight in model.state_dict().items():
        wrong = int((~torch.isfinite(weight)).sum())
        if wrong:
            raise UserError(
                f"checkpoint {folder} has NaN or infinite weights ({wrong} in {name}): its training diverged "
                "or the file is damaged"
            )


def require_room(folder: Path, tokens: int, model: PreTrainedModel) -> None:
    """Raises `UserError` when the tokenizer of ``folder`` has more ``tokens`` than the model embeddings."""
    if tokens > model.config.vocab_size:
        raise UserError(
            f"the tokenizer of checkpoint {folder} has {tokens} tokens, its model only "
            f"{model.config.vocab_size}: they do not belong together"
        )


def require_token_types(folder: Path, tokenizer: Any, model: PreTrainedModel) -> None:
    """Raises `UserError` when the tokenizer of ``folder`` gives a pair's second text a type that the model lacks.

    ``tokenizer`` is that of `transformers`. A model whose table has no rows has no table.
    """
    rows = getattr(model.config, "type_vocab_size", 0)
    last = max(tokenizer("a", "b").get("token_type_ids", [0]))
    if 0 < rows <= last:
        raise UserError(
            f"the tokenizer of checkpoint {folder} gives token type {last}, its model has only {rows}: they do not "
            'belong together; or set model_input_names in tokenizer_config.json to ["input_ids", "attention_mask"], '
            "for token types of 0"
        )


def _of_encoder(model: PreTrainedModel, name: str) -> bool:
    # A pooler belongs to the head: checkpoints of masked language models come without it.
    of_base = model.base_model is model or name.startswith(f"{model.base_model_prefix}.")
    return of_base and ".pooler." not in f".{name}"
