"""A policy on outputs from elsewhere: what files tell is held as in a run, and what they do not is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.config.policy import Policy
from harness.errors import UserError
from harness.external_outputs.comparison import Settings, compare, sources_of
from harness.external_outputs.read import read_output
from harness.gate.judge import gated_run, judge
from harness.gate.summary import lines, to_markdown
from harness.report.render import to_json
from harness.report.view import tasks_of
from harness.results.gate_outcome import GateOutcome
from harness.results.read import load_results

LIMITS = {
    "changed": "at most floor + 5 %",
    "divergence-p99": "at most 0.5 bits",
    "score": "at least reference - 5 %",
    "speed-up": "at least 1.5 x",
    "file-size": "at most 50 % of reference",
}


@pytest.fixture(params=[True, False], ids=["labels", "no labels"])
def result(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The JSON report of a reference, one that is nearly it and one that is not, over 400 texts."""
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (400, 2))
    every = {
        "large": logits,
        "again": logits,
        "near": logits + random.normal(0, 0.001, (400, 2)),
        "small": logits + random.normal(0, 3, (400, 2)),
    }
    for name, rows in every.items():
        np.savez(tmp_path / f"{name}.npz", logits=rows)
    gold = tmp_path / "gold.csv"
    gold.write_text("id,label\n" + "".join(f"{i},{said}\n" for i, said in enumerate(logits.argmax(axis=1))))
    sources = sources_of([(name, read_output(tmp_path / f"{name}.npz")) for name in every])
    settings = Settings(gold=gold if request.param else None, floors={"again": "execution"}, resamples=200)
    file = tmp_path / "result.json"
    file.write_text(to_json(compare(sources, settings)))
    return file


def judged(result: Path, **limits: str) -> GateOutcome:
    policy = Policy.model_validate({"rules": [{"limits": limits}]})
    return judge(gated_run(load_results(result), result), policy, "policy.yaml")


def test_a_result_is_held_against_a_policy_as_a_run_is(result: Path) -> None:
    (task,) = tasks_of(load_results(result))
    gate = judged(result, **LIMITS)
    known = 3 if task.labelled else 2
    assert [one.status for one in gate.outcomes if one.deployment == "near"] == ["pass"] * known
    assert next(one.status for one in gate.outcomes if one.deployment == "small") == "fail"
    assert gate.untold == (("speed-up", "file-size") if task.labelled else ("score", "speed-up", "file-size"))
    (told,) = [line for line in lines(gate) if line.startswith("not held: ")]
    assert ", ".join(gate.untold) in told and told.removeprefix("not held: ") in to_markdown(gate)


def test_nothing_that_can_be_held_is_an_error(result: Path) -> None:
    with pytest.raises(UserError, match=r"rules\.0\.limits\.(speed-up|file-size): the run did not measure it"):
        judged(result, **{key: LIMITS[key] for key in ("speed-up", "file-size")})
