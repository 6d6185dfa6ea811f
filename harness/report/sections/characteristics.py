"""The characteristics, against the reference with interval, chance and floor, then in pairs; and what follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

from benchmarks.characteristics.adversarial_attack import AdversarialAttack
from benchmarks.characteristics.affected import Affected
from benchmarks.characteristics.calibration import ConfidenceCalibration
from benchmarks.characteristics.data_distribution import DataDistribution
from benchmarks.characteristics.data_representation import DataRepresentation
from benchmarks.characteristics.embedding_quantization import EmbeddingQuantization
from benchmarks.characteristics.entities import Entities
from benchmarks.characteristics.explanation import ExplanationAgreement
from benchmarks.characteristics.label_sets import LabelSets
from benchmarks.characteristics.pair_scores import PairScores
from benchmarks.characteristics.prediction_errors import PredictionErrors
from benchmarks.characteristics.reranking import Reranking
from benchmarks.characteristics.retrieval import Retrieval
from harness.report.blocks import Block, Prose, Section
from harness.report.sections.adversarial_attack import adversarial_attack
from harness.report.sections.affected import affected
from harness.report.sections.calibration import calibration
from harness.report.sections.data_distribution import data_distribution
from harness.report.sections.data_representation import data_representation
from harness.report.sections.embedding_quantization import embedding_quantization
from harness.report.sections.entities import entities
from harness.report.sections.explanation import explanation
from harness.report.sections.label_sets import label_sets
from harness.report.sections.pair_scores import pair_scores
from harness.report.sections.prediction_errors import prediction_errors
from harness.report.sections.reranking import reranking
from harness.report.sections.retrieval import retrieval
from harness.report.values import words
from harness.report.view import TaskView
from harness.results.schema import CharacteristicResults


@dataclass(frozen=True)
class CharacteristicSection:
    """How the results of one type are told."""

    title: str
    blocks: Callable[[TaskView, Any, bool], list[Block]]
    """Takes the task, the result of this type, and whether to draw all pairs."""
    missed: bool = False
    """Whether a run without it says so: one of the four."""


SECTIONS: dict[type, CharacteristicSection] = {
    PredictionErrors: CharacteristicSection("Prediction errors", prediction_errors, missed=True),
    PairScores: CharacteristicSection("Scores of pairs", pair_scores),
    Retrieval: CharacteristicSection("Retrieval", retrieval),
    EmbeddingQuantization: CharacteristicSection("Quantized embeddings", embedding_quantization),
    Reranking: CharacteristicSection("Reranking", reranking),
    Entities: CharacteristicSection("Entities", entities),
    LabelSets: CharacteristicSection("Labels of texts", label_sets),
    DataRepresentation: CharacteristicSection("Data representation", data_representation, missed=True),
    DataDistribution: CharacteristicSection("Data distribution", data_distribution, missed=True),
    AdversarialAttack: CharacteristicSection("Adversarial attack", adversarial_attack, missed=True),
    ConfidenceCalibration: CharacteristicSection("Calibration", calibration),
    Affected: CharacteristicSection("Who is affected", affected),
    ExplanationAgreement: CharacteristicSection("Explanations", explanation),
}
"""By the type of a result, in the order of the report."""

KINDS: dict[str, type] = {
    name: next(kind for kind in get_args(field.annotation) if kind is not type(None))
    for name, field in CharacteristicResults.model_fields.items()
}
"""The type of a result, by its field."""


def characteristics(task: TaskView, *, all_pairs: bool) -> tuple[Section, ...]:
    results = {type(result): result for _, result in task.characteristics if result is not None}
    titles = {name: SECTIONS[kind].title for name, kind in KINDS.items()}
    left_out = {titles[name]: reason for name, reason in task.kind.left_out.items()}
    sections, absent, unfit = [], [], []
    for kind, section in SECTIONS.items():
        blocks = section.blocks(task, results[kind], all_pairs) if kind in results else []
        if blocks:
            sections.append(Section(section.title, tuple(blocks), level=2))
        elif section.title in left_out:
            unfit.append(f"{section.title}: {left_out[section.title]}.")
        elif section.missed:
            absent.append(section.title.lower())
    if absent:
        sections.append(Section("Not measured in this run", (Prose((f"{', '.join(absent)}.",)),), level=2))
    if unfit:
        sections.append(Section(f"Left out: {words(task.name)}", (Prose(tuple(unfit)),), level=2))
    return tuple(sections)
