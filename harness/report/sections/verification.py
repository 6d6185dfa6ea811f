"""Section on what was verified of every deployment before it was timed: against its checkpoint, and against itself."""

from __future__ import annotations

from harness.report.blocks import About, Cell, Column, Section, Table
from harness.report.numbers import UNKNOWN, count, percent, signed
from harness.report.sections.rows import KEY, filled, rows_by_model
from harness.report.values import words
from harness.report.view import TaskView
from harness.verification.result import VerificationResult


def verification(task: TaskView) -> Section | None:
    verified = [(d, d.verification) for d in task.deployments if d.verification and d.replicate_kind != "execution"]
    if not verified:
        return None
    metric = task.kind.verified_score[1] if task.kind.verified_score else task.score_name
    columns = (
        KEY,
        Column("same\ndecisions\n%"),
        Column("logits off\nat most"),
        Column("represen-\ntation off", optional=True),
        Column(f"{metric}\nchange"),
        Column("moved by\nbatch"),
        Column("moved by\npadding", optional=True),
        Column("matmuls", right=False),
    )
    examples = max(verification_result.parity.examples for _, verification_result in verified)
    note = (
        f"On up to {count(examples)} real inputs, padded, the longest and the shortest among them. Decisions, logits, "
        f"representation and {metric} (in points) against the checkpoint's in PyTorch; a finished file's against "
        "what its graph says without optimisation, an engine's against itself, alone and without padding.",
        About(
            ("moved by\nbatch", "moved by\npadding"),
            "Moved: how far logits are from their own when the same text is in another batch, or is padded less.",
        ),
        About(("matmuls",), "Matmuls: by the precision in which the runtime says it ran them."),
    )
    # how what a model reads differs by intent from what `transformers`' scripts would give it
    preprocessing = dict.fromkeys(
        f"{d.model}: {words(note)}."
        for d, verification_result in verified
        if verification_result.preprocessing
        for note in verification_result.preprocessing.notes
    )
    rows = rows_by_model(task, [(d, _cells(verification_result)) for d, verification_result in verified])
    return Section("Verified before timing", (filled(Table("", columns, rows, (note, *preprocessing))),), level=2)


def _cells(verification_result: VerificationResult) -> tuple[Cell, ...]:
    parity, matmuls = verification_result.parity, verification_result.matmuls or {}
    return (
        Cell(percent(parity.decision_agreement)),
        Cell(_small(parity.largest_logit_difference)),
        Cell(_small(parity.largest_representation_difference)),
        Cell(signed(None if verification_result.quality is None else -100 * verification_result.quality.loss)),
        Cell(_small(verification_result.determinism.another_batch)),
        Cell(_small(verification_result.determinism.more_padding)),
        Cell(", ".join(f"{number} {words(name)}" for name, number in matmuls.items()) or UNKNOWN),
    )


def _small(value: float | None) -> str:
    """Differences run over many orders of magnitude: two digits of each."""
    return UNKNOWN if value is None else "0" if value == 0 else f"{value:.2g}"
