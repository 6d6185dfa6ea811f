"""Running a whole data set, with a backend that answers what it was fed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from backends.backend import Availability, Backend
from backends.batching import infer_all
from backends.errors import BackendError


class Echo(Backend):
    """start_logits are the tokens, the representation is their sum and count."""

    name = "echo"

    @classmethod
    def availability(cls) -> Availability:
        return Availability(cls.name, True, "", "", {})

    def _prepare(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def _load(self) -> None:
        self.inputs = ("input_ids", "attention_mask")

    def _infer(self, feeds: dict[str, NDArray[np.int64]]) -> dict[str, NDArray[np.float32]]:
        tokens = feeds["input_ids"].astype(np.float32)
        self.shapes.append(tokens.shape)
        counts = feeds["attention_mask"].sum(1).astype(np.float32)
        return {
            "start_logits": tokens,
            "end_logits": -tokens,
            "representation": np.stack([tokens.sum(1), counts], axis=1),
        }

    def _describe(self) -> dict[str, Any]:
        return {}

    def _unload(self) -> None:
        pass


@pytest.fixture
def echo(tmp_path: Path) -> Echo:
    return Echo(tmp_path, format="any", task="question-answering", threads=1).open()


PER_TOKEN = frozenset({"start_logits", "end_logits"})


@pytest.mark.parametrize("options", [{}, {"pad_to_multiple": 16}, {"shuffle_seed": 5}])
def test_results_come_in_the_order_of_the_inputs(
    echo: Echo, ragged: dict[str, list[NDArray[np.int64]]], options: dict[str, int]
) -> None:
    done: list[int] = []
    results = infer_all(
        echo,
        ragged,
        token_budget=100,
        per_token=PER_TOKEN,
        progress=done.append,
        pad_to_multiple=options.get("pad_to_multiple", 1),
        shuffle_seed=options.get("shuffle_seed"),
    )
    for index, row in enumerate(ragged["input_ids"]):
        assert results["start_logits"][index].tolist() == row.tolist()
        assert results["representation"][index].tolist() == [row.sum(), len(row)]
    assert sum(done) == len(ragged["input_ids"])
    assert all(length % options.get("pad_to_multiple", 1) == 0 for _, length in echo.shapes)
    assert all(size == 1 or size * length <= 100 for size, length in echo.shapes)


def test_padding_stays_within_what_the_model_takes(echo: Echo, ragged: dict[str, list[NDArray[np.int64]]]) -> None:
    longest = max(len(row) for row in ragged["input_ids"]) + 1
    assert longest % 16  # else there would be nothing to see
    results = infer_all(
        echo, ragged, token_budget=100, per_token=PER_TOKEN, pad_to_multiple=16, longest=longest, pad_token=3
    )
    widths = {width for _, width in echo.shapes}
    assert max(widths) == longest and all(width % 16 == 0 for width in widths - {longest})
    assert all(results["start_logits"][index].tolist() == row.tolist() for index, row in enumerate(ragged["input_ids"]))
    padding = results["representation"][0][0] - ragged["input_ids"][0].sum()
    assert padding > 0 and padding % 3 == 0  # of that token


def test_nothing_to_infer(echo: Echo) -> None:
    empty: dict[str, list[NDArray[np.int64]]] = {"input_ids": [], "attention_mask": []}
    results = infer_all(echo, empty, token_budget=10, per_token=PER_TOKEN)
    assert results == {"start_logits": [], "end_logits": [], "representation": []}
    assert not infer_all(echo, empty, token_budget=10, per_token=PER_TOKEN, shuffle_seed=0)["end_logits"]


def test_example_without_tokens(echo: Echo) -> None:
    rows = [np.array([1]), np.array([], dtype=np.int64)]
    with pytest.raises(BackendError, match="example 1 has no tokens"):
        infer_all(echo, {"input_ids": rows, "attention_mask": rows}, token_budget=10, per_token=PER_TOKEN)
