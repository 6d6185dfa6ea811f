"""Judgement of outputs: by id they come in, as columns of the examples they go out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from harness.data.checks import short
from harness.errors import UserError
from harness.external_outputs.examples import ComparedExamples
from harness.external_outputs.read import ErrorIds, Judged, PredictedAnswers, PredictedClasses
from harness.results.deployments import Quality
from harness.tasks.squad_metrics import score, summary
from harness.tasks.task import mean


@dataclass(frozen=True, eq=False)
class Judgement:
    correct: NDArray[np.bool_] | None
    """(examples,); None: there are no labels."""
    predictions: Sequence[str] | None
    """What was said about each example; None where only the errors are known."""
    quality: Quality | None
    """None likewise."""


def judge(output: Judged, examples: ComparedExamples) -> Judgement:
    """The output on these examples: right or wrong where these have gold answers or labels."""
    match output:
        case PredictedAnswers():
            return _judge_answers(output, examples)
        case PredictedClasses():
            return _judge_classes(output, examples)
        case ErrorIds():
            correct = np.ones(examples.size, dtype=np.bool_)
            correct[[examples.index[id] for id in output.ids if id in examples.index]] = False
            return Judgement(correct, None, _quality(correct, examples))


def answerable(examples: ComparedExamples) -> NDArray[np.bool_] | None:
    """(examples,) whether a question can be answered; None for other tasks."""
    if examples.answers is None:
        return None
    return np.array([bool(examples.answers[id]) for id in examples.index], dtype=np.bool_)


def by_label(examples: ComparedExamples) -> dict[str, NDArray[np.bool_]]:
    """(examples,) whether an example has the label, by label; empty for other tasks."""
    labels = examples.labels or {}
    true = np.array([labels.get(id) for id in examples.index], dtype=object)
    return {label: true == label for label in sorted(set(labels.values())) if (true == label).any()}


def _judge_answers(output: PredictedAnswers, examples: ComparedExamples) -> Judgement:
    gold = examples.answers
    predictions = [output.by_id[id] for id in examples.index]
    if gold is None:
        return Judgement(None, predictions, None)
    scores = [score(said, gold[id]) for id, said in zip(examples.index, predictions, strict=True)]
    correct = np.array([exact for exact, _ in scores], dtype=np.bool_)
    return Judgement(correct, predictions, _quality(correct, examples, f1=np.array([f1 for _, f1 in scores])))


def _judge_classes(output: PredictedClasses, examples: ComparedExamples) -> Judgement:
    labels = examples.labels
    predictions = [output.by_id[id] for id in examples.index]
    if labels is None:
        return Judgement(None, predictions, None)
    names = set(labels.values())
    if not names.intersection(predictions):
        raise UserError(
            f"{output.path}: none of its classes ({_listed(predictions)}) is a label ({_listed(names)}); "
            "write predictions and labels with the same names"
        )
    correct = np.array([labels[id] == said for id, said in zip(examples.index, predictions, strict=True)])
    return Judgement(correct, predictions, _quality(correct, examples))


def _listed(names: Sequence[str] | set[str]) -> str:
    return short(", ".join(sorted(set(names))[:10]))


def _quality(
    correct: NDArray[np.bool_], examples: ComparedExamples, *, f1: NDArray[np.float64] | None = None
) -> Quality:
    can_be_answered = answerable(examples)
    if can_be_answered is None:
        return Quality.known(accuracy=mean(correct))
    return Quality.known(**summary(correct, f1, can_be_answered))


def with_labels(examples: ComparedExamples, outputs: Sequence[Judged]) -> ComparedExamples:
    """The examples with the labels that the files with predictions hold beside them; without, where none does.

    Raises:
        UserError: two files with another label for an example, an example without any where others have one, or error
            ids beside predictions of which nobody knows the labels.
    """
    classes = [output for output in outputs if isinstance(output, PredictedClasses)]
    labels = dict(examples.labels or {})
    source = dict.fromkeys(labels, examples.source)
    for output in classes:
        for id, label in (output.labels or {}).items():
            if labels.setdefault(id, label) != label:
                raise UserError(
                    f"{output.path}: the label of {short(id)} is {short(label)}, but {short(labels[id])} in "
                    f"{source[id]}; mend the wrong one"
                )
            source.setdefault(id, str(output.path))
    missing = next((id for id in examples.index if id not in labels), None)
    if labels and missing is not None:
        raise UserError(
            f"{classes[0].path}: no label for {short(missing)}, but others have one; add it to the column label, or "
            "name a table of ids and labels with --gold"
        )
    unjudged: list[Judged] = [] if labels else [*classes]
    if examples.answers is None:
        unjudged += [one for one in outputs if isinstance(one, PredictedAnswers)]
    ids = next((output for output in outputs if isinstance(output, ErrorIds)), None)
    if unjudged and ids is not None:
        raise UserError(
            f"{ids.path}: tells its errors, but of {unjudged[0].path} nobody knows them without labels; give --gold, "
            "or leave the error ids out"
        )
    return replace(examples, labels=labels or None)
