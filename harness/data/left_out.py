"""Queries that a reader leaves out, since no ranking of theirs can be judged."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from harness.config.data import CandidatesSource, QueriesSource, TableSource, TrainingSource
from harness.data.beir import query_ids, read_qrels
from harness.data.candidates import by_query, ranked
from harness.data.load import read_scored_pairs


@dataclass(frozen=True)
class LeftOut:
    """``ids``, of so many queries, or of those among them that have a relevant document."""

    ids: Sequence[str]
    of: int
    judged: bool
    reason: str


def left_out(source: TrainingSource) -> Iterator[LeftOut]:
    """Of a source of queries that were read, whatever is sampled of them."""
    match source:
        case QueriesSource() | CandidatesSource():
            queries, relevant = query_ids(source.queries), read_qrels(source.qrels)
            yield from _some(queries, relevant, False, "have no relevant document and are left out")
            way_out = "are not among the queries and are left out; name the file that has them"
            yield from _some(list(relevant), set(queries), True, way_out)
            if isinstance(source, CandidatesSource):
                judged = [query for query in queries if query in relevant]
                way_out = "have no candidates and are left out; name the whole run"
                yield from _some(judged, ranked(source.candidates), True, way_out)
        case TableSource():
            lists = by_query(read_scored_pairs(source, "evaluation"))
            there = {text for text, own in lists.items() if any(pair.score > 0 for pair in own)}
            yield from _some(list(lists), there, False, "have no relevant candidate and are left out")


def _some(ids: Sequence[str], there: Collection[str], judged: bool, reason: str) -> Iterator[LeftOut]:
    if absent := [id for id in ids if id not in there]:
        yield LeftOut(absent, len(ids), judged, reason)
