"""Labels of texts that may have any number of them: which a deployment misses or makes up, and whether it gives the
reference's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike

from benchmarks.characteristics import entities
from benchmarks.characteristics.prediction_errors import PredictionErrors
from benchmarks.statistics.bootstrap import Estimate
from benchmarks.statistics.equivalence import Verdict

Labels = Sequence[Sequence[str]]
"""Those of each text, each once."""


@dataclass(frozen=True)
class LabelQuality:
    """How well one deployment gives the labels of the data; figures are over the labels of all texts (micro)."""

    precision: Estimate
    """Of its labels, the share that is right, 0 to 1."""
    recall: Estimate
    """Of the data's labels, the share that it gives, 0 to 1."""
    f1: Estimate
    """Harmonic mean of the two."""
    f1_change: Estimate
    """F1 less the reference's, on the same texts."""
    missed: int
    """Labels of the data that it does not give."""
    spurious: int
    """Labels that it gives and the data do not have."""


@dataclass(frozen=True)
class LabelChange:
    """What becomes of the reference's labels in a deployment, whatever is right."""

    shared: Estimate
    """Labels of both, of those of either (Jaccard), 0 to 1."""
    lost: int
    """Of the reference alone."""
    found: int
    """Of the deployment alone."""


@dataclass(frozen=True)
class LabelSets:
    """Labels of all deployments on the same texts."""

    texts: int
    """Texts."""
    labels: int
    """Labels of the data on them."""
    quality: dict[str, LabelQuality]
    """By deployment."""
    changes: dict[str, LabelChange]
    """By deployment, against the reference."""
    verdicts: dict[str, Verdict]
    """By deployment: on the labels that are not shared with the reference (1 - Jaccard)."""
    errors: PredictionErrors | None
    """Prediction errors where an example is a label of the data on a text, and an error one that is not given; None:
    the data has none."""


def compare(predictions: Mapping[str, Labels], gold: Labels, groups: ArrayLike, **options: Any) -> LabelSets:
    """Compare deployments on the same n texts: as entities, each label at a place of its own.

    Args:
        predictions: by deployment, its labels of each text.
        gold: those of the data.
        groups: (n,) labels; texts of one group are resampled together.
        options: of `benchmarks.characteristics.entities.compare`.

    Raises:
        BenchmarkError: an unknown reference, or other numbers of texts.
    """
    every = sorted({label for texts in (gold, *predictions.values()) for labels in texts for label in labels})
    places = {label: place for place, label in enumerate(every)}

    def spans(texts: Labels) -> entities.Sentences:
        return [[(label, places[label], places[label] + 1) for label in labels] for labels in texts]

    result = entities.compare(
        {name: spans(texts) for name, texts in predictions.items()}, spans(gold), groups, **options
    )
    return LabelSets(
        texts=result.sentences,
        labels=result.entities,
        quality={
            name: LabelQuality(own.precision, own.recall, own.f1, own.f1_change, own.errors.missed, own.errors.spurious)
            for name, own in result.quality.items()
        },
        changes={
            name: LabelChange(own.shared, own.alignment.lost, own.alignment.found)
            for name, own in result.changes.items()
        },
        verdicts=result.verdicts,
        errors=result.errors,
    )
