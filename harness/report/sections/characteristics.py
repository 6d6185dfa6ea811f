"""The four characteristics, against the reference with interval, chance and floor, then in pairs; and what follows."""

from __future__ import annotations

from harness.report.blocks import Prose, Section
from harness.report.sections.adversarial_attack import adversarial_attack
from harness.report.sections.affected import affected
from harness.report.sections.calibration import calibration
from harness.report.sections.data_distribution import data_distribution
from harness.report.sections.data_representation import data_representation
from harness.report.sections.explanation import explanation
from harness.report.sections.prediction_errors import prediction_errors
from harness.report.view import TaskView

_THE_FOUR = ("prediction_errors", "data_representation", "data_distribution", "adversarial_attack")


def characteristics(task: TaskView, *, all_pairs: bool) -> tuple[Section, ...]:
    builders = (
        ("Prediction errors", "prediction_errors", prediction_errors),
        ("Data representation", "data_representation", data_representation),
        ("Data distribution", "data_distribution", data_distribution),
        ("Adversarial attack", "adversarial_attack", adversarial_attack),
        ("Calibration", "calibration", calibration),
        ("Who is affected", "affected", affected),
        ("Explanations", "explanation", explanation),
    )
    sections, absent = [], []
    for title, name, build in builders:
        blocks = build(task, all_pairs) if task.characteristic(name) else []
        if blocks:
            sections.append(Section(title, tuple(blocks), level=2))
        elif name in _THE_FOUR and not (name == "adversarial_attack" and task.is_question_answering):
            absent.append(title.lower())  # questions are attacked where asked for
    if absent:
        sections.append(Section("Not measured in this run", (Prose((f"{', '.join(absent)}.",)),), level=2))
    return tuple(sections)
