"""The process that does steps: ``python -P -m harness.execution.worker STORE STEP.json...``.

Its standard output is a stream of JSON lines for the parent; everything that libraries print goes to
standard error, which the parent keeps in the run's log.
"""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import importlib
import json
import os
import sys
import traceback
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO

from harness.errors import StepFailed
from harness.execution.status import SKIPPED, status_of
from harness.lifetime import die_with_parent
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


def main(arguments: list[str]) -> int:
    die_with_parent()
    faulthandler.enable()  # where a runtime crashed stands in the log
    store = Store(Path(arguments[0]))
    steps = [Step.from_json(Path(name).read_text()) for name in arguments[1:]]
    # A library that prints to standard output, in Python or below it, must not break the event stream.
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    failed = False
    for step in steps:
        emit(events, {"event": "started", "key": step.key})
        try:
            _check_needs(step, store)
            destination = store.begin(step)
            importlib.import_module(f"harness.steps.{step.kind}").run(Context(step, store, destination, events))
            store.commit(step, destination)
        except Exception as error:
            failed = True
            traceback.print_exc()
            status, reason = status_of(error)
            emit(events, {"event": "failed", "key": step.key, "status": status, "reason": reason})
        else:
            emit(events, {"event": "finished", "key": step.key})
        give_memory_back()
    return 1 if failed else 0


def _check_needs(step: Step, store: Store) -> None:
    if not all(store.path(kind, key).is_dir() for kind, key in step.needs.values()):
        raise StepFailed(SKIPPED, "a step that it needs has not been done")


def give_memory_back() -> None:
    """Let go of what the step before has left: the peak of a process is then that of its largest step (glibc only)."""
    gc.collect()
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "malloc_trim"):
        library.malloc_trim(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
