"""The activation of heads with one output, as their configuration says it."""

from __future__ import annotations

import pytest

from exporters.errors import ExportError
from exporters.tasks import IDENTITY, activation_of

OLDER = "sbert_ce_default_activation_function"


@pytest.mark.parametrize(
    ("config", "wanted"),
    [
        ({}, "sigmoid"),
        ({"problem_type": "regression"}, "identity"),
        ({"sentence_transformers": IDENTITY}, "identity"),
        ({"sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Sigmoid"}}, "sigmoid"),
        ({"sentence_transformers": {"version": "5.1.0"}, "problem_type": "regression"}, "identity"),
        ({OLDER: "torch.nn.modules.linear.Identity"}, "identity"),
        ({OLDER: None}, "sigmoid"),
        ({OLDER: "torch.nn.modules.activation.Sigmoid", "sentence_transformers": IDENTITY}, "identity"),
    ],
)
def test_the_newer_name_then_the_older_then_the_problem_type(config, wanted):
    assert activation_of(config) == wanted


def test_another_activation_is_refused():
    with pytest.raises(ExportError, match=r"Tanh.*Identity or Sigmoid"):
        activation_of({OLDER: "torch.nn.modules.activation.Tanh"})
