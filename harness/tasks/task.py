"""The definition of a task: its facts, and all that the rest of the harness asks of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from exporters.tasks import Activation, Head
from harness.config.task_registry import task_class
from harness.errors import UserError
from harness.examples.records import Example

if TYPE_CHECKING:
    from benchmarks.characteristics.attributes import Attribute
    from harness.config.characteristics import Target
    from harness.config.data import DataSource
    from harness.config.tasks import QuestionAnswering, TaskSettings, Threshold
    from harness.data.arrow import pa
    from harness.tasks.fast_tokenizer import FastTokenizer
    from harness.tasks.features import Features

ModelInput = str | Example
"""What an attack, or an explanation, asks a deployment about; a text alone is an example of it."""

OF_QUESTIONS = "it belongs to the task question-answering"
"""Why other tasks refuse ``question_answering``."""

IGNORED = -100
"""The target of a token that the loss leaves out, as torch has it."""


@dataclass(frozen=True)
class ReferenceInputs:
    """Inputs that a script of `transformers` makes: ``inputs`` are (features, max_length) arrays by name, padded."""

    inputs: dict[str, NDArray[np.int64]]
    example: list[int]
    """By feature."""
    offsets: NDArray[np.int64] | None
    """Characters of the context, (features, max_length, 2); -1 outside it."""


class Task(ABC):
    """Turns examples into what models read, and what they say into one row an example.

    Tables have the columns ``id``, ``group``, ``prediction``, ``tokens``, ``representation``, one for each of the
    head's logits, and those that the task names below.
    """

    name: ClassVar[str]
    head: ClassVar[Head]
    """Of its checkpoints: what loads them, and their outputs."""
    unit: ClassVar[str]
    """What one example is called."""
    other_unit: ClassVar[str | None] = None
    """What one example of all data but the evaluation's is called, where that is something else."""
    score_name: ClassVar[str] = "accuracy"
    """What the share of examples that are right is called."""
    confidence_meaning: ClassVar[str] = "mean probability of its own label"
    """What `confidence` is, as a table's note says it."""
    group: ClassVar[str] = "group"
    """What examples that belong together are called: those of one ``group``."""
    windowed: ClassVar[bool] = False
    """Whether a long input becomes several, of which the first gives the representation."""
    figures: ClassVar[Mapping[str, str]] = {}
    """Further fields of `harness.results.deployments.Quality`, and what tables call them."""
    policy_figures: ClassVar[tuple[str, ...]] = ()
    """Of the figures that a policy may limit (`harness.config.figures`), those that not all tasks have."""
    main_figure: ClassVar[str | None] = None
    """Of `figures` the one by which people know the task; None: by the share of examples that are right."""
    script: ClassVar[str]
    """The example script of `transformers` that its inputs must be those of."""
    gold: ClassVar[tuple[str, ...]]
    """Columns that tell what is right, and whether the prediction is."""
    correct: ClassVar[str]
    """Of them, the one that is 1 where the prediction is right and 0 where it is an error."""
    verified_score: ClassVar[tuple[str, str] | None]
    """What verification measures: the column, from 0 to 1, and its name; None: single examples have none."""
    length_setting: ClassVar[str]
    """The study's field that cuts inputs."""
    attack_targets: ClassVar[tuple[Target, ...]] = ()
    """Fields of its examples of which an attack changes one, the first where the study names none; none: no attack."""
    attack_success: ClassVar[str] = "Text {id} (label {label}) fools {on}"
    """How a report tells of an example that an attack turned on a deployment."""
    confident: ClassVar[bool] = True
    """Whether predictions have a probability: see `confidence`."""
    left_out: ClassVar[Mapping[str, str]] = {}
    """Comparisons that are not made for it, and why: by their field of `CharacteristicResults`."""
    thresholded: ClassVar[bool] = False
    """Whether what is right hangs on the study's ``threshold``."""
    predicts_texts: ClassVar[bool] = False
    """Whether a prediction is a text of the data rather than a class."""

    def __init__(
        self,
        *,
        max_length: int = 512,
        question_answering: QuestionAnswering | None = None,
        labels: tuple[str, ...] = (),
        threshold: Threshold | None = None,
    ) -> None:
        """Settings of the study; a task uses its own."""
        self.max_length, self.labels, self.threshold = max_length, labels, threshold

    # --- Settings and data of a study

    @staticmethod
    @abstractmethod
    def check_settings(place: str, settings: TaskSettings) -> None:
        """Raise a `UserError` for settings at ``place`` of the study that are not for the task."""

    @staticmethod
    def decoding(settings: TaskSettings) -> QuestionAnswering | None:
        """How answers are decoded; None where nothing is asked."""
        return None

    @classmethod
    def refuse(cls, place: str, settings: TaskSettings, reasons: Mapping[str, str]) -> None:
        """Raise `UserError` where ``settings`` have what is not for the task.

        That are the settings named in ``reasons``, which says why, and those of comparisons that are left out.
        """
        comparisons = {"attack": "adversarial_attack", "explanation": "explanation"}
        left_out = {
            f"characteristics.{setting}": cls.left_out[name]
            for setting, name in comparisons.items()
            if name in cls.left_out
        }
        for name, reason in {**reasons, **left_out}.items():
            if attrgetter(name)(settings) is not None:
                raise UserError(f"{place}.{name}: is not for {cls.name}: {reason}; remove it")

    @staticmethod
    def output_names(settings: TaskSettings) -> tuple[str, ...]:
        """What the outputs of the head are called, in their order; none where their number is not the study's."""
        return settings.labels or ()

    @staticmethod
    @abstractmethod
    def read(source: DataSource, *, labels: tuple[str, ...] | None, role: str) -> Sequence[Example]:
        """The checked examples of ``source``, but of an embedded one; ``role`` is for messages. Raises `UserError`."""

    @staticmethod
    def prepared(example: Example) -> Example:
        """What the task takes of an example, embedded or read."""
        return example

    # --- Examples to inputs

    @property
    @abstractmethod
    def max_tokens(self) -> int:
        """The longest input."""

    @abstractmethod
    def with_max_tokens(self, tokens: int) -> Task:
        """The same task with inputs of that many tokens at most."""

    @abstractmethod
    def encode(self, tokenizer: FastTokenizer, examples: Sequence[Example]) -> Features: ...

    @abstractmethod
    def probes(self, probe: str, odd: str) -> list[Example]:
        """Made-up examples of the texts ``probe`` and ``odd``: as they are, and longer than `max_tokens`."""

    @abstractmethod
    def reference_inputs(self, tokenizer: Any, examples: Sequence[Example], features: Features) -> ReferenceInputs:
        """As `script` makes them with ``tokenizer``, of `transformers`; what differs by intent, as in ``features``."""

    def deviations(self, tokenizer: Any, examples: Sequence[Example]) -> list[str]:
        """How `encode` differs from `script` by intent, in words."""
        return []

    @abstractmethod
    def targets(self, examples: Sequence[Example], features: Features) -> Mapping[str, Sequence[Any]]:
        """The arguments of the model's loss by name, one entry a feature: a number, or (tokens,) of them."""

    # --- Outputs to rows

    def activated(self, activation: Activation | None) -> Task:
        """The same task of an artifact whose manifest says that ``activation``."""
        return self

    def searching(self, corpus: pa.Table) -> Task:
        """The same task with the deployment's own ``corpus``: its outputs on what an attack's examples look for."""
        raise TypeError(f"{self.name} looks for nothing")

    @abstractmethod
    def table(
        self, examples: Sequence[Example], features: Features, outputs: Mapping[str, Sequence[NDArray[np.float32]]]
    ) -> pa.Table:
        """Decode one entry a feature, per-token outputs trimmed to the feature, into one row an example."""

    def judged(self, table: pa.Table, corpus: pa.Table | None) -> pa.Table:
        """``table`` of a whole data set with the columns that no example has by itself.

        ``corpus`` is the table of the documents that its examples ask for, where they do.
        """
        return table

    def confidence(self, examples: Sequence[Example], features: Features, table: pa.Table) -> NDArray[np.float64]:
        """(examples,) the probability that a deployment gives to each prediction of its `table`, 0 to 1.

        It is no part of the table, as it is no part of an answer, whose time is measured. Of `confident` tasks.
        """
        raise TypeError(f"predictions of {self.name} have no probability")

    def as_examples(self, inputs: Sequence[ModelInput]) -> Sequence[Example]:
        """``inputs`` of an attack as examples; of tasks that are attacked, or explained."""
        raise TypeError(f"{self.name} is not attacked")

    def scores(
        self, examples: Sequence[Example], features: Features, outputs: Mapping[str, Sequence[NDArray[np.float32]]]
    ) -> NDArray[np.float64]:
        """What an attack changes, (examples, classes): probabilities, which decide where the largest is."""
        raise TypeError(f"{self.name} is not attacked")

    # --- Rows to figures

    @classmethod
    def given(cls) -> tuple[str, ...]:
        """Columns of the table that are of the data, whoever answers."""
        return ("id", "group", *(name for name in cls.gold if name != cls.correct))

    @classmethod
    def logits(cls, table: pa.Table) -> list[NDArray[np.float64]]:
        """(distributions, outcomes) by example: what a softmax over the last axis makes probabilities of."""
        from harness.tasks.columns import logits

        return logits(table, cls.head.outputs)

    @staticmethod
    @abstractmethod
    def metrics(table: pa.Table) -> dict[str, float | None]:
        """Fields of `harness.results.deployments.Quality`; None: of no examples."""

    @staticmethod
    def predictions(table: pa.Table) -> NDArray[Any]:
        """(rows,) equal where predictions are: the texts of a column, or what a task has instead."""
        from harness.tasks.columns import strings

        return strings(table, "prediction")

    @staticmethod
    def prediction_texts(table: pa.Table, labels: Sequence[str]) -> NDArray[np.str_]:
        """(rows,) predictions as people read them."""
        from harness.tasks.columns import strings

        return strings(table, "prediction")

    @staticmethod
    @abstractmethod
    def attributes(
        examples: Sequence[Example], labels: Sequence[str], confidence: NDArray[np.float64] | None
    ) -> dict[str, Attribute]:
        """What slices of ``examples`` are made of; ``confidence`` is the reference's, where the task has one."""

    @staticmethod
    def strata(table: pa.Table) -> dict[str, NDArray[np.bool_]]:
        """Rows that are also compared apart, by name."""
        return {}

    @staticmethod
    def classes(table: pa.Table, labels: Sequence[str]) -> dict[str, NDArray[np.bool_]]:
        """Rows by the class that they truly have, in the order of ``labels``, which may be empty: not known."""
        return {}

    @staticmethod
    def brier_scores(table: pa.Table) -> NDArray[np.float64] | None:
        """(rows,) of the probabilities of the classes; None where there are none."""
        return None


def task_for(
    name: str,
    *,
    question_answering: QuestionAnswering | None = None,
    max_length: int = 512,
    labels: tuple[str, ...] = (),
    threshold: Threshold | None = None,
) -> Task:
    """The task of that name.

    Question answering is set by ``question_answering`` alone (None: its defaults) and every other task by
    ``max_length``, the longest text in tokens; ``labels`` are the classes' names, ``threshold`` is of one that scores.
    Raises `UserError` for another name.
    """
    return task_class(name)(
        max_length=max_length, question_answering=question_answering, labels=labels, threshold=threshold
    )


def mean(values: Any) -> float | None:
    """None of no values."""
    return float(np.mean(values)) if len(values) else None


def arrays(encoded: Mapping[str, Any]) -> dict[str, NDArray[np.int64]]:
    """Padded rows of a tokenizer of `transformers` as (features, tokens) by name."""
    return {name: np.asarray(rows, np.int64) for name, rows in encoded.items()}
