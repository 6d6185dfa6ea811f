"""Error ids of six models, as people publish them: what stands out is who errs like whom."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.special import ndtri

from harness.external_outputs.comparison import Settings, compare, sources_of
from harness.external_outputs.read import ErrorIds
from harness.report.findings.collect import findings_on
from harness.report.view import tasks_of

QUESTIONS = 11_873
RATES = {"large": 0.20, "base": 0.25, "distil": 0.31, "mini": 0.36, "other": 0.28, "odd": 0.30}
"""Of errors; distil and mini err like each other, odd like nobody."""


@pytest.fixture(scope="module")
def findings():
    rng = np.random.default_rng(0)
    hard, small = rng.standard_normal((2, QUESTIONS))
    behind = {name: np.sqrt(0.7) * hard + np.sqrt(0.3) * rng.standard_normal(QUESTIONS) for name in RATES}
    for name in ("distil", "mini"):
        behind[name] = np.sqrt(0.6) * hard + np.sqrt(0.3) * small + np.sqrt(0.1) * rng.standard_normal(QUESTIONS)
    behind["odd"] = np.sqrt(0.1) * hard + np.sqrt(0.9) * rng.standard_normal(QUESTIONS)
    named = [
        (name, ErrorIds(Path(__file__), tuple(f"q{i}" for i in np.flatnonzero(behind[name] < ndtri(rate)))))
        for name, rate in RATES.items()
    ]
    run = compare(sources_of(named), Settings(examples=QUESTIONS, resamples=100))
    (task,) = tasks_of(run)
    return {finding.rule: finding for finding in findings_on(task)}


def test_who_shares_the_errors_of_the_reference(findings):
    told = findings["shared-errors"]
    assert told.deployments[0] in ("base", "other") and told.deployments[1] == "odd"
    assert "latent correlation 0.2" in told.text and "by chance" in told.text and "at most" in told.text


def test_who_is_nearest_to_whom(findings):
    told = findings["nearest-errors"]
    assert set(told.deployments[:2]) == {"distil", "mini"}
    assert "[3] distil (nearest to [4] mini), [4] mini (nearest to [3] distil)" in told.text


def test_who_is_wrong_where_nobody_else_is(findings):
    assert findings["wrong-alone"].deployments[0] == "odd"


def test_what_would_add_to_it(findings):
    told = findings["no-floor"]
    assert "--seed-floor" in told.next_step and "replicate_of" not in told.next_step
    assert not {"no-seed-floor", "no-execution-floor"} & set(findings)
