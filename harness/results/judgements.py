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
    found = AbsentDocuments.of(read_examples(examples["evaluation"]), read_ids(examples["corpus"]))
    if found is None or not found.ids:
        return []
    told = f", and {found.without:,} of {found.queries:,} queries have nothing relevant there" if found.without else ""
    return [
        f"{len(found.ids):,} of {found.relevant:,} relevant documents are not in the corpus, so that no query finds "
        f"them{told}: nDCG and recall are lower than on the corpus that the judgements (qrels) are of."
    ]
