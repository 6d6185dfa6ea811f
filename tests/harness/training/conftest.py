"""Tiny checkpoints and examples, with dropout on, so that resuming has something to get wrong."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.harness.training.tiny_training import write_start
from tests.shared import shared_folder


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def starts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A starting checkpoint a task."""
    tasks = ("question-answering", "text-classification", "masked-language-model")

    def write(root: Path) -> None:
        for task in tasks:
            write_start(root / task, task)

    root = shared_folder(tmp_path_factory, "starts", write)
    return {task: root / task for task in tasks}
