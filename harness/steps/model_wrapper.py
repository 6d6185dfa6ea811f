"""What stands between an attack's texts and a live deployment: the examples that they are of."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.attack.examples import Examples
from benchmarks.attack.transfer import Ask
from harness.inference.remote_deployment import Predict
from harness.tasks.attacked import Attacked


def ask_of(predict: Predict, attacked: Sequence[Attacked]) -> Ask:
    """(id, text) to what ``predict`` says about the example with that text in the place of its own."""
    by_id = {one.id: one for one in attacked}
    return lambda texts: predict([by_id[id_].with_text(text) for id_, text in texts])


def examples_of(predict: Predict, attacked: Sequence[Attacked]) -> Examples:
    return Examples(ask_of(predict, attacked), {one.id: one.left_alone for one in attacked})
