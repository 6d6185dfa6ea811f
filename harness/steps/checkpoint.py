"""Bring a model's starting checkpoint, with the head of its task, into the store."""

from __future__ import annotations

from pathlib import Path

from pydantic import TypeAdapter

from harness.checkpoints.materialize import materialize
from harness.config.checkpoints import CheckpointSource
from harness.steps.context import Context


def run(context: Context) -> None:
    def resolve(_: str) -> Path:
        return context.input("cut" if "cut" in context.step.needs else "pruned")

    materialize(
        TypeAdapter(CheckpointSource).validate_python(context.step.places["source"]),
        context.destination,
        task=context.options["task"],
        labels=tuple(context.options["labels"]) or None,
        seed=context.options["seed"],
        allow_new_head=context.options["new_head"],
        resolve=resolve,
    )
