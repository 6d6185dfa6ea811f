"""A live deployment: an artifact opened on a backend, with its tokenizer and its task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from backends.backend import Backend
from backends.batching import build_batches, infer_all, no_outputs
from backends.registry import open_backend
from backends.side_by_side import side_by_side
from harness.config.study import QuestionAnswering
from harness.errors import StepFailed
from harness.execution.status import NOT_FINITE
from harness.overlap import overlapped
from harness.tasks.examples import Example, TextExample
from harness.tasks.features import Features
from harness.tasks.task import Task, task_for

if TYPE_CHECKING:
    import pyarrow as pa

# The execution replicate: the same artifact, batched, padded and shuffled otherwise.
REPLICATE_PADDING = 16
REPLICATE_SHUFFLE = 1

CHUNK = 2048
"""Examples that are tokenised, sorted by length and decoded together: enough for full batches of like lengths, and
what is in memory between the stages stays the same for large data."""


@dataclass(frozen=True)
class LiveDeployment:
    """Examples in, decoded outputs out."""

    backend: Backend
    tokenizer: Tokenizer
    task: Task
    token_budget: int
    again: bool = False
    beside: tuple[Backend, ...] = ()
    """Further openings of the artifact, that work on other batches at the same time."""

    def with_budget(self, token_budget: int) -> LiveDeployment:
        return replace(self, token_budget=token_budget)

    def encode(self, examples: Sequence[Example]) -> Features:
        return self.task.encode(self.tokenizer, examples)

    def infer(self, features: Features) -> dict[str, list[NDArray[np.float32]]]:
        """Outputs by name, one array a feature, in the features' order.

        Raises:
            StepFailed: an output holds NaN or infinity: there is no answer in it to compare.
        """
        outputs = infer_all(
            self.backend,
            features.inputs,
            token_budget=self.token_budget // 2 if self.again else self.token_budget,
            per_token=self.task.per_token,
            pad_to_multiple=REPLICATE_PADDING if self.again else 1,
            shuffle_seed=REPLICATE_SHUFFLE if self.again else None,
            beside=self.beside,
        )
        for name, arrays in outputs.items():
            bad = sum(not np.isfinite(array).all() for array in arrays)
            if bad:
                raise StepFailed(NOT_FINITE, f"{name} holds NaN or infinity for {bad} of {len(arrays)} inputs")
        return outputs

    def table(self, examples: Sequence[Example]) -> pa.Table:
        """One row an example: prediction, logits, representation.

        In chunks: while one is inferred, the next is tokenised and the last decoded.
        """
        import pyarrow as pa

        chunks = [examples[begin : begin + CHUNK] for begin in range(0, len(examples), CHUNK)] or [examples]
        return pa.concat_tables(overlapped(chunks, self.encode, self.infer, self.task.table))

    def stage_seconds(self, examples: Sequence[Example]) -> dict[str, float]:
        """What the stages of one chunk take, one after the other: tokenise, batch (sort, pad and take apart), infer,
        decode. Together they are more than `table` takes, where stages overlap.
        """
        marks = [perf_counter()]
        features = self.encode(examples)
        marks.append(perf_counter())
        batches = build_batches(self.backend, features.inputs, token_budget=self.token_budget)
        feeds = [batches.feeds(number) for number in range(len(batches))]
        marks.append(perf_counter())
        inferred = [self.backend.infer(batch) for batch in feeds]
        marks.append(perf_counter())
        outputs = no_outputs(self.backend, len(features))
        for number, batch in enumerate(inferred):
            batches.give_back(number, batch, outputs, self.task.per_token)
        marks.append(perf_counter())
        self.task.table(examples, features, outputs)
        marks.append(perf_counter())
        tokenise, build, infer, take_apart, decode = (after - before for before, after in pairwise(marks))
        return {"tokenise": tokenise, "batch": build + take_apart, "infer": infer, "decode": decode}

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Of the classes, for each text: (texts, labels)."""
        from scipy.special import softmax  # here: every deployment's process would pay for its import

        examples = [TextExample(str(index), "", text, 0) for index, text in enumerate(texts)]
        if not examples:
            return np.empty((0, 0), np.float64)
        logits = np.stack(self.infer(self.encode(examples))["logits"]).astype(np.float64)
        return np.asarray(softmax(logits, axis=1))


def task_of(options: Mapping[str, Any]) -> Task:
    """The task that a step's options describe."""
    settings = options["question_answering"]
    return task_for(
        options["task"],
        question_answering=None if settings is None else QuestionAnswering(**settings),
        max_length=options["max_length"],
    )


def read_tokenizer(artifact: Path) -> Tokenizer:
    return Tokenizer.from_file(str(artifact / "tokenizer.json"))


@contextmanager
def open_deployment(artifact: Path, options: Mapping[str, Any]) -> Iterator[LiveDeployment]:
    """Open ``artifact`` as a step's options say: ``sessions`` times side by side, ``threads`` in each.

    Raises:
        BackendError: the backend is not here, or does not take the artifact.
    """

    def open_one() -> Backend:
        return open_backend(
            options["backend"],
            artifact,
            format=options["format"],
            task=options["task"],
            pooling=options["pooling"],
            threads=options["threads"],
            representation=options.get("representation", True),
        )

    with side_by_side(open_one, options.get("sessions", 1)) as (backend, *beside):
        yield LiveDeployment(
            backend,
            read_tokenizer(artifact),
            task_of(options),
            options["token_budget"],
            options.get("again", False),
            tuple(beside),
        )
