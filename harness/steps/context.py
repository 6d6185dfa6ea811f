"""Context of a running step: its options and inputs, where it writes, and the report of its progress."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TextIO, TypeVar, cast

from pydantic import BaseModel

from harness.store.step import Step, StepInputs, StepRef
from harness.store.steps import Store

OptionsT_co = TypeVar("OptionsT_co", bound=BaseModel, covariant=True)
InputsT_co = TypeVar("InputsT_co", bound=StepInputs, covariant=True)


@dataclass(frozen=True)
class Context(Generic[OptionsT_co, InputsT_co]):
    """What the ``run`` of a kind of step is given; the kind's own options and inputs among it."""

    step: Step
    store: Store
    destination: Path
    events: TextIO

    @property
    def options(self) -> OptionsT_co:
        return cast("OptionsT_co", self.step.options)  # `harness.steps.registry.read_step` has seen to it

    @property
    def inputs(self) -> InputsT_co:
        return cast("InputsT_co", self.step.inputs)

    def folder(self, ref: StepRef) -> Path:
        """What the earlier step made."""
        return self.store.path(ref.kind, ref.key)

    def work(self) -> Path:
        """A folder that outlives a kill, for a step that can resume."""
        return self.store.work(self.step.key)

    def progress(self, description: str, fraction: float) -> None:
        emit(self.events, {"event": "progress", "key": self.step.key, "what": description, "fraction": fraction})

    def text_progress(self, first: int, total: int) -> Callable[[int], None]:
        """To report how many of ``total`` texts are done, and the time left; the ``first`` are of an earlier run."""
        began = time.monotonic()

        def report(done: int) -> None:
            text = f"text {done} of {total}"
            if first < done < total:
                seconds = (time.monotonic() - began) / (done - first) * (total - done)
                text += f", about {max(1, round(seconds / 60))} min left"
            self.progress(text, done / total)

        return report


def emit(events: TextIO, event: dict[str, Any]) -> None:
    events.write(json.dumps(event) + "\n")
    events.flush()
