"""The one protocol of all runtimes: open, infer, close; and the timing of a device's stages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter
from types import TracebackType
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from backends.errors import BackendError, from_runtime
from backends.host.machine import usable_cores
from backends.tasks import REPRESENTATION, TASKS

NEEDED_INPUTS = ("input_ids", "attention_mask")
KNOWN_INPUTS = (*NEEDED_INPUTS, "token_type_ids")
"""int64 (batch, sequence). Some architectures (DistilBERT) take no ``token_type_ids``."""


@dataclass(frozen=True)
class Availability:
    """Whether a backend works on this machine; if not, why (``reason``) and what to do (``remedy``)."""

    name: str
    available: bool
    reason: str
    remedy: str
    versions: dict[str, str]


class RuntimeOptions(BaseModel):
    """What can be set of a runtime beside its threads. A backend with settings has a subclass of its own."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Backend(ABC):
    """An artifact on a runtime. A context manager; the public methods guard, subclasses fill the others.

    ``artifact`` is the folder that an exporter wrote. ``threads`` None takes the cores that this process
    may use; ``representation`` False does not ask for that output; ``options`` are fields of ``options_type``.
    After `open`: ``inputs`` and ``outputs`` name what the model takes and gives, and ``load_seconds`` is the time to
    load the artifact, the import of the runtime not counted.
    """

    name: ClassVar[str]
    packages: ClassVar[tuple[str, ...]]
    """The distributions whose version can change what the backend answers."""
    formats: ClassVar[tuple[str, ...]]
    """Glob patterns of the formats it takes."""
    refused: ClassVar[Mapping[str, str]] = {}
    """Glob patterns of formats that it does not take all the same: the reason, and the way out."""
    options_type: ClassVar[type[RuntimeOptions]] = RuntimeOptions
    device: ClassVar[str] = "cpu"
    """Where it computes: cpu or cuda."""
    sessions_share_weights: ClassVar[bool] = False
    """Whether many openings of one thread each take the memory of one."""

    def __init__(
        self,
        artifact: Path,
        *,
        format: str,
        task: str,
        pooling: str = "cls",
        threads: int | None = None,
        representation: bool = True,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        if task not in TASKS:
            raise BackendError(f"{self.name}: unknown task {task!r}; one of {', '.join(TASKS)}")
        if threads is not None and threads < 1:
            raise BackendError(f"{self.name}: threads is {threads}; give 1 or more")
        self.artifact = artifact
        self.format = format
        self.task = task
        self.pooling = pooling
        self.threads = threads or usable_cores()
        self.options = self.check_options(options or {})
        self.inputs: tuple[str, ...] = ()
        self.outputs = tuple(name for name in TASKS[task].outputs if representation or name != REPRESENTATION)
        self.per_token = frozenset(TASKS[task].per_token)
        """Of the outputs, those with a token axis."""
        self.load_seconds: float | None = None
        self._is_open = False

    @classmethod
    @abstractmethod
    def availability(cls) -> Availability:
        """Whether this backend works here, tried as far as it can be without an artifact."""

    @classmethod
    def check_options(cls, given: Mapping[str, Any]) -> RuntimeOptions:
        """``given`` with the defaults of what it leaves out; `BackendError` for what is no option."""
        try:
            return cls.options_type.model_validate(given)
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            name = ".".join(map(str, problem["loc"]))
            if problem["type"] == "extra_forbidden":
                known = ", ".join(cls.options_type.model_fields) or "none"
                raise BackendError(f"{cls.name} has no option {name!r}; it has: {known}") from None
            reason = problem["msg"][0].lower() + problem["msg"][1:]
            raise BackendError(f"{cls.name}: option {name}: {reason}, got {problem['input']!r}") from None

    @classmethod
    def computes_otherwise(cls, model: Path) -> str | None:
        """Why this runtime's answers are not what the file's operators say; None where nothing is known of that.

        Reads the graph: not to be called where memory is measured.
        """
        return None

    @classmethod
    def cannot_read(cls, model: Path) -> str | None:
        """Why this runtime will not take an ONNX file, as far as that shows without loading it; None where it may.

        Not to be called where memory is measured.
        """
        return None

    def open(self) -> Self:
        """Load the artifact. Raises `BackendError` when the runtime, its device or the file will not do."""
        if self._is_open:
            raise BackendError(f"{self.name}: {self.artifact} is open already; close it first")
        if not self.artifact.is_dir():
            raise BackendError(f"{self.name}: no artifact folder at {self.artifact}; export it first")
        self._prepare()
        start = perf_counter()
        try:
            self._load()
        except BackendError:
            self._unload()
            raise
        except Exception as error:
            self._unload()
            raise from_runtime(f"{self.name}: cannot load {self.artifact}", error) from error
        self.load_seconds = perf_counter() - start
        self._is_open = True
        return self

    def infer(self, feeds: Mapping[str, NDArray[np.int64]]) -> dict[str, NDArray[np.float32]]:
        """Run one batch: int64 (batch, sequence) arrays in, float32 arrays out, by name.

        Feeds that the model does not take are left out. Raises `BackendError` for a missing feed, and for
        whatever the runtime refuses.
        """
        if not self._is_open:
            raise BackendError(f"{self.name}: infer before open; use it as a context manager or call open()")
        try:
            taken = {name: feeds[name] for name in self.inputs}
        except KeyError as error:
            raise BackendError(
                f"{self.name}: the model needs the input {error.args[0]!r}; given: {', '.join(feeds)}"
            ) from None
        try:
            return self._infer(taken)
        except Exception as error:
            raise from_runtime(f"{self.name}: inference failed on {self.artifact}", error) from error

    def device_times(self, feeds: Mapping[str, NDArray[np.int64]]) -> dict[str, float] | None:
        """Milliseconds of one batch: ``host_to_device``, ``compute``, ``device_to_host``, medians of a few runs.

        None on the CPU, where nothing is copied to a device.
        """
        return None

    def describe(self) -> dict[str, Any]:
        """What really runs, JSON-ready and free of timings: see `_describe` of each runtime."""
        if not self._is_open:
            raise BackendError(f"{self.name}: describe before open; use it as a context manager")
        return {
            "backend": self.name,
            "threads": self.threads,
            "options": self.options.model_dump(mode="json"),
            **self._describe(),
        }

    def matmuls(self) -> dict[str, int] | None:
        """How many matmuls really run in which precision (``fp32``, ``bf16``, ``int8``, ...).

        Fused attention counts as one. None where the runtime does not tell. May load the model once more: not to be
        called where time or memory are measured.
        """
        return None

    @property
    def lowest_precision(self) -> str | None:
        """What its options let it compute floats in (``bf16``, ``fp16``); None: in what the file says."""
        return None

    def close(self) -> None:
        """Free the model. Closing twice is harmless."""
        self._is_open = False
        self._unload()

    def __enter__(self) -> Self:
        return self if self._is_open else self.open()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def serves_all_callers(self) -> bool:
        """Whether several threads may call `infer` at the same time, and are no slower than on openings of their own.

        The weights are then in memory once.
        """
        return False

    @abstractmethod
    def _prepare(self) -> None:
        """Import the runtime and check that its device is there; not part of ``load_seconds``."""

    @abstractmethod
    def _load(self) -> None:
        """Load the artifact and set ``inputs``."""

    @abstractmethod
    def _infer(self, feeds: dict[str, NDArray[np.int64]]) -> dict[str, NDArray[np.float32]]:
        """Run one batch; ``feeds`` holds exactly ``inputs``."""

    @abstractmethod
    def _describe(self) -> dict[str, Any]:
        """provider, precision_hint, nodes ({provider: count} or None), versions, and what else matters."""

    @abstractmethod
    def _unload(self) -> None:
        """Drop the model; called also after a `_load` that failed."""

    @classmethod
    def _require(cls, availability: Availability) -> None:
        if not availability.available:
            raise BackendError(f"{cls.name}: {availability.reason}; {availability.remedy}")


RUNS = 20

Inputs = TypeVar("Inputs")
Outputs = TypeVar("Outputs")


def stage_times(
    to_device: Callable[[], Inputs],
    compute: Callable[[Inputs], Outputs],
    to_host: Callable[[Outputs], object],
    synchronize: Callable[[], object],
) -> dict[str, float]:
    """Milliseconds by stage, medians of `RUNS` runs after one that warms up.

    ``synchronize`` waits until the device has done all that it was given, so that each stage pays for itself.
    """
    runs = []
    for _ in range(RUNS + 1):
        clock = [perf_counter()]
        inputs = to_device()
        synchronize()
        clock.append(perf_counter())
        outputs = compute(inputs)
        synchronize()
        clock.append(perf_counter())
        to_host(outputs)
        clock.append(perf_counter())
        runs.append([1e3 * (after - before) for before, after in pairwise(clock)])
    copied, computed, fetched = (median(stage) for stage in zip(*runs[1:], strict=True))
    return {"host_to_device": copied, "compute": computed, "device_to_host": fetched}
