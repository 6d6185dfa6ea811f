"""Operations and weights of a checkpoint: BERT's by formula, and of other architectures the polynomial by counting."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporters import work
from exporters.checkpoint import load_model
from tests.families.checkpoints import LABELS, VOCABULARY, write_checkpoint

TASK = "text-classification"
LAYERS, WIDE, BETWEEN = 2, 32, 64  # of the families' tiny models


def test_berts_operations_are_those_of_its_products(tmp_path: Path) -> None:
    write_checkpoint("bert", tmp_path)
    counted = work.count_work(tmp_path, task=TASK)
    in_layer = 4 * WIDE * WIDE + 2 * WIDE * BETWEEN
    assert counted.per_token == 2 * LAYERS * in_layer
    assert counted.per_squared_token == 2 * LAYERS * 2 * WIDE  # queries with keys, and their scores with values
    assert counted.per_text == 2 * (WIDE * WIDE + WIDE * len(LABELS))  # pooler and classifier see one token
    norms_and_biases = LAYERS * (4 * WIDE + BETWEEN + WIDE + 4 * WIDE) + 2 * WIDE
    assert counted.weights == LAYERS * in_layer + norms_and_biases + (WIDE + 1) * WIDE + (WIDE + 1) * len(LABELS)
    assert counted.operations(2, 12, 104) == 2 * counted.per_text + 12 * counted.per_token + 104 * 2 * LAYERS * 2 * WIDE


@pytest.mark.parametrize(
    "name", ["albert", "deberta-v3", "mobilebert", pytest.param("modernbert", marks=pytest.mark.slow)]
)
def test_other_lengths_are_what_the_polynomial_says(name: str, tmp_path: Path) -> None:
    write_checkpoint(name, tmp_path)
    counted = work.count_work(tmp_path, task=TASK)
    model = load_model(tmp_path, task=TASK, attention="eager")
    assert counted.operations(1, 50, 2500) == work.operations(model, 50)
    numbers = sum(weight.numel() for weight in model.parameters())
    assert numbers / 2 < counted.weights < numbers - VOCABULARY * 16
