"""The two roots of a run's results: `Results` (results.json) and `PerformanceResults` (performance.json).

Nothing in the first depends on the clock, so that two runs of a study can be compared byte for byte.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

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
from harness.results.deployments import DeploymentResult
from harness.results.environment import Environment
from harness.results.timings import DeploymentPerformance
from harness.store.record import Record

ResultsVersion = Literal[8]
RESULTS_VERSION: ResultsVersion = 8

Family = Literal["demonstration", "trained", "random", "pretrained", "external"]


class CharacteristicResults(Record):
    """The registry of characteristics: a field each, of the type that its module returns. None: not measured."""

    prediction_errors: PredictionErrors | None
    """Do deployments make the same errors?"""
    pair_scores: PairScores | None
    """Do they score pairs of texts alike?"""
    retrieval: Retrieval | None
    """Do they find the same documents, and may the index stay?"""
    embedding_quantization: EmbeddingQuantization | None
    """May their embeddings be kept in fewer bytes?"""
    reranking: Reranking | None
    """Do they put candidates in the same order?"""
    entities: Entities | None
    """Do they find the same entities in sentences?"""
    label_sets: LabelSets | None
    """Do they give texts the same labels?"""
    data_representation: DataRepresentation | None
    """Do they see the same neighbours?"""
    data_distribution: DataDistribution | None
    """Do they flag the same points as out-of-distribution?"""
    adversarial_attack: AdversarialAttack | None
    """Does an attack succeed on the same texts?"""
    calibration: ConfidenceCalibration | None
    """Are they as often right as they say?"""
    affected: Affected | None
    """Whom do the changes hit?"""
    explanation: ExplanationAgreement | None
    """Do they decide for the same words?"""


class DataFacts(Record):
    """A data set of a task. None: not known, or of another task."""

    source: str
    """Where it comes from."""
    examples: int
    """How many."""
    groups: int
    """Groups of examples, which are resampled together."""
    mean_tokens: float | None
    """Tokens of an example, on average."""
    answerable: float | None
    """Question answering: share of questions that have an answer, 0 to 1."""
    commonest_label: float | None
    """Classification: share of the commonest label, 0 to 1."""


class FailedStep(Record):
    """A step that failed; what was skipped because of it is not listed."""

    step: str
    """Its title."""
    status: str
    """How it failed: failed, timed-out, out-of-memory, refused, ..."""
    reason: str
    """Why."""
    command: str | None
    """What does it again."""
    deployment: str | None
    """The deployment that it is about."""
    model: str | None
    """The model that it is about."""
    format: str | None
    """The format that it is about."""
    role: str | None
    """The data set that it is about."""
    characteristic: str | None
    """The characteristic that it is about."""


class TaskResults(Record):
    """One task."""

    reference: str
    """Name of the deployment that all are compared with."""
    family: Family
    """How its models came about."""
    notes: list[str]
    """What a reader must know."""
    data: dict[str, DataFacts]
    """By role: evaluation, train, out-of-distribution, ..."""
    deployments: dict[str, DeploymentResult]
    """By name; one that was run again ends in #rerun."""
    characteristics: CharacteristicResults
    """The comparisons."""
    failures: list[FailedStep]
    """Steps that failed."""


class ComparisonSettings(Record):
    """What outputs from elsewhere were compared with."""

    resamples: int
    """Of the bootstrap."""
    seed: int
    """Of the bootstrap."""


class Results(Record):
    """All that a run found and that does not depend on the clock: results.json."""

    version: ResultsVersion
    """Of this layout."""
    study: str
    """Its name."""
    description: str
    """Its author's words."""
    environment: Environment | None
    """None: the outputs were made nobody knows where."""
    settings: ComparisonSettings | None
    """Of outputs from elsewhere; a run's are in its config.json."""
    tasks: Annotated[dict[str, TaskResults], Field(min_length=1)]
    """By name."""


class PerformanceResults(Record):
    """All that a run timed: performance.json."""

    version: ResultsVersion
    """Of this layout, the same as of results.json."""
    seconds: float | None
    """Work behind the run: what its steps took when they were made, without comparisons. None: not known of any."""
    tasks: dict[str, dict[str, DeploymentPerformance]]
    """By task, then by deployment; those that were not timed are not there."""


def json_schema() -> dict[str, Any]:
    """JSON schema of both files."""
    from pydantic.json_schema import models_json_schema

    _, schema = models_json_schema(
        [(Results, "validation"), (PerformanceResults, "validation")], title="scalemodel results"
    )
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
