"""Several openings at once: the same answers in the same places, whoever worked on them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from backends.backend import Availability, Backend
from backends.batching import infer_all
from backends.concurrent_sessions import Workers, side_by_side
from backends.errors import BackendError
from backends.registry import open_backend

PER_TOKEN = frozenset({"start_logits", "end_logits"})


class Counted(Backend):
    """Answers nothing; is there to be opened and closed."""

    name = "counted"

    @classmethod
    def availability(cls) -> Availability:
        return Availability(cls.name, True, "", "", {})

    def _prepare(self) -> None:
        self.is_loaded = False

    def _load(self) -> None:
        self.is_loaded = True

    def _infer(self, feeds: dict[str, NDArray[np.int64]]) -> dict[str, NDArray[np.float32]]:
        return {}

    def _describe(self) -> dict[str, Any]:
        return {}

    def _unload(self) -> None:
        self.is_loaded = False


class Shared(Counted):
    @property
    def serves_all_callers(self) -> bool:
        return self.threads == 1


@pytest.mark.parametrize(("kind", "threads", "openings"), [(Counted, 1, 3), (Shared, 1, 1), (Shared, 2, 3)])
def test_one_opening_serves_all_callers_where_it_can(
    tmp_path: Path, kind: type[Counted], threads: int, openings: int
) -> None:
    made: list[Counted] = []

    def open_one() -> Counted:
        made.append(kind(tmp_path, format="any", task="question-answering", threads=threads).open())
        return made[-1]

    with side_by_side(open_one, 3) as workers:
        assert len(workers) == 3
        assert len(made) == len({id(worker) for worker in workers.backends}) == openings
        assert all(backend.is_loaded for backend in made)
    assert not any(backend.is_loaded for backend in made)


def test_every_number_once_from_the_last_and_all_workers_take_part(tmp_path: Path) -> None:
    workers = [Counted(tmp_path, format="any", task="question-answering") for _ in range(3)]
    together = threading.Barrier(3, timeout=30)
    taken: list[tuple[Backend, int]] = []

    def run(worker: Backend, number: int) -> None:
        if number >= 7:
            together.wait()  # nobody goes on before each of the three has one
        taken.append((worker, number))

    shared = Workers(workers)
    shared.deal(run, 10)
    shared.close()
    assert sorted(number for _, number in taken) == list(range(10))
    assert {id(worker) for worker, number in taken if number >= 7} == {id(worker) for worker in workers}


def test_the_first_error_ends_the_work_and_is_raised(tmp_path: Path) -> None:
    workers = [Counted(tmp_path, format="any", task="question-answering") for _ in range(2)]
    done: list[int] = []

    def run(worker: Backend, number: int) -> None:
        if number == 990:
            raise BackendError("no more")
        done.append(number)

    with pytest.raises(BackendError, match="no more"):
        Workers(workers).deal(run, 1000)
    assert len(done) < 999


@pytest.mark.parametrize(("threads", "name"), [(1, "onnxruntime-cpu"), (2, "onnxruntime-cpu"), (1, "openvino-cpu")])
def test_real_sessions_side_by_side_answer_as_one_does(
    onnx_artifact: Path, task: str, ragged: dict[str, list[NDArray[np.int64]]], threads: int, name: str
) -> None:
    def open_one() -> Backend:
        return open_backend(name, onnx_artifact, format="onnx-fp32", task=task, threads=threads)

    with open_one() as alone:
        expected = infer_all(alone, ragged, token_budget=64, per_token=PER_TOKEN)
    with side_by_side(open_one, 2) as workers:
        found = infer_all(workers.backends[0], ragged, token_budget=64, per_token=PER_TOKEN, workers=workers)
    for output, rows in expected.items():
        for row, again in zip(rows, found[output], strict=True):
            np.testing.assert_allclose(again, row, rtol=0, atol=1e-5)
