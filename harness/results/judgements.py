"""Notes on the judgements that the queries of a run were scored by."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.data.absent_documents import AbsentDocuments
from harness.store.examples import read_examples, read_ids


def judgement_notes(examples: Mapping[str, Path]) -> list[str]:
    """``examples``: the folders of a task's data sets, by role."""
    if not {"evaluation", "corpus"} <= set(examples):
        return []
    absent_documents = AbsentDocuments.of(read_examples(examples["evaluation"]), read_ids(examples["corpus"]))
    if absent_documents is None or not absent_documents.ids:
        return []
    clause = (
        f", and {absent_documents.without:,} of {absent_documents.queries:,} queries have nothing relevant there"
        if absent_documents.without
        else ""
    )
    return [
        f"{len(absent_documents.ids):,} of {absent_documents.relevant:,} relevant documents are not in the corpus, so "
        f"that no query finds them{clause}: nDCG and recall are lower than on the corpus that the judgements (qrels) "
        "are of."
    ]
