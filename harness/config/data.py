"""Sources of a task's data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from harness.config.names import HubId
from harness.config.strict import Strict, only_key


class Source(Strict):
    sample: Annotated[int | None, Field(gt=0)] = None
    """Keep this many examples: seeded, stratified by answerability or label. None keeps all."""


class SquadSource(Source):
    """A JSON file in the SQuAD layout, where ``is_impossible`` may be missing; or with a record a question, as data
    sets of the hub have it, in ``.jsonl`` a line each."""

    squad: Path


class TableSource(Source):
    """A CSV, JSONL or Parquet file (by its suffix) with named columns."""

    table: Path
    text: str = "text"
    label: str = "label"
    text_pair: str | None = None
    """The column of a pair's second text, ``text_pair`` where a task on pairs is not told; None elsewhere: there are
    single texts."""
    score: str = "score"
    """The column of a pair's score."""
    separator: Annotated[str, Field(min_length=1)] = ","
    """Between the labels of a text, of multi-label-classification, where its column is no list."""


class CorpusSource(Source):
    """Documents in the layout of BEIR: JSON lines with ``_id`` (or ``id``), ``title`` and ``text``."""

    corpus: Path


class QueriesSource(Source):
    """Queries on a corpus in the layout of BEIR: JSON lines with ``_id`` (or ``id``) and ``text``."""

    queries: Path
    qrels: Path
    """Tab-separated, with a header: query, document, how relevant it is; 0 is not."""


class CandidatesSource(Source):
    """Queries with the documents that a first stage found for each, to be put in a better order."""

    candidates: Path
    """A run: with six columns TREC's (query, Q0, document, rank, score, tag), the highest score first; otherwise
    tab-separated, query and document in front, the best first."""
    queries: Path
    """As of `QueriesSource`, as ``qrels``."""
    qrels: Path
    corpus: Path
    """As of `CorpusSource`."""
    depth: Annotated[int, Field(gt=0)] = 100
    """Candidates of a query: the first of its run."""


class TaggedSource(Source):
    """Sentences as words with tags: ``.jsonl`` or ``.parquet`` with a column of each; any other suffix is CoNLL, a word
    a line, its tag last, an empty line behind each sentence."""

    tagged: Path
    words: str = "tokens"
    """The column of a sentence's words, where there are columns."""
    tags: str = "ner_tags"
    """The column of their tags: names, or numbers of the task's labels."""


class HubSource(Source):
    """A data set of the Hugging Face hub, read through `datasets`."""

    hub: HubId
    split: str
    revision: str | None = None
    text: str = "text"
    label: str = "label"


class EmbeddedSource(Source):
    """A corpus that scalemodel generates itself, for each task its own: of passages, of single facts, or of reviews."""

    embedded: Literal["train", "evaluation", "out-of-distribution"]
    size: Annotated[int, Field(gt=0)]
    seed: Annotated[int, Field(ge=0)] = 0


DataSource = Annotated[
    Annotated[SquadSource, Tag("squad")]
    | Annotated[TableSource, Tag("table")]
    | Annotated[CandidatesSource, Tag("candidates")]
    | Annotated[CorpusSource, Tag("corpus")]
    | Annotated[QueriesSource, Tag("queries")]
    | Annotated[TaggedSource, Tag("tagged")]
    | Annotated[HubSource, Tag("hub")]
    | Annotated[EmbeddedSource, Tag("embedded")],
    only_key("squad", "table", "candidates", "corpus", "queries", "tagged", "hub", "embedded"),
]


DocumentsSource = Annotated[
    Annotated[CorpusSource, Tag("corpus")] | Annotated[EmbeddedSource, Tag("embedded")], only_key("corpus", "embedded")
]

ONE, SEVERAL = "one source", "several sources"

TrainingSource = Annotated[
    Annotated[DataSource, Tag(ONE)] | Annotated[tuple[DataSource, ...], Field(min_length=1), Tag(SEVERAL)],
    Discriminator(lambda value: SEVERAL if isinstance(value, list | tuple) else ONE),
]


class Data(Strict):
    train: TrainingSource | None = None
    """Trains and calibrates; its representations are the bank of the out-of-distribution detector. Needed for these.
    Of a list, the examples of all sources, in their order."""
    bank: Annotated[int, Field(gt=0)] = 2000
    """How many training examples go through every deployment, as that bank."""
    evaluation: DataSource
    corpus: DocumentsSource | None = None
    """What the queries of retrieval look for."""
    out_of_distribution: DataSource | None = None
