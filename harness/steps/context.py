"""What every step is given when it runs, and how it tells of its progress."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO

from harness.store.steps import Step, Store


@dataclass(frozen=True)
class Context:
    """What a step's ``run(context)`` is given."""

    step: Step
    store: Store
    destination: Path
    events: TextIO

    @cached_property
    def options(self) -> dict[str, Any]:
        """The step's, with what it leaves to the evaluation data: whether "" may be an answer."""
        options = self.step.options
        decoding = options.get("question_answering") or {}
        if decoding.get("version_2_with_negative", False) is not None:
            return options
        from harness.store.examples import any_unanswerable  # pyarrow: not every step's process shall pay for it

        negative = any_unanswerable(self.input("evaluation"))
        return {**options, "question_answering": {**decoding, "version_2_with_negative": negative}}

    def input(self, role: str) -> Path:
        """The folder of the earlier step that plays ``role``."""
        return self.store.path(*self.step.needs[role])

    def progress(self, description: str, fraction: float) -> None:
        emit(self.events, {"event": "progress", "key": self.step.key, "what": description, "fraction": fraction})


def emit(events: TextIO, event: dict[str, Any]) -> None:
    events.write(json.dumps(event) + "\n")
    events.flush()
