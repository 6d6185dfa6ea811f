"""Entities that deployments find in sentences: which they miss or make up, and what becomes of the reference's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.characteristics import prediction_errors
from benchmarks.characteristics.prediction_errors import PredictionErrors
from benchmarks.errors import BenchmarkError, require_reference
from benchmarks.statistics.bootstrap import Estimate, Floats, GroupBootstrap, divide, estimates
from benchmarks.statistics.equivalence import MARGIN, OVERLAP_MARGIN, Floors, Verdict, judge, members_of

Span = tuple[str, int, int]
"""Type, first word, and the word behind the last; the spans of a sentence do not overlap."""
Sentences = Sequence[Sequence[Span]]
"""The spans of each sentence."""


@dataclass(frozen=True)
class EntityAlignment:
    """Spans of one side against those of another, each in one of these kinds alone."""

    same: int
    """Of both, with type and words."""
    relabelled: int
    """Of the same words, with another type."""
    moved: int
    """Of the same type, with other words that overlap."""
    lost: int
    """Of the first side, with none of these on the second."""
    found: int
    """Of the second side, with none of these on the first."""


def align(first: Sequence[Span], second: Sequence[Span]) -> EntityAlignment:
    """The spans of a sentence, each paired with one of the other side at most: the same ones first.

    A span that overlaps another of other words *and* another type is lost, and the other found.
    """
    left, right = list(first), list(second)
    counts = {"same": 0, "relabelled": 0, "moved": 0}
    for kind in counts:
        for span in list(left):
            fitting = [one for one in right if _kind(span, one) == kind]
            other = max(fitting, key=partial(_overlap, span), default=None)
            if other is not None:
                left.remove(span)
                right.remove(other)
                counts[kind] += 1
    return EntityAlignment(**counts, lost=len(left), found=len(right))


def _kind(first: Span, second: Span) -> str | None:
    if first[1:] == second[1:]:
        return "same" if first[0] == second[0] else "relabelled"
    return "moved" if first[0] == second[0] and _overlap(first, second) else None


def _overlap(first: Span, second: Span) -> int:
    """Words of both."""
    return max(0, min(first[2], second[2]) - max(first[1], second[1]))


@dataclass(frozen=True)
class EntityErrors:
    """Entities of the data and of a deployment that do not agree; one of the data is in one kind at most."""

    missed: int
    """Of the data, and nothing of the deployment's fits it."""
    spurious: int
    """Of the deployment, and nothing of the data's fits it."""
    wrong_boundary: int
    """Right type, words that overlap and are not the same."""
    wrong_type: int
    """Right words, wrong type."""


@dataclass(frozen=True)
class EntityQuality:
    """How well one deployment finds the entities of the data: an entity is right with its type and all of its words."""

    precision: Estimate
    """Of its entities, the share that is right, 0 to 1."""
    recall: Estimate
    """Of the data's entities, the share that it finds, 0 to 1."""
    f1: Estimate
    """Harmonic mean of the two: seqeval's F1, averaged over entities (micro)."""
    f1_change: Estimate
    """F1 less the reference's, on the same sentences."""
    errors: EntityErrors
    """By kind."""


@dataclass(frozen=True)
class EntityChange:
    """What becomes of the reference's entities in a deployment, whatever is right."""

    shared: Estimate
    """Entities of both, with type and words, of those of either (Jaccard), 0 to 1."""
    alignment: EntityAlignment
    """The reference's against the deployment's: lost, found, moved, relabelled."""


@dataclass(frozen=True)
class Entities:
    """Entities of all deployments in the same sentences."""

    sentences: int
    """Sentences."""
    entities: int
    """Entities of the data in them."""
    quality: dict[str, EntityQuality]
    """By deployment."""
    changes: dict[str, EntityChange]
    """By deployment, against the reference."""
    verdicts: dict[str, Verdict]
    """By deployment: on the entities that are not shared with the reference (1 - Jaccard)."""
    errors: PredictionErrors | None
    """Prediction errors where an example is an entity of the data, an error one that is not found, and a class its
    type; None: the data has none."""


def compare(
    predictions: Mapping[str, Sentences],
    gold: Sentences,
    groups: ArrayLike,
    *,
    reference: str,
    resamples: int,
    seed: int,
    floors: Floors | None = None,
    margin: float = MARGIN,
    overlap_margin: float = OVERLAP_MARGIN,
) -> Entities:
    """Compare deployments on the same n sentences.

    Args:
        predictions: by deployment, its spans of each sentence.
        gold: those of the data.
        groups: (n,) labels; sentences of one group are resampled together.
        reference: the deployment that the others are held against.
        resamples: number of bootstrap resamples.
        seed: of the bootstrap.
        floors: by deployment, what differs by noise alone; see `benchmarks.statistics.equivalence`.
        margin: share of the data's entities that does not matter.
        overlap_margin: loss of Jaccard that does not matter.

    Raises:
        BenchmarkError: an unknown reference, or other numbers of sentences.
    """
    require_reference(reference, predictions)
    bootstrap = GroupBootstrap(groups, resamples=resamples, seed=seed)
    for name, sentences in {"the data": gold, **predictions}.items():
        if len(sentences) != bootstrap.n:
            raise BenchmarkError(f"{name}: {len(sentences)} sentences, expected {bootstrap.n}")
    others = [name for name in predictions if name != reference]
    members = members_of(floors)
    pairs = dict.fromkeys([*((reference, name) for name in others), *combinations(members, 2)])
    shared = {(a, b): _shares(predictions[a], predictions[b], bootstrap) for a, b in pairs}
    overlaps = dict(
        zip(others, estimates(_columns([shared[reference, name] for name in others], bootstrap)), strict=True)
    )
    scores = {name: _scores(sentences, gold, bootstrap) for name, sentences in predictions.items()}
    return Entities(
        sentences=bootstrap.n,
        entities=sum(map(len, gold)),
        quality={name: _quality(scores[name], scores[reference], predictions[name], gold) for name in predictions},
        changes={
            name: EntityChange(overlaps[name], _sum(predictions[reference], predictions[name])) for name in others
        },
        verdicts=judge(
            {pair: 1 - jaccard for pair, jaccard in shared.items()},
            reference,
            floors or {},
            overlap_margin,
            examples=bootstrap.n,
        ),
        errors=prediction_errors.compare(
            **_entities(predictions, gold, np.asarray(groups)),
            reference=reference,
            resamples=resamples,
            seed=seed,
            floors=floors,
            margin=margin,
            overlap_margin=overlap_margin,
        )
        if any(gold)
        else None,
    )


def _columns(columns: Sequence[Floats], bootstrap: GroupBootstrap) -> Floats:
    return np.stack(columns, axis=1) if columns else np.empty((bootstrap.rows, 0))


def _shares(first: Sentences, second: Sentences, bootstrap: GroupBootstrap) -> Floats:
    """(rows,) Jaccard of two sets of spans; 1 where neither has any."""
    both, either = bootstrap.totals(
        [(len(set(a) & set(b)), len(set(a) | set(b))) for a, b in zip(first, second, strict=True)]
    ).T
    return np.where(either > 0, divide(both, either), 1.0)


def _scores(predictions: Sentences, gold: Sentences, bootstrap: GroupBootstrap) -> Floats:
    """(rows, 3): precision, recall and F1, 0 where there is nothing to find or nothing is found, as in seqeval."""
    right, made, true = bootstrap.totals(
        [(len(set(a) & set(b)), len(a), len(b)) for a, b in zip(predictions, gold, strict=True)]
    ).T
    return np.nan_to_num(np.stack([divide(right, made), divide(right, true), divide(2 * right, made + true)], axis=1))


def _quality(own: Floats, base: Floats, predictions: Sentences, gold: Sentences) -> EntityQuality:
    precision, recall, f1, change = estimates(np.column_stack([own, own[:, 2] - base[:, 2]]))
    aligned = _sum(gold, predictions)
    errors = EntityErrors(aligned.lost, aligned.found, wrong_boundary=aligned.moved, wrong_type=aligned.relabelled)
    return EntityQuality(precision, recall, f1, change, errors)


def _sum(first: Sentences, second: Sentences) -> EntityAlignment:
    counts: Counter[str] = Counter()
    for a, b in zip(first, second, strict=True):
        counts.update(vars(align(a, b)))
    return EntityAlignment(**counts)


def _entities(predictions: Mapping[str, Sentences], gold: Sentences, groups: NDArray[np.generic]) -> dict[str, Any]:
    """The entities of the data as examples of `prediction_errors.compare`."""
    places = [(sentence, span) for sentence, spans in enumerate(gold) for span in spans]
    said = {
        name: [_entities_over(span, sentences[sentence]) for sentence, span in places]
        for name, sentences in predictions.items()
    }
    right = np.array([_entities_over(span, [span]) for _, span in places])
    types = np.array([span[0] for _, span in places])
    return {
        "correct": {name: np.array(texts) == right for name, texts in said.items()},
        "predictions": said,
        "probabilities": None,
        "groups": groups[[sentence for sentence, _ in places]],
        "strata": {},
        "classes": {type_: types == type_ for type_ in sorted(set(types.tolist()))},
    }


def _entities_over(span: Span, spans: Iterable[Span]) -> str:
    """What a deployment says of a span's words."""
    return " ".join(f"{type_}:{start}:{end}" for type_, start, end in spans if _overlap(span, (type_, start, end)))
