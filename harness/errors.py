"""The error that a person can mend: one line, exit status 2, no traceback."""


class UserError(Exception):
    """Bad input. The message is one line that names the thing, the value and the way out."""


class StepFailed(Exception):
    """A step of a run failed. ``status`` is a word of `harness.execution.status`, the message its reason."""

    def __init__(self, status: str, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class RunStopped(Exception):
    """A run that cannot go on (a full disk). One line, exit status 3; finished steps are kept."""
