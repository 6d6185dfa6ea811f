"""Data sets of the Hugging Face hub, read through `datasets`.

For question answering two layouts are known: that of ``squad`` and ``squad_v2`` (``id``, ``question``,
``context``, ``answers`` with ``text`` and ``answer_start``) and that of the MRQA editions such as
``lucadiliello/newsqa`` (``key``, ``question``, ``context``, ``labels`` with ``start`` and ``end``, the
last character included).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from backends.errors import one_line
from harness.data.checks import UniqueIds, bad_data, checked_question, checked_text, group_of, short
from harness.data.hub_client import HUB_SECONDS, is_commit, remedy
from harness.data.labels import checked_label
from harness.data.squad import answer_columns
from harness.errors import UserError
from harness.examples.records import QuestionExample, TextExample

if TYPE_CHECKING:
    from datasets import Dataset

    from harness.config.data import HubSource

SQUAD_COLUMNS = ("id", "question", "context", "answers")
MRQA_COLUMNS = ("key", "question", "context", "labels")


def read_hub_questions(source: HubSource) -> list[QuestionExample]:
    """Every question of the split, in its order."""
    dataset = load_hub(source)
    name = _name(source)
    if set(SQUAD_COLUMNS) <= set(dataset.column_names):
        rows, id_column, answers_of = _rows(dataset, SQUAD_COLUMNS), "id", _squad_answers
    elif set(MRQA_COLUMNS) <= set(dataset.column_names):
        rows, id_column, answers_of = _rows(dataset, MRQA_COLUMNS), "key", _mrqa_answers
    else:
        raise UserError(
            f"{name}: the columns {short(', '.join(dataset.column_names))} are neither those of squad_v2 "
            f"({', '.join(SQUAD_COLUMNS)}) nor of MRQA ({', '.join(MRQA_COLUMNS)}); "
            "name another data set, or a file with `squad:`"
        )
    ids = UniqueIds(name)
    examples = []
    for place, row in rows:
        context = checked_text(name, f"{place}.context", row["context"])
        example = checked_question(
            name,
            place,
            id=row[id_column],
            question=row["question"],
            context=context,
            answers=answers_of(name, place, row, context),
        )
        ids.add(example.id, place)
        examples.append(example)
    return examples


def read_hub_texts(source: HubSource, labels: Sequence[str], *, judged: bool = True) -> list[TextExample]:
    """Every text of the split, in its order.

    If the data set names its classes and these are the task's ``labels`` in another order, they are
    matched by name, otherwise by index. Where no model is ``judged`` by it, the column of labels may be missing: the
    first class stands for it.
    """
    dataset = load_hub(source)
    name = _name(source)
    labelled = judged or source.label in dataset.column_names
    columns = {"text": source.text, **({"label": source.label} if labelled else {})}
    for key, column in columns.items():
        if column not in dataset.column_names:
            raise UserError(
                f"{name}: no column {column!r}, the columns are {short(', '.join(dataset.column_names))}; "
                f"name the column with `{key}:` in the config"
            )
    own: Sequence[str] = (getattr(dataset.features[source.label], "names", None) if labelled else None) or ()
    by_name = set(own) == set(labels)
    examples = []
    for index, (place, row) in enumerate(_rows(dataset, tuple(columns.values()))):
        content = checked_text(name, f"{place}.{source.text}", row[source.text])
        value = row.get(source.label)
        if by_name and isinstance(value, int) and 0 <= value < len(own):
            value = own[value]
        label = checked_label(name, f"{place}.{source.label}", value, labels) if labelled else 0
        id = f"{source.hub}/{source.split}:{index}"
        examples.append(TextExample(id, group_of(content), content, label))
    return examples


def _name(source: HubSource) -> str:
    return f"{source.hub} ({source.split})"


def load_hub(source: HubSource) -> Dataset:
    """The split as `datasets` reads it; downloaded first where it is not in its cache. Raises `UserError`."""
    import huggingface_hub
    from datasets import config, load_dataset
    from datasets.exceptions import DatasetsError

    if not _hub_answers():  # else it would be asked again and again, for half a minute
        config.HF_HUB_OFFLINE = huggingface_hub.constants.HF_HUB_OFFLINE = True
    # The hub's clients warn at every retry, and of what is cached; what fails in the end is told below.
    for client in ("huggingface_hub", "datasets"):
        logging.getLogger(client).setLevel(logging.ERROR)
    try:
        dataset = load_dataset(source.hub, split=source.split, revision=source.revision)
    except (DatasetsError, OSError, ValueError, RuntimeError) as error:
        cause = _refusal(source) or error
        raise UserError(
            f"{_name(source)}: cannot be loaded from the hub ({one_line(cause)}); {remedy(cause)}, check the split, "
            "or name a local file with `squad:` or `table:`"
        ) from None
    # Without the hub, `datasets` takes whatever it has cached last.
    if is_commit(source.revision) and (cached := cached_folder(dataset).name) != source.revision:
        raise UserError(
            f"{_name(source)}: the cache holds commit {cached}, not {source.revision}: `scalemodel fetch` it where "
            "there is a network"
        )
    return dataset


def cached_folder(dataset: Dataset) -> Path:
    """Where `datasets` keeps what it has made of a data set's files: a folder named by the commit."""
    return Path(dataset.cache_files[0]["filename"]).parent


def _refusal(source: HubSource) -> Exception | None:
    """What the hub itself says against it: `datasets` often tells no more than that it found nothing."""
    from huggingface_hub import HfApi, constants

    if constants.HF_HUB_OFFLINE:
        return None
    try:
        if HfApi().dataset_info(source.hub, revision=source.revision, timeout=HUB_SECONDS).gated:
            HfApi().auth_check(source.hub, repo_type="dataset")
    except OSError as error:  # all of the client's errors are
        return error
    return None


def _hub_answers() -> bool:
    import huggingface_hub
    from huggingface_hub.utils._http import get_session

    try:
        get_session().head(huggingface_hub.constants.ENDPOINT, timeout=HUB_SECONDS)
    except OSError:  # all of the network's errors are
        return False
    return True


def _rows(dataset: Dataset, columns: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for index, row in enumerate(dataset.select_columns(list(columns))):
        yield f"row {index}", row


def _squad_answers(name: str, place: str, row: dict[str, Any], context: str) -> list[tuple[str, Any, Any]]:
    return answer_columns(name, f"{place}.answers", row["answers"])


def _mrqa_answers(name: str, place: str, row: dict[str, Any], context: str) -> list[tuple[str, Any, Any]]:
    """Every span that was marked: the spans are the annotation, the texts beside them are derived."""
    answers = []
    for number, span in enumerate(row["labels"]):
        for start, end in zip(span["start"], span["end"], strict=True):
            if not 0 <= start <= end < len(context):
                what = f"is [{start}, {end}], not inside the context of {len(context)} characters"
                raise bad_data(name, f"{place}.labels[{number}]", what, "correct the span")
            answers.append((f"{place}.labels[{number}]", context[start : end + 1], start))
    return answers
