"""Names of the sections of a full report, as `--section` takes them."""

from __future__ import annotations

from enum import StrEnum


class SectionName(StrEnum):
    """In the order of the report; none has all of them."""

    WHAT_WAS_COMPARED = "what-was-compared"
    WHAT_STANDS_OUT = "what-stands-out"
    SPEED_MEMORY_AND_QUALITY = "speed-memory-and-quality"
    QUALITY = "quality"
    VERIFIED_BEFORE_TIMING = "verified-before-timing"
    QUANTIZED_AGAINST_DISTILLED = "quantized-against-distilled"
    WHAT_CHANGED = "what-changed"
    PREDICTION_ERRORS = "prediction-errors"
    SCORES_OF_PAIRS = "scores-of-pairs"
    RETRIEVAL = "retrieval"
    QUANTIZED_EMBEDDINGS = "quantized-embeddings"
    RERANKING = "reranking"
    ENTITIES = "entities"
    LABELS_OF_TEXTS = "labels-of-texts"
    DATA_REPRESENTATION = "data-representation"
    DATA_DISTRIBUTION = "data-distribution"
    ADVERSARIAL_ATTACK = "adversarial-attack"
    CALIBRATION = "calibration"
    WHO_IS_AFFECTED = "who-is-affected"
    EXPLANATIONS = "explanations"
    NOT_MEASURED_IN_THIS_RUN = "not-measured-in-this-run"
    LEFT_OUT = "left-out"
    FAILURES = "failures"
    HOW_TO_READ_THIS = "how-to-read-this"
