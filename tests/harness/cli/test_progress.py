"""Progress keeps its counter, its bar and its time left, in narrow terminals too and however long a title is."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cli.progress import progress_for
from harness.store.step import Step, StepInputs
from harness.store.steps import Store
from tests.forks import forked

TITLE = "measure bert-large-uncased-whole-word-masking/onnx-int8-static@onnxruntime-cpu on question-answering"


def report(folder: str) -> None:
    """A run's progress, in little more than no time."""
    store = Store(Path(folder))
    steps = [
        Step(kind, f"{kind} {number}", TITLE, "g", {"task": "qa"}, StepInputs(), StepInputs())
        for number in range(16)
        for kind in ("performance", "outputs", "tuned_throughput")
    ]
    earlier = Step("outputs", "earlier", "", "", {"task": "qa"}, StepInputs(), StepInputs())
    store.commit(earlier, store.begin(earlier), seconds=240)
    with progress_for(store, quiet=False) as progress:
        progress.stage("checkpoint outputs", steps, 1)
        for step in steps[:12]:
            progress.event(step, {"event": "started"})
            progress.event(step, {"event": "progress", "what": "offline", "fraction": 0.5})
            progress.event(step, {"event": "finished"})
        progress.event(steps[12], {"event": "started"})
        progress.event(steps[12], {"event": "failed", "status": "failed", "reason": "no [memory]"})
        progress.event(steps[13], {"event": "started"})
        time.sleep(0.3)
        progress.stage("attacks", [], 2)


def reported(folder: Path, terminal: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "NO_COLOR")}
    done = forked(report, str(folder), environment={**inherited, **environment}, stderr=terminal, seconds=60)
    assert done.returncode == 0, done.stderr
    return done


def on_a_terminal(folder: Path, columns: int, **environment: str) -> str:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    said: list[bytes] = []
    reader = threading.Thread(target=said.extend, args=(everything(ours),))
    reader.start()
    reported(folder, Path(os.ttyname(theirs)), TERM="xterm-256color", **environment)
    os.close(theirs)
    reader.join()
    os.close(ours)
    return b"".join(said).decode()


def everything(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            yield os.read(terminal, 65536)
        except OSError:  # EIO: nobody has the other end any more
            return


def frames(said: str) -> list[str]:
    """What was drawn, line by line, without what moves the cursor and colours."""
    return [line.rstrip() for line in re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said)) if line.strip()]


@pytest.mark.parametrize("columns", [60, 80, 100, 200])
@pytest.mark.parametrize("colour", [True, False])
def test_in_a_terminal(tmp_path: Path, columns: int, colour: bool) -> None:
    said = on_a_terminal(tmp_path, columns, **({} if colour else {"NO_COLOR": "1"}))
    assert (re.search(r"\x1b\[[\d;]*3[0-9]", said) is not None) == colour
    drawn = frames(said)
    assert max(map(len, drawn)) <= columns
    index, last = [(at, line) for at, line in enumerate(drawn) if "13/48" in line][-1]
    # Of 16 outputs 12 are ahead; in this run they took no time, whatever they took before.
    assert re.fullmatch(r". checkpoint outputs +[━╸╺ ]{5,20} 13/48 0:00:\d\d about 1 s left", last), last
    doing = drawn[index + 1]
    assert doing == f"  {TITLE}" if columns == 200 else doing == f"  {TITLE}"[: columns - 1] + "…"
    told = f"failed {TITLE}: no [memory]"
    assert told.replace(" ", "") in "".join(drawn).replace(" ", "")  # over several lines where it must be


def test_what_is_not_known_is_not_told(tmp_path: Path) -> None:
    """At the start: outputs are known to have taken four minutes each, and the others not at all."""
    first = next(line for line in frames(on_a_terminal(tmp_path, 80)) if "0/48" in line)
    assert first.endswith("over 64 min left"), first


def test_in_a_pipe(tmp_path: Path) -> None:
    done = reported(tmp_path)
    lines = done.stderr.splitlines()
    assert done.stdout == "" and "\x1b" not in done.stderr
    assert lines[0] == "checkpoint outputs: 48 steps to do, 1 reused, over 64 min left"
    assert lines[1] == f"  1 of 48: {TITLE}"
    assert lines[-1] == "attacks: 0 steps to do, 2 reused" and f"  {TITLE}: failed: no [memory]" in lines
