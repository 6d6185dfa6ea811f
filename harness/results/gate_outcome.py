"""Outcome of a gate: one for every limit of every deployment, and the whole; gate.json in a run's folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from harness.config.policy import CannotTell
from harness.errors import UserError
from harness.store.atomic import write_json
from harness.store.record import Record

FILE = "gate.json"

Status = Literal["pass", "fail", "cannot tell"]


@dataclass(frozen=True)
class RuleOutcome:
    """A limit on a deployment."""

    task: str
    """Name of the task."""
    deployment: str
    """Full name of the deployment."""
    short: str
    """Its name in tables."""
    rule: str
    """The limit as a sentence: "changed at most floor + 1 %"."""
    status: Status
    """pass: the whole interval is inside; fail: outside, or the deployment failed; cannot tell: neither."""
    detail: str
    """Why, in a line: the figure with its interval, or what would tell."""
    cannot_tell: CannotTell
    """What comes of the gate where this cannot tell."""

    @property
    def stops(self) -> bool:
        """Whether the gate does not pass because of this."""
        return self.status == "fail" or (self.status == "cannot tell" and self.cannot_tell == "fail")


@dataclass(frozen=True)
class GateOutcome:
    """A run against a policy."""

    status: Status
    """fail: of any rule; else cannot tell: of any rule that wants an answer; else pass."""
    outcomes: tuple[RuleOutcome, ...]
    """In the order of the tasks, their deployments and the rules."""
    untold: tuple[str, ...] = ()
    """Limits of outputs from elsewhere that nothing is held against: no file tells such a figure."""

    @classmethod
    def of(cls, outcomes: tuple[RuleOutcome, ...], untold: tuple[str, ...] = ()) -> GateOutcome:
        stopping = {one.status for one in outcomes if one.stops}
        return cls("fail" if "fail" in stopping else "cannot tell" if stopping else "pass", outcomes, untold)


class _GateFile(Record):
    version: Literal[2]
    gate: GateOutcome


def write_gate(folder: Path, gate: GateOutcome) -> None:
    write_json(folder / FILE, _GateFile(version=2, gate=gate).model_dump(mode="json"))


def load_gate(folder: Path) -> GateOutcome | None:
    """What `run` wrote; None: its study has no gate.

    Raises:
        UserError: the file cannot be read as an outcome.
    """
    path = folder / FILE
    try:
        return _GateFile.model_validate_json(path.read_bytes()).gate
    except FileNotFoundError:
        return None
    except (OSError, ValidationError):
        raise UserError(f"{path}: is no outcome of a gate that this scalemodel reads; run the study again") from None
