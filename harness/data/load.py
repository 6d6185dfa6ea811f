"""From a data source of the config to checked examples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.config.data import DataSource, EmbeddedSource, HubSource, SquadSource, TableSource
from harness.data.sampling import sample
from harness.errors import UserError
from harness.examples import Example
from harness.task_registry import task_class


def load_examples(
    source: DataSource, *, task: str, labels: tuple[str, ...] | None, role: str, seed: int
) -> list[Example]:
    """Read, check and sample the examples of a source, in its order.

    ``labels`` are the class names of text-classification, ``role`` ("bank", "evaluation", ...) is for the
    messages, ``seed`` chooses the sample. Fewer examples than ``source.sample`` are all kept.

    Raises:
        UserError: the source cannot be read, does not fit the task, holds a bad example, or none at all.
    """
    examples = task_class(task).read(source, labels=labels, role=role)
    if not examples:
        raise UserError(f"{role} data: {describe(source)} holds no examples; name another source")
    return sample(examples, source.sample, seed=seed) if source.sample else list(examples)


def source_files(source: DataSource) -> list[Path]:
    """The local files that are the source: their content identifies the data. Empty for hub and embedded.

    Raises:
        UserError: a file is missing or empty.
    """
    from harness.data.files import existing_file

    match source:
        case SquadSource():
            return [existing_file(source.squad)]
        case TableSource():
            return [existing_file(source.table)]
    return []


def describe(source: DataSource) -> str:
    """The source in a few words, for messages and reports."""
    match source:
        case SquadSource():
            return source.squad.name
        case TableSource():
            return source.table.name
        case HubSource():
            return f"{source.hub} ({source.split})"
        case EmbeddedSource():
            return f"embedded {source.embedded}"


def read_questions(source: DataSource, role: str) -> Sequence[Example]:
    """All examples of a source of questions. Raises `UserError`, also where it is one of texts."""
    match source:
        case SquadSource():
            from harness.data.squad import read_squad

            return read_squad(source.squad)
        case HubSource():
            from harness.data.hub import read_hub_questions

            return read_hub_questions(source)
        case EmbeddedSource():
            from harness.demo.corpora import generate

            return generate("question-answering", source.embedded, source.size, source.seed)
        case TableSource():
            raise UserError(
                f"{role} data: the table {source.table} holds texts with labels, not questions; "
                "name a SQuAD-layout file with `squad:`"
            )


def read_texts(source: DataSource, labels: tuple[str, ...] | None, role: str) -> Sequence[Example]:
    """All examples of a source of texts with labels. Raises `UserError`, also where it is one of questions."""
    if isinstance(source, SquadSource):
        raise UserError(
            f"{role} data: {source.squad} is named as questions, but text-classification needs texts with "
            "labels; name a CSV, JSONL or Parquet file with `table:`"
        )
    if isinstance(source, EmbeddedSource):
        return _embedded_texts(source, labels, role)
    if not labels:
        raise UserError(f"{role} data: text-classification needs the class names; add `labels:` to the task")
    if isinstance(source, TableSource):
        from harness.data.tables import read_table

        return read_table(source.table, text=source.text, label=source.label, labels=labels)
    from harness.data.hub import read_hub_texts

    return read_hub_texts(source, labels)


def _embedded_texts(source: EmbeddedSource, labels: tuple[str, ...] | None, role: str) -> Sequence[Example]:
    from harness.demo.corpora import LABELS, generate

    if labels is not None and labels != LABELS:
        raise UserError(
            f"{role} data: labels are {', '.join(labels)}, but the embedded reviews have "
            f"{', '.join(LABELS)}; use these, in this order"
        )
    return generate("text-classification", source.embedded, source.size, source.seed)
