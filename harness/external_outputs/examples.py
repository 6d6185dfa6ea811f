"""Examples that outputs from elsewhere are about: ids, groups, and gold answers or labels where they are known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import UserError
from harness.external_outputs.read import (
    ErrorIds,
    Output,
    PredictedAnswers,
    PredictedClasses,
    Probabilities,
    Representations,
)


@dataclass(frozen=True, eq=False)
class ComparedExamples:
    """All examples that the outputs are about."""

    source: str
    """The file that names them, or words for what stands in for it."""
    size: int
    index: Mapping[str, int]
    """The row of an id. Fewer ids than examples where only the number of examples is known."""
    groups: NDArray[Any]
    """(size,) labels; examples of one group are not independent."""
    grouped: bool = False
    """Whether groups are known; without, each example is its own."""
    answers: Mapping[str, Sequence[str]] | None = None
    """The gold answers of SQuAD, none of them for a question that cannot be answered."""
    labels: Mapping[str, str] | None = None
    """The gold classes."""

    def only(self, ids: Sequence[str]) -> ComparedExamples:
        """These examples alone, in this order."""
        return replace(
            self,
            size=len(ids),
            index={id: row for row, id in enumerate(ids)},
            groups=self.groups[[self.index[id] for id in ids]],
        )


def find_examples(
    outputs: Sequence[Output], gold: Path | None, ids: Path | None, count: int | None
) -> ComparedExamples:
    """The examples of ``gold`` (SQuAD layout, or a table of labels), of the list ``ids`` (or a table of ids and
    groups), ``count`` examples of which only the wrong ones have a name, or else those of the first file with a class
    for each.

    Raises:
        UserError: several of the three are given, none is and it is needed, the gold data does not fit the outputs, or
            some are answers and others classes.
    """
    if sum(given is not None for given in (gold, ids, count)) > 1:
        raise UserError("--gold, --ids and --examples each say which examples there are; give one of them")
    if gold is not None:
        examples = _of_gold(gold)
    elif ids is not None:
        examples = _of_ids(ids)
    elif count is not None:
        examples = _counted(outputs, count)
    else:
        examples = _of_outputs(outputs)
    _check_gold(examples, outputs)
    return examples


def _of_gold(path: Path) -> ComparedExamples:
    rows = path.suffix.lower() == ".jsonl"
    if path.suffix.lower() == ".csv" or (rows and not _holds_questions(path)):
        from harness.external_outputs.classes import groups_beside, read_labels

        labels = read_labels(path)
        return _named(str(path), labels, labels=labels, groups=groups_beside(path))
    from harness.data.squad import read_squad
    from harness.external_outputs.answers import read_references

    if not rows and (references := read_references(path)) is not None:
        return _named(str(path), references, answers=references)
    questions = read_squad(path)
    if not questions:
        raise UserError(f"{path}: holds no questions; name the file with the gold answers")
    return _named(
        str(path),
        [question.id for question in questions],
        groups={question.id: question.group for question in questions},
        answers={question.id: question.answers for question in questions},
    )


def _holds_questions(path: Path) -> bool:
    from harness.data.rows import jsonl_rows

    return any("question" in record for _, record in islice(jsonl_rows(path), 1))


def _of_ids(path: Path) -> ComparedExamples:
    if path.suffix.lower() in (".csv", ".jsonl"):
        from harness.external_outputs.classes import read_groups

        groups = read_groups(path)
        return _named(str(path), groups, groups=groups)
    from harness.external_outputs.ids import read_ids

    return _named(str(path), read_ids(path))


def _named(
    source: str, ids: Iterable[str], *, groups: Mapping[str, str] | None = None, **gold: Any
) -> ComparedExamples:
    index = {id: row for row, id in enumerate(ids)}
    labels = np.arange(len(index)) if groups is None else np.array([groups[id] for id in index])
    return ComparedExamples(source, len(index), index, labels, groups is not None, **gold)


def with_groups(examples: ComparedExamples, outputs: Sequence[Output]) -> ComparedExamples:
    """The examples with the groups of the first file that has them, where the examples have none of their own."""
    tables = (one for one in outputs if isinstance(one, PredictedClasses) and one.groups is not None)
    table = None if examples.grouped else next(tables, None)
    if table is None or table.groups is None:
        return examples
    return replace(examples, groups=np.array([table.groups[id] for id in examples.index]), grouped=True)


def _counted(outputs: Sequence[Output], count: int) -> ComparedExamples:
    """The wrong ones first: who has no name was right everywhere, and its place does not matter."""
    for output in outputs:
        if isinstance(output, PredictedAnswers | PredictedClasses | Probabilities):
            raise UserError(
                f"{output.path}: holds {output.kind}, and so names its examples itself; leave --examples out, "
                "it is for error ids and representations"
            )
    index: dict[str, int] = {}
    for output in outputs:
        if isinstance(output, ErrorIds):
            for id in output.ids:
                index.setdefault(id, len(index))
    if len(index) > count:
        raise UserError(
            f"--examples: {count:,}, but the error ids name {len(index):,}; give the number of all examples"
        )
    return ComparedExamples(f"--examples {count}", count, index, np.arange(count))


def _of_outputs(outputs: Sequence[Output]) -> ComparedExamples:
    for output in outputs:
        if isinstance(output, PredictedAnswers | PredictedClasses):
            return _named(str(output.path), output.by_id)
        if isinstance(output, Probabilities) and output.ids is not None:
            return _named(str(output.path), output.ids)
    for output in outputs:
        if isinstance(output, ErrorIds):
            raise UserError(
                f"{output.path}: error ids do not tell what was right; say which examples there are with --gold or "
                "--ids, or how many with --examples"
            )
    first = next(output for output in outputs if isinstance(output, Representations | Probabilities))
    return _named(str(first.path), [str(row) for row in range(len(first.rows))])


def _check_gold(examples: ComparedExamples, outputs: Sequence[Output]) -> None:
    answers = next((output for output in outputs if isinstance(output, PredictedAnswers)), None)
    classes = next((output for output in outputs if isinstance(output, PredictedClasses | Probabilities)), None)
    if answers is not None and examples.labels is not None:
        raise UserError(
            f"{answers.path}: answers need gold answers, which {examples.source} has not; name the SQuAD-layout file "
            "with --gold"
        )
    questions = examples.source if examples.answers is not None else answers.path if answers is not None else None
    if classes is not None and questions is not None:
        raise UserError(
            f"{classes.path}: holds {classes.kind}, but {questions} holds questions or answers to them; compare "
            "classes with --gold LABELS.csv, or answers as a JSON object"
        )
