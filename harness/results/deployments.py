"""Results of one deployment: its artifact, its verification, its quality and the runtime's own account."""

from __future__ import annotations

from typing import Literal

from pydantic import JsonValue

from harness.store.record import Record
from harness.store.runtime_facts import RuntimeFacts
from harness.verification.result import VerificationResult


class SensitivitySummary(Record):
    """Of static INT8: what quantization costs, as a share of the logits' variance; by group it is in the manifest."""

    rows: int
    """Rows of calibration data that it was measured on."""
    tokens: int
    """Tokens of these rows."""
    together: float
    """Mean squared difference of the logits with all groups quantized, over their variance."""
    left_float: list[str]
    """Groups of matmuls that stay in float32."""


class ArtifactFacts(Record):
    """The file(s) of a deployment; all that is known of them is in their manifest."""

    bytes: int
    """Size of the weights and the graph."""
    sha256: str
    """Of the first of the files."""
    precision: str
    """As the format, or the graph of a finished file, says: fp32, int8, ..."""
    parameters: int | None
    """Numbers in the weights; None: an engine does not tell."""
    layers: int | None
    """Transformer layers."""
    hidden: int | None
    """Width of the representation."""
    source: dict[str, JsonValue]
    """What the study names and what the manifest knows of it: hub, commit, SHA-256 of the checkpoint, ..."""
    isa: str | None
    """INT8: the instruction set that the weights' range was chosen for."""
    rounding: dict[str, int] | None
    """FP16 and FP8: weights by what half precision did to them."""
    sensitivity: SensitivitySummary | None
    """Of static INT8."""
    warnings: list[str]
    """What went less well in the export than it should."""


class Quality(Record):
    """Means over the evaluation data, 0 to 1. None: a metric of another task, or there are no examples."""

    accuracy: float | None
    """Every task but question answering: share of examples that are right."""
    spearman: float | None
    """Pairs with a score: Spearman's rank correlation with the scores of the data, -1 to 1."""
    ndcg: float | None
    """Retrieval and reranking: nDCG@10."""
    recall: float | None
    """Retrieval: recall@100."""
    reciprocal_rank: float | None
    """Retrieval: mean reciprocal rank of the first relevant document (MRR); reranking: of the first ten (MRR@10)."""
    entity_f1: float | None
    """Token classification: F1 of entities, as seqeval has it, averaged over entities (micro)."""
    entity_precision: float | None
    """Token classification: share of a deployment's entities that are right."""
    entity_recall: float | None
    """Token classification: share of the data's entities that are found."""
    label_f1: float | None
    """Multi-label classification: F1 over the labels of all texts (micro)."""
    exact: float | None
    """Question answering: SQuAD 2.0's exact match."""
    f1: float | None
    """Question answering: SQuAD 2.0's F1 over words."""
    exact_answerable: float | None
    """Exact match on the questions that have an answer."""
    exact_unanswerable: float | None
    """Exact match on those that have none."""

    @property
    def score(self) -> float | None:
        """The share of examples that are right."""
        return self.accuracy if self.exact is None else self.exact


class ClaimedScores(Record):
    """What a checkpoint's card claims of it on the evaluation data, 0 to 1. None: nothing."""

    exact: float | None
    """SQuAD 2.0's exact match."""
    f1: float | None
    """SQuAD 2.0's F1 over words."""
    accuracy: float | None
    """Share of examples that are right."""
    within: float
    """How far what is measured may be away: the study's tolerance, and two standard errors of a sample."""


class OutputFile(Record):
    """A file of outputs that was compared, where no model was run."""

    file: str
    """As it was named."""
    kind: str
    """What it holds."""
    sha256: str
    """Its content's."""


class DeploymentResult(Record):
    """An artifact on a backend, or outputs from elsewhere."""

    model: str
    """Name of the model."""
    format: str | None
    """None: the outputs come from a file."""
    backend: str | None
    """None: the outputs come from a file."""
    status: Literal["ok", "failed"]
    """Whether its artifact was made, opened and verified."""
    reason: str | None
    """Why it failed."""
    step: str | None
    """The step that failed."""
    command: str | None
    """What does that step again."""
    replicate_of: str | None
    """The deployment that it repeats."""
    replicate_kind: Literal["seed", "execution"] | None
    """Trained again with another seed, or run again with other batches."""
    random: bool
    """Whether its weights are random: speed and memory count, the rest means nothing."""
    pruned_of: str | None
    """The model that it was pruned from."""
    claimed: ClaimedScores | None
    """Of its checkpoint; None: the study names no scores."""
    artifact: ArtifactFacts | None
    """None: it was not made."""
    verification: VerificationResult | None
    """None: it failed, or was not done."""
    quality: Quality | None
    """None: it did not answer the evaluation data."""
    runtime: RuntimeFacts | None
    """None: it did not answer the evaluation data, or its outputs come from a file."""
    sources: list[OutputFile]
    """Its files, where it was not run."""
