"""What was verified of every deployment before it was timed: against its checkpoint, and against itself."""

from __future__ import annotations

from harness.report.blocks import Cell, Column, Section, Table
from harness.report.numbers import UNKNOWN, count, percent, signed
from harness.report.sections.rows import KEY, filled, rows_by_model
from harness.report.values import mapping, number, sequence, words
from harness.report.view import Deployment, TaskView


def verification(task: TaskView) -> Section | None:
    verified = [d for d in task.deployments if d.verification and d.replicate_kind != "execution"]
    if not verified:
        return None
    metric = "F1" if task.is_question_answering else "accuracy"
    columns = (
        KEY,
        Column("same\ndecisions\n%"),
        Column("logits off\nat most"),
        Column("represen-\ntation off", optional=True),
        Column(f"{metric}\nchange"),
        Column("moved by\nbatch"),
        Column("moved by\npadding", optional=True),
        Column("products", right=False),
    )
    examples = max(number(mapping(d.verification.get("parity")).get("examples")) or 0 for d in verified)
    notes = (
        f"On up to {count(examples)} real inputs, padded, the longest and the shortest among them. Decisions, logits, "
        f"representation and {metric} (in points) against the checkpoint's in PyTorch; a finished file's against "
        "what its graph says without optimisation, an engine's against itself, alone and without padding. Moved: how "
        "far logits are from their own when the same text is in another batch, or is padded less. Products: matrix "
        "products by the precision in which the runtime says it ran them.",
    )
    table = Table(
        "", columns, rows_by_model(task, [(d, _cells(d)) for d in verified]), (*notes, *_preprocessing(verified))
    )
    return Section("Verified before timing", (filled(table),), level=2)


def _cells(d: Deployment) -> tuple[Cell, ...]:
    parity, determinism = mapping(d.verification.get("parity")), mapping(d.verification.get("determinism"))
    loss = number(mapping(d.verification.get("quality")).get("loss"))
    products = mapping(d.verification.get("products"))
    return (
        Cell(percent(number(parity.get("decision_agreement")))),
        Cell(_small(number(parity.get("largest_logit_difference")))),
        Cell(_small(number(parity.get("largest_representation_difference")))),
        Cell(signed(None if loss is None else -100 * loss)),
        Cell(_small(number(determinism.get("another_batch")))),
        Cell(_small(number(determinism.get("more_padding")))),
        Cell(", ".join(f"{number(n) or 0:.0f} {words(name)}" for name, n in products.items()) or UNKNOWN),
    )


def _preprocessing(verified: list[Deployment]) -> list[str]:
    """How what a model reads differs by intent from what `transformers`' scripts would give it."""
    found = [
        f"{d.model}: {words(note)}."
        for d in verified
        for note in sequence(mapping(d.verification.get("preprocessing")).get("notes"))
    ]
    return list(dict.fromkeys(found))


def _small(value: float | None) -> str:
    """Differences run over many orders of magnitude: two digits of each."""
    return UNKNOWN if value is None else "0" if value == 0 else f"{value:.2g}"
