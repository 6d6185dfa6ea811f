"""Exit statuses of the command. Of several that hold, the first of 130, 2, 3, 4 and 5."""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    DONE = 0
    """And what was to pass passed."""
    BAD_INPUT = 2
    STEP_FAILED = 3
    """Of the run: it goes before the gate."""
    GATE_FAILED = 4
    """Or `compare` was asked to fail on what is slower or bigger, and found it."""
    CANNOT_TELL = 5
    """Nothing failed, but something cannot be told where the policy wants an answer."""
    INTERRUPTED = 130
