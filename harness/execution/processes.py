"""Steps in worker processes: a crash, a time-out or a full memory costs one step, never the run."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol, TextIO

from backends.host.machine import environment
from harness.errors import TIMED_OUT, status_of_exit
from harness.store.atomic import write_text
from harness.store.step import Step
from harness.store.steps import Store


@dataclass(frozen=True)
class StepFailure:
    """A step that did not succeed, why, and the command that does it again by itself."""

    step: Step
    status: str
    reason: str
    command: str | None


WORKER = ("-P", "-m", "harness.execution.worker")
"""Python's arguments; by ``-P`` it imports nothing from the current folder, which may be anybody's."""

TRAINING = frozenset({"training", "masked_language_model"})

Listener = Callable[[Step, dict[str, Any]], None]


class Executor(Protocol):
    """Where the steps of a study are done."""

    concurrent: bool
    """Whether steps that do not need each other may be done at once, and be heard of in any order."""

    def environment(self) -> dict[str, Any]:
        """The machine that the study is planned for, see `backends.host.machine.environment`."""
        ...

    def batches(self, steps: Sequence[Step]) -> list[Sequence[Step]]:
        """What `run` gets at a time: a step needs none of a later batch."""
        ...

    def run(
        self,
        steps: Sequence[Step],
        store: Store,
        *,
        steps_folder: Path,
        log: TextIO,
        timeout_seconds: float,
        listen: Listener,
    ) -> list[StepFailure]:
        """Do a batch: see `run_group`."""
        ...


def run_group(
    steps: Sequence[Step], store: Store, *, steps_folder: Path, log: TextIO, timeout_seconds: float, listen: Listener
) -> list[StepFailure]:
    """Do the steps of a group in one process, in order; after a crash the rest goes on in a new one.

    ``listen`` hears every event of a step: started, progress (what, fraction), finished, failed. A step is ended when
    nothing is heard of it for ``timeout_seconds``: one that tells of its progress may take as long as it needs.
    """
    failures: list[StepFailure] = []
    rest = list(steps)
    while rest:
        files = [describe(step, steps_folder) for step in rest]
        done, failure = _run_worker(rest, files, store, log, timeout_seconds, listen, failures)
        rest = rest[done:]
        if failure is None:
            break
        failures.append(failure)
        listen(failure.step, {"event": "failed", "status": failure.status, "reason": failure.reason})
        rest = rest[1:]
    return failures


class LocalProcesses:
    """This machine, one process after the other: a group each."""

    concurrent = False
    run = staticmethod(run_group)

    def environment(self) -> dict[str, Any]:
        return environment()

    def batches(self, steps: Sequence[Step]) -> list[Sequence[Step]]:
        return [list(group) for _, group in groupby(steps, key=lambda step: step.group)]


def command_for(store: Store, file: Path) -> str:
    return shlex.join(["python", *WORKER, str(store.root), str(file)])


def describe(step: Step, folder: Path) -> Path:
    """The file in ``folder`` that tells a worker what the step is."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{step.kind}-{step.key[:12]}.json"
    write_text(file, step.to_json())
    return file


def _run_worker(
    steps: Sequence[Step],
    files: Sequence[Path],
    store: Store,
    log: TextIO,
    timeout_seconds: float,
    listen: Listener,
    failures: list[StepFailure],
) -> tuple[int, StepFailure | None]:
    """How many steps were settled, and the failure of the one that took the process with it."""
    by_key = {step.key: (step, file) for step, file in zip(steps, files, strict=True)}
    process = subprocess.Popen(
        [sys.executable, *WORKER, str(store.root), *map(str, files)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=log,
        env=_environment(steps[0].kind),
        start_new_session=True,  # so that its own children go with it, and Ctrl-C reaches the parent alone
    )
    assert process.stdout is not None
    settled, heard, doing = 0, time.monotonic(), ""
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            pending = b""
            while True:
                left = heard + timeout_seconds - time.monotonic()
                if left <= 0 or not selector.select(left):
                    step, file = by_key[steps[settled].key]
                    reason = f"neither end nor progress for {timeout_seconds / 60:g} minutes (timeout_minutes)"
                    return settled, StepFailure(step, TIMED_OUT, reason + doing, command_for(store, file))
                chunk = os.read(process.stdout.fileno(), 65536)
                if not chunk:
                    break
                *lines, pending = (pending + chunk).split(b"\n")
                for line in lines:
                    event = json.loads(line)
                    step, file = by_key[event["key"]]
                    heard = time.monotonic()
                    doing = f"; last heard of: {event['what']}" if event["event"] == "progress" else ""
                    if event["event"] == "finished":
                        store.forget(step.key)
                        settled += 1
                    elif event["event"] == "failed":
                        failures.append(StepFailure(step, event["status"], event["reason"], command_for(store, file)))
                        settled += 1
                    listen(step, event)
        code = process.wait()
        if settled == len(steps):
            return settled, None
        step, file = by_key[steps[settled].key]
        status, reason = status_of_exit(code)
        return settled, StepFailure(step, status, reason + doing, command_for(store, file))
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Nothing that the worker started outlives it."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _environment(kind: str) -> dict[str, str]:
    # Waiting OpenMP threads that spin take the cores from each other when anything else runs beside a long
    # training: steps then take several times as long. Measurements keep the runtime's own default.
    patient = {"GOMP_SPINCOUNT": "0"} if kind in TRAINING else {}
    return {
        **patient,
        **os.environ,
        "PYTHONSAFEPATH": "1",  # for what a library of the worker starts
        "PYTHONUNBUFFERED": "1",
        "TOKENIZERS_PARALLELISM": os.environ.get("TOKENIZERS_PARALLELISM", "true"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
