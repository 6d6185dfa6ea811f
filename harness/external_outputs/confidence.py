"""Calibration from probabilities of elsewhere: is a prediction as often right as it is probable?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchmarks.characteristics.calibration import ConfidenceCalibration
from harness.data.checks import short
from harness.errors import UserError
from harness.external_outputs.examples import ComparedExamples
from harness.external_outputs.judging import Judgement
from harness.external_outputs.read import Judged, PredictedClasses


def calibration(
    judged_outputs: Mapping[str, Judged],
    judgements: Mapping[str, Judgement],
    examples: ComparedExamples,
    reference: str,
    *,
    resamples: int,
    seed: int,
) -> ConfidenceCalibration | None:
    """Of the names that have probabilities, which are of the same classes; None where the reference has none, or where
    there are no labels.

    Raises:
        UserError: a prediction that is none of the classes with a probability.
    """
    from benchmarks.characteristics.calibration import brier_scores, compare

    known = {
        name: (one, one.probabilities)
        for name, one in judged_outputs.items()
        if isinstance(one, PredictedClasses) and one.probabilities is not None
    }
    if reference not in known or examples.labels is None:
        return None
    classes = known[reference][1].classes
    ids, place = tuple(examples.index), {name: column for column, name in enumerate(classes)}
    labels = [examples.labels[id] for id in ids]
    confidence, correct, brier = {}, {}, {}
    for name, (one, probabilities) in known.items():
        stray = next((id for id in ids if one.by_id[id] not in place), None)
        if stray is not None:
            raise UserError(
                f"{one.path}: predicts {short(one.by_id[stray])} for {short(stray)}, of which there is no probability "
                f"({short(', '.join(classes))}); write predictions and classes with the same names"
            )
        rows = probabilities.of(ids, classes)
        confidence[name] = rows[np.arange(len(ids)), [place[one.by_id[id]] for id in ids]]
        right = judgements[name].correct
        assert right is not None  # there are labels
        correct[name] = right
        if place.keys() >= set(labels):  # a class without probabilities has no score
            brier[name] = brier_scores(rows, [place[label] for label in labels])
    return compare(confidence, correct, examples.groups, reference, brier=brier or None, resamples=resamples, seed=seed)
