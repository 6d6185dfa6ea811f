"""Judgements of documents that the corpus lacks stay with the results of the run."""

from __future__ import annotations

from pathlib import Path

from harness.examples.records import PlainText, Query
from harness.results.collect import judgement_notes
from harness.store.examples import write_examples


def notes(folder: Path, *relevant: tuple[str, ...]) -> list[str]:
    """Of a query for each of ``relevant``, on the documents a and b."""
    places = {"evaluation": folder / "evaluation", "corpus": folder / "corpus"}
    for place in places.values():
        place.mkdir(exist_ok=True)
    queries = [Query(str(n), str(n), "text", ids, (1,) * len(ids)) for n, ids in enumerate(relevant)]
    write_examples(places["evaluation"], queries)
    write_examples(places["corpus"], [PlainText(id, id, "text") for id in "ab"])
    return judgement_notes(places)


def test_documents_that_are_not_there_are_counted(tmp_path: Path) -> None:
    assert notes(tmp_path, ("a",), ("b", "a")) == []
    assert notes(tmp_path, ("a", "y"), ("b",)) == [
        "1 of 3 relevant documents, such as 'y', are not in the corpus, so that no query finds them: nDCG and recall "
        "are lower than on the corpus that the judgements (qrels) are of."
    ]
    assert "2 of 3 relevant documents, such as 'y', are not" in notes(tmp_path, ("a", "y"), ("z",))[0]
    assert ", and 1 of 2 queries have nothing relevant there: nDCG" in notes(tmp_path, ("a", "y"), ("z",))[0]


def test_a_task_without_a_corpus_has_no_such_judgements(tmp_path: Path) -> None:
    assert judgement_notes({"evaluation": tmp_path}) == []
