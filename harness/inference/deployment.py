"""A live deployment: an artifact opened on a backend, with its tokenizer and its task, whose stages may overlap."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from backends.backend import Backend
from backends.batching import infer_all, pad
from backends.concurrent_sessions import Workers, side_by_side
from backends.registry import backend_class, open_backend
from exporters.manifest import read_manifest
from harness.errors import NOT_FINITE, StepFailed
from harness.examples.records import Example
from harness.inference.options import BackendOptions, DeploymentOptions
from harness.tasks.fast_tokenizer import FastTokenizer, read_tokenizer
from harness.tasks.features import Features
from harness.tasks.task import ModelInput, Task

if TYPE_CHECKING:
    from harness.data.arrow import pa

ExampleT = TypeVar("ExampleT", bound=Example)
Decoded = TypeVar("Decoded")
Item = TypeVar("Item")
Ready = TypeVar("Ready")
Done = TypeVar("Done")
Result = TypeVar("Result")
Outputs = dict[str, list[NDArray[np.float32]]]
"""By name, one array a feature."""

# The execution replicate: the same artifact, batched, padded and shuffled otherwise.
REPLICATE_PADDING = 16
REPLICATE_SHUFFLE = 1

CHUNKS = 4
"""Into which examples are cut where their stages overlap, unless one would be smaller than `SMALLEST_CHUNK` (full
batches of like lengths need many to choose from) or larger than `LARGEST_CHUNK` (what is in memory between the stages
stays the same for large data)."""
SMALLEST_CHUNK, LARGEST_CHUNK = 256, 2048


@dataclass(frozen=True)
class DeploymentRunner:
    """Examples in, decoded outputs out."""

    backend: Backend
    tokenizer: FastTokenizer
    task: Task
    token_budget: int
    rerun: bool = False
    workers: Workers | None = None
    """The openings of the artifact, ``backend`` first, that work on batches of their own; None: it is the only one."""
    pad_token: int = 0
    positions: int | None = None
    """How many tokens the model takes, where its manifest tells."""

    def with_budget(self, token_budget: int) -> DeploymentRunner:
        return replace(self, token_budget=token_budget)

    def encode(self, examples: Sequence[Example]) -> Features:
        return self.task.encode(self.tokenizer, examples)

    def batch(self, features: Features, indices: Sequence[int] | NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
        """Some of the features as one padded batch."""
        return pad(features.inputs, indices, pad_token=self.pad_token)

    def infer(self, features: Features, *, same_length: bool = False) -> Outputs:
        """In the features' order.

        With ``same_length`` only features of the same number of tokens share a batch: see `scores`.

        Raises:
            StepFailed: an output holds NaN or infinity: there is no answer in it to compare.
        """
        outputs = infer_all(
            self.backend,
            features.inputs,
            token_budget=self.token_budget // 2 if self.rerun else self.token_budget,
            per_token=self.backend.per_token,
            same_length=same_length,
            pad_token=self.pad_token,
            pad_to_multiple=REPLICATE_PADDING if self.rerun else 1,
            longest=self.positions,
            shuffle_seed=REPLICATE_SHUFFLE if self.rerun else None,
            workers=self.workers,
        )
        for name, arrays in outputs.items():
            bad = sum(not np.isfinite(array).all() for array in arrays)
            if bad:
                raise StepFailed(NOT_FINITE, f"{name} holds NaN or infinity for {bad} of {len(arrays)} inputs")
        return outputs

    def infer_once(self, features: Features) -> Outputs:
        """As `infer` with ``same_length``, but features of equal inputs are inferred once and share their outputs.

        Most of a long text's variants are such: truncation leaves of them what it leaves of the text.
        """
        keys = [
            blake2b(b"".join(row.tobytes() for row in rows), digest_size=16).digest()
            for rows in zip(*features.inputs.values(), strict=True)
        ]
        place: dict[bytes, int] = {}
        kept: list[int] = []
        for index, key in enumerate(keys):
            if key not in place:
                place[key] = len(kept)
                kept.append(index)
        inputs = {name: [rows[index] for index in kept] for name, rows in features.inputs.items()}
        unique_outputs = self.infer(Features(inputs, features.example[kept]), same_length=True)
        return {name: [arrays[place[key]] for key in keys] for name, arrays in unique_outputs.items()}

    def table(self, examples: Sequence[Example], *, confidence: bool = False) -> pa.Table:
        """One row an example: prediction, logits, representation; with ``confidence`` how sure it is too."""
        from harness.data.arrow import pa

        def decode(chunk: Sequence[Example], features: Features, outputs: Outputs) -> pa.Table:
            table = self.task.table(chunk, features, outputs)
            if not confidence:
                return table
            return table.append_column("confidence", pa.array(self.task.confidence(chunk, features, table)))

        return pa.concat_tables(self._in_chunks(examples, self.infer, decode))

    def scores(self, inputs: Sequence[ModelInput]) -> NDArray[np.float64]:
        """What an attack changes of each text or question, see `harness.tasks.task.Task.scores`: (inputs, classes).

        Only inputs of the same number of tokens share a batch. Nothing is padded then, and an attack's variants of a
        text have nearly the same length: less is computed, and in FP32 on ONNX Runtime's CPU provider a text's
        scores are the same to the last bit whatever shares its batch.
        """
        if not inputs:
            return np.empty((0, 0), np.float64)
        return np.concatenate(self._in_chunks(self.task.as_examples(inputs), self.infer_once, self.task.scores))

    def predictions(self, inputs: Sequence[ModelInput]) -> list[Any]:
        """The prediction about each text or question."""
        examples = self.task.as_examples(inputs)
        features = self.encode(examples)
        table = self.task.table(examples, features, self.infer(features, same_length=True))
        return list(table.column("prediction").to_pylist())

    def _in_chunks(
        self,
        examples: Sequence[ExampleT],
        infer: Callable[[Features], Outputs],
        decode: Callable[[Sequence[ExampleT], Features, Outputs], Decoded],
    ) -> list[Decoded]:
        """The one way from examples to answers.

        While a device infers a chunk, the next is tokenised and the last decoded. A runtime on the CPU would lose the
        cores that they take, and more: its threads wait for each other (docs/performance.md has what that costs).
        """
        if self.backend.device != "cpu":
            return overlapped(_chunks(examples, CHUNKS), self.encode, infer, decode)
        encoded = ((chunk, self.encode(chunk)) for chunk in _chunks(examples, 1))
        return [decode(chunk, features, infer(features)) for chunk, features in encoded]


def _chunks(examples: Sequence[ExampleT], count: int) -> list[Sequence[ExampleT]]:
    """``count``, within what a chunk may hold; one at least, in order, of nearly the same size."""
    few = min(count, len(examples) // SMALLEST_CHUNK)
    size = math.ceil(len(examples) / max(1, few, math.ceil(len(examples) / LARGEST_CHUNK))) or 1
    return [examples[begin : begin + size] for begin in range(0, max(1, len(examples)), size)]


def open_artifact(artifact: Path, options: BackendOptions) -> Backend:
    """``artifact`` loaded on its backend; a context manager, open already.

    Raises:
        BackendError: the backend is not here, or does not take the artifact.
    """
    return open_backend(**options.opening(artifact))


def one_session_a_thread(options: DeploymentOptions) -> DeploymentOptions:
    """Options for many small batches: each is worked on by one thread, where sessions of one thread share the weights.

    The outputs are the same; two threads on one batch of 512 tokens wait for each other.
    """
    if not backend_class(options.backend).sessions_share_weights:
        return options
    return options.model_copy(update={"sessions": options.threads, "threads": 1})


@contextmanager
def open_deployment(
    artifact: Path, options: DeploymentOptions, *, rerun: bool = False, corpus: Path | None = None
) -> Iterator[DeploymentRunner]:
    """Open ``artifact``: ``rerun`` as the execution replicate, batched and padded otherwise.

    ``corpus`` is where its own outputs are on the documents that an attack's queries look for.

    Raises:
        BackendError: the backend is not here, or does not take the artifact.
    """
    with side_by_side(lambda: open_artifact(artifact, options), options.sessions) as workers:
        manifest = read_manifest(artifact)
        task = options.task.open().activated(manifest.activation)
        if corpus is not None:
            from harness.store.outputs import read_outputs  # pyarrow, which a measured process does without

            task = task.searching(read_outputs(corpus, "id", "representation"))
        yield DeploymentRunner(
            workers.backends[0],
            read_tokenizer(artifact),
            task,
            options.token_budget,
            rerun,
            workers if len(workers) > 1 else None,
            manifest.pad_token,
            manifest.max_positions,
        )


def overlapped(
    items: Sequence[Item],
    before: Callable[[Item], Ready],
    main: Callable[[Ready], Done],
    after: Callable[[Item, Ready, Done], Result],
) -> list[Result]:
    """``after(item, ready, main(ready))`` with ``ready = before(item)`` for every item, in their order.

    While ``main``, which runs in the caller's thread, is at one item, ``before`` is at the next one and ``after``
    at the last one, each in a thread of its own and never further away: of three items at most is there more than
    the result. Runtimes, tokenizers and NumPy let go of the interpreter's lock while they compute.
    """
    results: list[Result] = []
    with ThreadPoolExecutor(1) as ahead, ThreadPoolExecutor(1) as behind:
        coming = [ahead.submit(before, item) for item in items[:1]]
        going: Future[Result] | None = None
        for index, item in enumerate(items):
            ready = coming.pop().result()
            if index + 1 < len(items):
                coming.append(ahead.submit(before, items[index + 1]))
            done = main(ready)
            if going is not None:
                results.append(going.result())
            going = behind.submit(after, item, ready, done)
        if going is not None:
            results.append(going.result())
    return results
