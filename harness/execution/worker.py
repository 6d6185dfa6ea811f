"""The process that does steps: ``python -P -m harness.execution.worker STORE STEP.json...``.

Its standard output is a stream of JSON lines for the parent; everything that libraries print goes to
standard error, which the parent keeps in the run's log.
"""

from __future__ import annotations

import faulthandler
import os
import sys
import time
import traceback
from functools import partial
from pathlib import Path
from typing import TextIO

from harness.errors import DISK_FULL, ERROR, SKIPPED, StepFailed, UserError, status_of
from harness.execution.disk_space import full_disk, room_needed
from harness.inference.process import age, die_with_parent, give_memory_back, peak_bytes
from harness.steps.context import Context, emit
from harness.steps.registry import read_step, step_kind
from harness.store.step import Step
from harness.store.steps import Store


def main(arguments: list[str]) -> int:
    die_with_parent()
    faulthandler.enable()  # where a runtime crashed stands in the log
    store = Store(Path(arguments[0]))
    try:
        steps = [read_step(Path(name)) for name in arguments[1:]]
    except UserError as error:
        print(f"scalemodel: {error}", file=sys.stderr)
        return 2
    # A library that prints to standard output, in Python or below it, must not break the event stream.
    events = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    failed = False
    began = time.monotonic() - age()  # a process's start is its first step's, as are the imports
    for number, step in enumerate(steps):
        if number:
            give_memory_back()
        emit(events, {"event": "started", "key": step.key})
        try:
            with store.making(step, partial(_tell_waiting, step, events)) as missing:
                if missing:
                    _check_inputs(step, store)
                    destination = store.begin(step)
                    step_kind(step.kind).run(Context(step, store, destination, events))
                    took = round(time.monotonic() - began, 3)
                    store.commit(step, destination, seconds=took, peak_bytes=peak_bytes())
        except Exception as error:
            failed = True
            traceback.print_exc()
            status, reason = status_of(error)
            if status in (ERROR, DISK_FULL):
                needed = room_needed(store.path(ref.kind, ref.key) for ref in step.inputs.refs)
                if full := full_disk(store.root, needed):
                    status, reason = DISK_FULL, full
                elif status == DISK_FULL:
                    reason = f"{store.root}: {reason}; make room or give another --store"
            emit(events, {"event": "failed", "key": step.key, "status": status, "reason": reason})
        else:
            emit(events, {"event": "finished", "key": step.key})
        began = time.monotonic()
    return 1 if failed else 0


def _tell_waiting(step: Step, events: TextIO) -> None:
    """Another run may take as long as it needs."""
    emit(events, {"event": "progress", "key": step.key, "what": "waiting for another run at it", "fraction": 0.0})


def _check_inputs(step: Step, store: Store) -> None:
    if not all(store.is_here(ref.kind, ref.key) for ref in step.inputs.refs):
        raise StepFailed(SKIPPED, "a step that it needs has not been done")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
