"""Masked language modelling on plain texts, for the model that proposes an attack's words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from transformers import DataCollatorForLanguageModeling, PreTrainedTokenizerFast

from harness.checkpoints.loading import MASKED_LANGUAGE_MODEL, load_model
from harness.checkpoints.tokenizer_files import copy_tokenizer
from harness.config.training import Recipe
from harness.errors import UserError
from harness.tasks.fast_tokenizer import TOKEN_TYPES
from harness.tasks.features import collect_inputs, truncated
from harness.training.batches import Feature, FeatureDataset
from harness.training.model_inputs import (
    accepted_inputs,
    require_positions,
    save,
    without_attention_dropout,
)
from harness.training.trainer import ResumableTrainer, train


def train_masked_language_model(
    starting: Path,
    destination: Path,
    *,
    texts: Sequence[str],
    recipe: Recipe,
    seed: int,
    work: Path,
    progress: Callable[[str, float], None],
) -> dict[str, Any]:
    """Train the checkpoint folder ``starting`` (with a masked-LM head) on ``texts``, to ``destination``.

    15 % of the tokens are predicted; of these 80 % are masked, 10 % replaced and 10 % left (Devlin et
    al. 2019, section 3.1), drawn anew every epoch. Resumes and raises as `fine_tune` does.
    """
    if not texts:
        raise UserError("no texts to train the masked language model on: data.train is empty")
    tokenizer: Any = PreTrainedTokenizerFast.from_pretrained(starting)
    if tokenizer.mask_token is None:
        raise UserError(f"the tokenizer of {starting} has no mask token: name a masked language model")
    model = load_model(starting, task=MASKED_LANGUAGE_MODEL, **without_attention_dropout(starting))
    require_positions(model, recipe.max_length)
    with truncated(
        tokenizer.backend_tokenizer,
        recipe.max_length,
        stride=0,
        strategy="longest_first",
    ) as backend:
        encodings = backend.encode_batch(list(texts))
    inputs = collect_inputs(encodings, token_types=TOKEN_TYPES in tokenizer.model_input_names)
    columns: dict[str, Sequence[Any]] = dict(accepted_inputs(model, inputs))
    columns["special_tokens_mask"] = [np.asarray(each.special_tokens_mask, np.int64) for each in encodings]
    work.mkdir(parents=True, exist_ok=True)
    record = train(
        _MaskedTrainer,
        model,
        FeatureDataset(columns, _Masking(tokenizer, seed)),
        recipe=recipe,
        seed=seed,
        pad_token_id=tokenizer.pad_token_id,
        work=work,
        description="masked language modelling",
        progress=progress,
    )
    save(model, destination)
    copy_tokenizer(starting, destination)
    return {"examples": len(texts), **record}


class _Masking:
    """Masks a text by the library's rule, from a generator that depends on seed, epoch and text alone."""

    def __init__(self, tokenizer: Any, seed: int) -> None:
        self.collator = DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15)
        self.seed = seed

    def __call__(self, feature: Feature, epoch: int, index: int) -> Feature:
        drawn = np.random.SeedSequence([self.seed, epoch, index]).generate_state(1, np.uint64)
        self.collator.generator = torch.Generator().manual_seed(int(drawn[0] >> np.uint64(1)))
        special = torch.from_numpy(feature["special_tokens_mask"])[None]
        tokens = torch.from_numpy(feature["input_ids"])[None].clone()
        masked, labels = self.collator.torch_mask_tokens(tokens, special_tokens_mask=special)
        others = {name: value for name, value in feature.items() if name != "special_tokens_mask"}
        return others | {"input_ids": masked[0].numpy(), "labels": labels[0].numpy()}


class _MaskedTrainer(ResumableTrainer):
    """Takes the mean over the predicted tokens, 0 where a batch has none (the model's own loss is NaN)."""

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | None = None,
    ) -> Any:
        labels = inputs.pop("labels")
        predicted = labels >= 0
        with _only(predicted, model.base_model):
            outputs = model(**inputs)
        total = cross_entropy(outputs.logits[0].float(), labels[predicted], reduction="sum")
        loss = total / predicted.sum().clamp(min=1)
        return (loss, outputs) if return_outputs else loss


@contextmanager
def _only(predicted: torch.Tensor, encoder: Any) -> Iterator[None]:
    """Hand the head only the hidden states of the ``predicted`` tokens, as one row.

    A score of every word of the vocabulary for the other 85 % would cost more than the encoder does.
    """

    def select(module: torch.nn.Module, arguments: Any, output: Any) -> Any:
        output["last_hidden_state"] = output["last_hidden_state"][predicted][None]
        return output

    hook = encoder.register_forward_hook(select)
    try:
        yield
    finally:
        hook.remove()
