"""Bring a model's starting checkpoint, with the head of its task, into the store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from harness.config.checkpoints import CheckpointSource
from harness.config.strict import Strict
from harness.inference.process import import_transformers
from harness.steps.context import Context
from harness.store.step import LOCATION, StepInputs, StepRef

VERSION = 3
LIBRARIES = ("torch", "transformers")


class Options(Strict):
    task: str
    """A task's name, ``masked-language-model`` or ``sentence-encoder``: what the checkpoint is for."""
    labels: tuple[str, ...]
    source: Annotated[CheckpointSource, LOCATION]
    digest: str
    """Of what ``source`` names."""
    new_head: bool
    """Whether a head that the source lacks may be drawn, since it is about to be trained."""
    seed: int


class Inputs(StepInputs):
    parent: StepRef | None = None
    """The checkpoint that this one is cut or pruned from."""


def run(context: Context[Options, Inputs]) -> None:
    import_transformers()
    from harness.checkpoints.materialize import materialize

    def resolve(model: str) -> Path:
        parent = context.inputs.parent
        assert parent is not None, model
        return context.folder(parent)

    options = context.options
    materialize(
        options.source,
        context.destination,
        task=options.task,
        labels=options.labels or None,
        seed=options.seed,
        allow_new_head=options.new_head,
        resolve=resolve,
    )
