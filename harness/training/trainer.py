"""`transformers.Trainer`, made resumable to the bit, with progress as a callback."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from transformers import (
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from harness.config.training import Recipe
from harness.errors import REFUSED, StepFailed
from harness.training.batches import Collator, EpochSampler, FeatureDataset

Progress = Callable[[str, float], None]
"""Called with what is being done and the share of it that is done, 0 to 1."""

_LOGS_A_RUN = 50
_LOGS_A_SAVE = 5
_SAVE_AT_LEAST_EVERY = 500  # steps


class ResumableTrainer(Trainer):
    """A Trainer whose order of batches depends on the seed and the epoch alone.

    The samplers of `transformers` draw each epoch's order from the global random state when the epoch
    begins. A run that resumes inside an epoch would draw another order; `EpochSampler` does not.
    """

    def _get_train_sampler(self, train_dataset: Any = None) -> EpochSampler:
        dataset = cast("FeatureDataset", self.train_dataset)
        return EpochSampler(dataset.lengths(), self.args.train_batch_size, self.args.seed)

    def _rotate_checkpoints(self, use_mtime: bool = False, output_dir: str | None = None) -> None:
        # By step number: Trainer's own choice, the time of writing, is not reliable on every file system.
        super()._rotate_checkpoints(use_mtime=False, output_dir=output_dir)


class _Watch(TrainerCallback):
    """Reports progress, stops on a loss that is no number, and leaves out the save after the last step."""

    def __init__(self, progress: Progress, description: str) -> None:
        self.progress = progress
        self.description = description
        self.loss: float | None = None

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        loss = kwargs["logs"].get("loss")
        if loss is None:
            return
        if not math.isfinite(loss):
            raise StepFailed(
                REFUSED,
                f"the training loss became {loss} by step {state.global_step}: "
                "lower recipe.learning_rate or raise recipe.warmup_ratio",
            )
        self.loss = loss

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,
    ) -> None:
        # The caller keeps the final weights. Resuming from a save of the last step of a fraction of an
        # epoch would train one step more.
        if state.global_step >= state.max_steps:
            control.should_save = False
        loss = "" if self.loss is None else f", loss {self.loss:.2f}"
        self.progress(
            f"{self.description}: step {state.global_step} of {state.max_steps}{loss}",
            state.global_step / state.max_steps,
        )


def train(
    trainer_class: type[ResumableTrainer],
    model: torch.nn.Module,
    dataset: FeatureDataset,
    *,
    recipe: Recipe,
    seed: int,
    pad_token_id: int,
    work: Path,
    description: str,
    progress: Progress,
    callbacks: Sequence[TrainerCallback] = (),
    **options: Any,
) -> dict[str, Any]:
    """Train ``model`` in place by ``recipe``; go on from the last whole save in ``work``, if there is one.

    Returns a record without any time in it: steps, features, loss curve (``[step, mean loss since the
    entry before]``), device and threads. ``options`` go to ``trainer_class``. Raises `StepFailed` when
    the loss or the weights are no longer finite.
    """
    steps = max(1, math.ceil(math.ceil(len(dataset) / recipe.batch_size) * recipe.epochs))
    log_every = max(1, min(_SAVE_AT_LEAST_EVERY // _LOGS_A_SAVE, math.ceil(steps / _LOGS_A_RUN)))
    arguments = TrainingArguments(
        output_dir=str(work),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=recipe.batch_size,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="linear",
        warmup_ratio=recipe.warmup_ratio,
        weight_decay=recipe.weight_decay,
        max_grad_norm=1.0,
        optim="adamw_torch_fused",
        bf16=recipe.precision == "bf16",
        use_cpu=not torch.cuda.is_available(),
        seed=seed,
        logging_steps=log_every,
        # Without the filter a loss of NaN would be replaced by an average and go unseen.
        logging_nan_inf_filter=False,
        save_strategy="steps",
        # A multiple of the logging steps: the loss curve of a resumed run is then the undisturbed one.
        save_steps=_LOGS_A_SAVE * log_every,
        save_total_limit=1,
        save_safetensors=True,
        disable_tqdm=True,
        report_to=[],
        remove_unused_columns=False,
        dataloader_pin_memory=False,
    )
    trainer = trainer_class(
        model=model,
        args=arguments,
        train_dataset=dataset,
        data_collator=Collator(pad_token_id),
        callbacks=[*callbacks, _Watch(progress, description)],
        **options,
    )
    trainer.remove_callback(PrinterCallback)
    last = last_whole_save(work)
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    for name, weight in model.state_dict().items():
        if not torch.isfinite(weight).all():
            raise StepFailed(
                REFUSED,
                f"training left {name} with NaN or infinite values: lower the learning rate",
            )
    state = trainer.state
    return {
        "steps": state.global_step,
        "features": len(dataset),
        "loss": [[entry["step"], entry["loss"]] for entry in state.log_history if "loss" in entry],
        "device": arguments.device.type,
        "threads": torch.get_num_threads(),
    }


def last_whole_save(work: Path) -> Path | None:
    """The newest save in ``work`` that was written to its end; the others are removed.

    Trainer writes ``trainer_state.json`` last, and deletes the save before only after that.
    """
    saves = sorted(work.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]))
    whole = None
    for save in reversed(saves):
        if whole is None and _is_whole(save):
            whole = save
        else:
            shutil.rmtree(save)
    return whole


def _is_whole(save: Path) -> bool:
    try:
        json.loads((save / "trainer_state.json").read_text())
    except (OSError, ValueError):
        return False
    return True
