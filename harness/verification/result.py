"""Result of the verification of a deployment: its record on disk, and its line."""

from __future__ import annotations

import json
from pathlib import Path

from exporters.parity import Parity
from harness.errors import UserError
from harness.store.atomic import write_json
from harness.store.record import Record, parse_record
from harness.verification.tolerances import Tolerance

FILE = "verification.json"
FILE_VERSION = 1


class QualityLoss(Record):
    """The task's metric of a deployment against its checkpoint's, as shares."""

    measure: str
    """Name of the metric."""
    examples: int
    """Over how many."""
    checkpoint: float
    """The checkpoint's, in PyTorch, 0 to 1."""
    deployment: float
    """The deployment's, 0 to 1."""
    loss: float
    """The checkpoint's less the deployment's."""
    standard_error: float
    """Of the loss, over examples, which are paired."""
    allowed: float | None
    """Largest loss that passes; None: weights are random, and nothing is judged."""


class Determinism(Record):
    """How far a deployment's outputs move for the same input, in their own unit; None: one is not finite."""

    repeated: float | None
    """Run again."""
    another_batch: float | None
    """In a batch of one."""
    more_padding: float | None
    """With less padding."""
    checkpoint_more_padding: float | None
    """Likewise those of its checkpoint; None: there is none."""


class PreprocessingCheck(Record):
    """What the features were held against."""

    against: str | None
    """None: nothing tells how the tokenizer is meant to be called."""
    examples: int
    """Examples that were compared."""
    features: int
    """Their features."""
    notes: list[str]
    """How they differ by intent."""


class VerificationResult(Record):
    """What was verified of a deployment before anything of it was timed."""

    parity: Parity
    """Its outputs against what it was made from."""
    against: str | None
    """What a finished file was held against; None: its checkpoint in PyTorch."""
    quality: QualityLoss | None
    """None: there is no checkpoint."""
    determinism: Determinism
    """Its outputs against its own."""
    tolerance: Tolerance | None
    """What was allowed; None: nothing was judged."""
    matmuls: dict[str, int] | None
    """Matmuls by the precision in which they really run; None: the runtime does not tell."""
    preprocessing: PreprocessingCheck | None
    """None: it was not checked."""


def write_verification(folder: Path, result: VerificationResult) -> None:
    """In the file, ``against`` stands in the parity, and only where it is not None."""
    recorded = result.model_dump()
    against = recorded.pop("against")
    if against is not None:
        recorded["parity"]["against"] = against
    write_json(folder / FILE, {"version": FILE_VERSION, **recorded})


def read_verification(folder: Path) -> VerificationResult:
    """Raises UserError for another version, and for a field that is missing, unknown or of another type."""
    path = folder / FILE
    recorded = json.loads(path.read_text(encoding="utf-8"))
    version, parity = recorded.pop("version", None), recorded.get("parity")
    if version != FILE_VERSION:
        raise UserError(f"{path}: version is {version}, this scalemodel reads {FILE_VERSION}; run the study again")
    against = parity.pop("against", None) if isinstance(parity, dict) else None
    return parse_record(path, json.dumps({**recorded, "against": against}), VerificationResult)


def summary(verified: VerificationResult) -> str:
    """One line of it."""
    parity, quality, moved = verified.parity, verified.quality, verified.determinism
    against = verified.against or "the checkpoint"
    parts = []
    if parity.decision_agreement is not None:
        parts = [f"{100 * parity.decision_agreement:.1f} % of {parity.examples} decisions as by {against}"]
    if parity.largest_logit_difference is not None:
        of = "" if parts else f" of {parity.examples} examples"
        parts.append(f"logits{of} off by at most {parity.largest_logit_difference:.2g}")
    if parity.largest_representation_difference is not None:
        of = "" if parts else f" of {parity.examples} texts off from {against}"
        parts.append(f"representation{of} by {parity.largest_representation_difference:.2g}")
    if quality is not None:
        parts.append(f"{quality.measure} {100 * quality.deployment:.1f} % ({100 * quality.checkpoint:.1f} %)")
    parts.append(f"moved {moved.another_batch:.2g} by the batch, {moved.more_padding:.2g} by padding")
    if moved.checkpoint_more_padding is not None:
        parts.append(f"padding moves the checkpoint by {moved.checkpoint_more_padding:.2g}")
    if verified.matmuls:
        parts.append("matmuls " + ", ".join(f"{count} {name}" for name, count in verified.matmuls.items()))
    if verified.preprocessing is not None:
        parts += verified.preprocessing.notes
    return "; ".join(parts)
