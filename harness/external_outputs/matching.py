"""The examples that all outputs are about."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from harness.data.checks import short
from harness.errors import UserError
from harness.external_outputs.examples import ComparedExamples
from harness.external_outputs.read import (
    ErrorIds,
    Judged,
    PredictedAnswers,
    PredictedClasses,
    Probabilities,
    Representations,
)

NAMED_AT_MOST = 3


@dataclass(frozen=True)
class Matched:
    """The examples to compare, and what they were chosen from."""

    examples: ComparedExamples
    rows: tuple[int, ...] | None
    """Their rows in arrays of all examples; None where they are all."""
    left_out: Mapping[str, int]
    """How many ids of each file are not compared; no entry where all are."""


def match(examples: ComparedExamples, outputs: Sequence[Judged | Representations], *, common: bool) -> Matched:
    """The same ids everywhere, or with ``common`` those that are everywhere.

    Error ids name the wrong examples only, so an id that they do not name is not missing.

    Raises:
        UserError: an id that one file has and another has not, arrays of another length, or nothing in common.
    """
    for output in outputs:
        if isinstance(output, Representations):
            check_rows(examples, output)
    whole = [output for output in outputs if isinstance(output, PredictedAnswers | PredictedClasses)]
    if not common:
        for output in outputs:
            _check_ids(examples, output)
        return Matched(examples, None, {})
    kept = [id for id in examples.index if all(id in output.by_id for output in whole)]
    if not kept and examples.index:
        raise UserError(f"{examples.source}: no id of it is in all files; are they about the same data?")
    left_out = {examples.source: examples.size - len(kept)} if whole else {}
    for output in outputs:
        if isinstance(output, Representations):
            continue
        if _ids(output) and not any(id in examples.index for id in _ids(output)):
            raise UserError(f"{output.path}: none of its ids is in {examples.source}; are they about the same data?")
        left_out[str(output.path)] = len(set(_ids(output)).difference(kept))
    if not whole:  # nothing but error ids: every example counts, named by one or not
        return Matched(examples, None, _some(left_out))
    rows = tuple(examples.index[id] for id in kept)
    return Matched(examples.only(kept), rows, _some(left_out))


def check_rows(examples: ComparedExamples, output: Representations | Probabilities) -> None:
    """Raises UserError for rows in the order of the examples that are not as many."""
    if len(output.rows) != examples.size:
        raise UserError(
            f"{output.path}: {len(output.rows):,} rows, but {examples.source} has {examples.size:,} examples; "
            "give one row for each, in that order"
        )


def _some(counts: Mapping[str, int]) -> dict[str, int]:
    return {source: count for source, count in counts.items() if count}


def _ids(output: PredictedAnswers | PredictedClasses | ErrorIds) -> Collection[str]:
    return output.ids if isinstance(output, ErrorIds) else output.by_id


def _check_ids(examples: ComparedExamples, output: Judged | Representations) -> None:
    if isinstance(output, Representations):
        return
    known = examples.index
    unknown = [id for id in _ids(output) if id not in known]
    if unknown:
        raise _differ(output, "has", unknown, f"that {examples.source} has not")
    missing = [] if isinstance(output, ErrorIds) else [id for id in known if id not in output.by_id]
    if missing:
        raise _differ(output, "lacks", missing, f"that {examples.source} has")


def _differ(output: Judged | Representations, verb: str, ids: Sequence[str], where: str) -> UserError:
    named = ", ".join(short(id) for id in ids[:NAMED_AT_MOST])
    more = f" and {len(ids) - NAMED_AT_MOST:,} more" if len(ids) > NAMED_AT_MOST else ""
    one = "an id" if len(ids) == 1 else f"{len(ids):,} ids"
    return UserError(
        f"{output.path}: {verb} {one} {where}: {named}{more}; correct the file, or compare what all have with --common"
    )
