"""Judgements of documents that are not in the corpus: they lower what any retriever can reach."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass

from harness.examples.records import Example, Query


@dataclass(frozen=True)
class AbsentDocuments:
    ids: Sequence[str]
    """Of the relevant documents that are not there."""
    relevant: int
    """How many relevant documents there are."""
    without: int
    """Queries that are left with nothing relevant."""
    queries: int
    """Queries that have a relevant document, there or not."""

    @classmethod
    def of(cls, examples: Iterable[Example], corpus: Set[str]) -> AbsentDocuments | None:
        """``corpus``: the ids of its documents. None: no example is a query with a relevant document."""
        queries = [one for one in examples if isinstance(one, Query) and one.relevant]
        if not queries:
            return None
        relevant = list(dict.fromkeys(id for query in queries for id in query.relevant))
        return cls(
            ids=[id for id in relevant if id not in corpus],
            relevant=len(relevant),
            without=sum(corpus.isdisjoint(query.relevant) for query in queries),
            queries=len(queries),
        )
