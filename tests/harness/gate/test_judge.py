"""The interval decides; what decides nothing says why, and what would."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from harness.config.figures import FIGURES
from harness.config.load import load_policy
from harness.config.policy import Policy
from harness.errors import UserError
from harness.gate.baseline import Baseline, baseline_of
from harness.gate.judge import gated_run as read_gated
from harness.gate.judge import judge
from harness.gate.readings import READERS
from harness.results.gate_outcome import GateOutcome, RuleOutcome, load_gate, write_gate
from harness.results.read import load_results
from harness.results.timings import PairedSpeedUp
from tests.harness.gate.gated_runs import (
    BROKEN,
    FP16,
    NEAR,
    REFERENCE,
    TASK,
    TINY,
    gated_run,
    policy,
)
from tests.harness.run_comparison.timed_runs import edit, save


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return gated_run(tmp_path_factory.mktemp("gate") / "run", processes=8)


def held(run: Path, *rules: dict[str, Any], baseline: Baseline | None = None, **settings: Any) -> GateOutcome:
    policy = Policy.model_validate({**settings, "rules": list(rules)})
    return judge(read_gated(load_results(run), run), policy, "policy.yaml", baseline)


def only(run: Path, deployment: str, baseline: Baseline | None = None, **limits: object) -> RuleOutcome:
    limits = {key.replace("_", "-"): text for key, text in limits.items()}
    (outcome,) = held(run, {"deployments": deployment, "limits": limits}, baseline=baseline).outcomes
    return outcome


def test_every_figure_has_a_reader() -> None:
    assert set(READERS) == set(FIGURES)


def test_a_limit_passes_inside_and_fails_outside(run: Path) -> None:
    found = held(run, {"deployments": "bert-*", "limits": {"changed": "at most 5 %"}})
    assert {one.deployment: one.status for one in found.outcomes} == {FP16: "pass", TINY: "fail"}
    assert found.status == "fail"
    assert only(run, TINY, changed="at most 5 %").detail == "is 46.0 % (95 %: 42.0 to 50.0)"


def test_percentiles_of_the_divergence_are_limited(run: Path) -> None:
    """Every flip is a divergence of 0.531 bits: 9 % of NEAR's examples are above 0, 46 % of TINY's."""
    for name, limit, status in (
        (FP16, "at most 0.01 bits", "pass"),
        (TINY, "at most 0.01 bits", "fail"),
        (TINY, "at most 0.54 bits", "pass"),
    ):
        assert only(run, name, divergence_p99=limit).status == status, (name, limit)
    assert only(run, NEAR, divergence_p95="at most 0.5 bits").status == "fail"


def test_f1_is_held_against_a_part_of_the_references(run: Path) -> None:
    assert only(run, FP16, f1_kept="at least 90 %").status == "pass"
    failed = only(run, TINY, f1_kept="at least 99.9 %")
    assert failed.status == "fail" and failed.rule == "f1-kept at least 99.9 %"


def test_recall_is_limited_by_class(run: Path) -> None:
    found = held(
        run,
        {
            "deployments": "bert-tiny/*",
            "limits": {"recall of negative": "80 %", "recall of positive": "reference - 5 %"},
        },
    )
    assert [(one.rule, one.status) for one in found.outcomes] == [
        ("recall of negative at least 80 %", "fail"),
        ("recall of positive at least reference - 5 %", "fail"),
    ]
    found = held(run, {"deployments": FP16, "limits": {"recall of negative": "90 %"}})
    assert [one.status for one in found.outcomes] == ["pass"]


def test_what_examples_cannot_decide_says_how_many_would(run: Path) -> None:
    outcome = only(run, NEAR, changed="at most 10 %")
    assert outcome.status == "cannot tell"
    assert outcome.detail == "is 9.0 % (95 %: 6.9 to 11.6): 600 examples cannot tell, about 7,300 would"


def test_a_floor_takes_a_margin(run: Path) -> None:
    found = held(run, {"limits": {"changed": "floor + 1 %"}})
    status = {one.deployment: one.status for one in found.outcomes}
    assert status[FP16] == "pass"
    assert status[TINY] == "fail"
    (tiny,) = [one for one in found.outcomes if one.deployment == TINY]
    assert tiny.rule == "changed at most floor + 1 %"
    assert "points (" in tiny.detail and tiny.detail.endswith("above its floor of 4.8 % (3 trainings)")


def test_an_excess_over_a_floor_is_told_no_lower_than_it_can_be(run: Path) -> None:
    outcome = only(run, NEAR, changed="floor + 1 %")
    assert outcome.detail.startswith(
        "is 9.0 %, 4.2 points (95 %: -4.8 to 9.2) above its floor of 4.8 % (3 trainings): "
    )


def test_a_floor_of_too_few_trainings_says_how_many_are_missing(tmp_path: Path) -> None:
    few = gated_run(tmp_path / "few", seeds=1)
    outcome = only(few, NEAR, changed="floor + 1 %")
    assert outcome.status == "cannot tell"
    assert outcome.detail.endswith("(2 trainings): 2 trainings cannot tell, 3 would; 1 training missing")


def test_no_floor_is_no_pass(tmp_path: Path) -> None:
    none = gated_run(tmp_path / "none", seeds=0)
    outcome = only(none, NEAR, changed="floor + 1 %")
    assert outcome.status == "cannot tell" and outcome.detail.startswith("has no floor in this run")


def test_against_the_reference_changes_are_paired(run: Path) -> None:
    assert only(run, FP16, score="reference - 1 %").status == "pass"
    outcome = only(run, TINY, score="reference - 2 %")
    assert outcome.status == "fail" and outcome.detail == (
        "is 52.7 %, -43.3 points (95 %: -47.5 to -39.2) against the reference"
    )
    assert only(run, TINY, score_change="-2 %").detail == "is -43.3 points (95 %: -47.5 to -39.2)"


def test_a_part_of_the_references_size_is_exact(run: Path) -> None:
    assert only(run, FP16, file_size="50 % of reference").status == "pass"
    outcome = only(run, FP16, file_size="49 % of reference")
    assert outcome.status == "fail" and outcome.detail.endswith("50.0 % of the reference's")


def test_absolute_speed_takes_six_processes_on_a_quiet_machine(run: Path, tmp_path: Path) -> None:
    assert only(run, TINY, p50="at most 100 ms").status == "pass"
    assert only(run, TINY, p50="at most 0.1 ms").status == "fail"
    assert only(run, TINY, throughput="at least 0.01 /s").status == "pass"
    few = gated_run(tmp_path / "few", processes=5)
    outcome = only(few, TINY, p50="at most 100 ms")
    assert outcome.status == "cannot tell"
    assert outcome.detail == "rests on 5 processes, and needs 6 (--set performance.replicates=6)"
    noisy = gated_run(tmp_path / "noisy", processes=8)
    timings, path = edit(noisy / "performance.json")
    timings["tasks"][TASK][TINY]["single_stream"]["disturbed"] = True
    save(path, timings)
    outcome = only(noisy, TINY, p50="at most 100 ms")
    assert outcome.status == "cannot tell" and outcome.detail.startswith("is marked !")


def paired(run: Path, **changes: Any) -> None:
    timings, path = edit(run / "performance.json")
    told = {"against": REFERENCE, "ratio": 1.5, "interval": (1.4, 1.6), "pairs": 80, "processes": 2, **changes}
    timings["tasks"][TASK][TINY]["paired"] = PairedSpeedUp(**told).model_dump(mode="json")
    save(path, timings)


def test_a_speed_up_rests_on_pairs(run: Path, tmp_path: Path) -> None:
    outcome = only(run, TINY, speed_up="at least 1.2 x")
    assert outcome.status == "cannot tell"
    assert outcome.detail == "was not measured in pairs with the reference; run the study again"
    other = gated_run(tmp_path / "other")
    paired(other)
    assert only(other, TINY, speed_up="at least 1.2 x").status == "pass"
    assert only(other, TINY, speed_up="at least 2 x").status == "fail"
    assert only(other, TINY, speed_up="at least 1.55 x").status == "cannot tell"
    paired(other, interval=None)
    assert only(other, TINY, speed_up="at least 1.2 x").detail.startswith("has no interval (80 pairs in 2 processes)")


def test_a_failed_deployment_fails_its_rules_alone(tmp_path: Path) -> None:
    broken = gated_run(tmp_path / "broken", broken=True)
    outcome = only(broken, BROKEN, changed="at most 5 %")
    assert (outcome.status, outcome.detail) == ("fail", "the deployment failed: NaN in the logits")
    assert held(broken, {"deployments": "*/onnx-fp16*", "limits": {"changed": "5 %"}}).status == "fail"
    assert held(broken, {"deployments": FP16, "limits": {"changed": "5 %"}}).status == "pass"


@pytest.mark.parametrize(("wanted", "status"), [("fail", "cannot tell"), ("warn", "pass"), ("pass", "pass")])
def test_what_cannot_be_told_comes_to_what_the_policy_says(run: Path, wanted: str, status: str) -> None:
    rule = {"deployments": NEAR, "limits": {"changed": "10 %"}}
    assert held(run, rule, cannot_tell=wanted).status == status
    assert held(run, {**rule, "cannot_tell": wanted}).status == status
    (outcome,) = held(run, rule, cannot_tell=wanted).outcomes
    assert outcome.status == "cannot tell"


def test_a_failure_goes_before_what_cannot_be_told(run: Path) -> None:
    assert held(run, {"limits": {"changed": "10 %"}}).status == "fail"


def test_several_patterns_name_what_any_of_them_matches(run: Path) -> None:
    found = held(run, {"deployments": ["*/onnx-fp16", "bert-tiny/*"], "limits": {"changed": "at most 5 %"}})
    assert {one.deployment for one in found.outcomes} == {FP16, TINY}
    found = held(
        run, {"tasks": ["text-*", "*-classification"], "deployments": "bert-tiny/*", "limits": {"changed": "5 %"}}
    )
    assert [(one.task, one.deployment) for one in found.outcomes] == [("text-classification", TINY)]
    with pytest.raises(UserError, match=r"rules.0.tasks: 'text-clasification' matches no task"):
        held(run, {"tasks": ["text-*", "text-clasification"], "limits": {"changed": "5 %"}})


def test_all_that_does_not_fit_the_run_is_told_at_once(run: Path) -> None:
    with pytest.raises(UserError) as caught:
        held(
            run,
            {"deployments": ["*/onnx-fp16", "bert-tinny/*"], "limits": {"changed": "5 %", "server-rate": "5 /s"}},
            {"tasks": "text-clasification", "limits": {"changed": "5 %"}},
            {"limits": {"changed": "baseline + 1 %"}},
        )
    assert [line.partition(";")[0] for line in caught.value.lines] == [
        "policy.yaml: rules.0.deployments: 'bert-tinny/*' matches no deployment",
        "policy.yaml: rules.1.tasks: 'text-clasification' matches no task",
        "policy.yaml: rules.0.limits.server-rate: the run did not measure it",
        "policy.yaml: rules.2.limits.changed: is held against a baseline",
    ]


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (
            {"tasks": "text-clasification", "limits": {"changed": "5 %"}},
            "rules.0.tasks: 'text-clasification' matches no",
        ),
        (
            {"deployments": "bert-tinny/*", "limits": {"changed": "5 %"}},
            "matches no deployment; did you mean 'bert-tiny/*'?",
        ),
        (
            {"tasks": "text-clasification*", "limits": {"changed": "5 %"}},
            "matches no task; did you mean 'text-classification*'?",
        ),
        ({"limits": {"ndcg-change": "-0.01"}}, "is a figure of retrieval and reranking, not of text-classification;"),
        (
            {"deployments": REFERENCE, "limits": {"changed": "5 %"}},
            "limits.changed: the rule is of the reference alone",
        ),
        ({"deployments": "*-seed1/*", "limits": {"changed": "5 %"}}, "matches no deployment; "),
        ({"limits": {"server-rate": "5 /s"}}, "policy.yaml: rules.0.limits.server-rate: the run did not measure it"),
        ({"limits": {"recall of answerable": "5 %"}}, "the run did not measure it; there are negative, positive;"),
        ({"limits": {"changed": "baseline + 1 %"}}, "is held against a baseline; give one with --baseline FILE"),
    ],
)
def test_a_rule_that_does_not_fit_the_run_is_an_error(run: Path, rule: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError) as caught:
        held(run, rule)
    assert told in str(caught.value)


def test_a_baseline_of_the_same_run_passes_with_room(run: Path) -> None:
    base = baseline_of(load_results(run), run)
    assert Baseline.model_validate_json(base.model_dump_json()) == base
    assert only(run, NEAR, base, changed="baseline + 10 %").status == "pass"
    assert only(run, TINY, base, changed="baseline + 1 %").status == "cannot tell"
    assert only(run, NEAR, base, file_size="100 % of baseline").status == "pass"
    assert only(run, NEAR, base, file_size="99 % of baseline").status == "fail"


def test_speed_is_held_against_a_baseline_of_like_machine_and_data_alone(run: Path) -> None:
    base = baseline_of(load_results(run), run)
    like = base.model_copy(
        update={"tasks": {TASK: base.tasks[TASK].model_copy(update={"data": "1"})}},
    )
    refused = only(run, TINY, like, p50="150 % of baseline")
    assert refused.status == "cannot tell" and "not held against the baseline, which is of other data" in refused.detail
    assert base.machine is not None
    elsewhere = base.model_copy(update={"machine": base.machine.model_copy(update={"cpu": "another"})})
    assert "another machine's" in only(run, TINY, elsewhere, peak_memory="150 % of baseline").detail
    assert only(run, NEAR, elsewhere, changed="baseline + 10 %").status == "pass"


def test_an_outcome_is_read_back_without_the_policy(run: Path, tmp_path: Path) -> None:
    found = held(run, {"limits": {"changed": "5 %"}})
    assert load_gate(tmp_path) is None
    write_gate(tmp_path, found)
    assert load_gate(tmp_path) == found
    assert json.loads((tmp_path / "gate.json").read_text())["version"] == 2
    (tmp_path / "gate.json").write_text('{"version": 1}')
    with pytest.raises(UserError, match=r"gate\.json: is no outcome of a gate"):
        load_gate(tmp_path)


def test_a_policy_names_its_baseline_from_its_own_place(tmp_path: Path) -> None:
    path = policy(tmp_path / "policy.yaml", {"limits": {"changed": "5 %"}}, baseline="old.json")
    assert load_policy(path).baseline == tmp_path / "old.json"


def test_an_interval_says_whether_it_is_corrected(run: Path) -> None:
    assert only(run, TINY, changed="at most 45 %").detail.startswith("is 46.0 % (95 %: 42.0 to 50.0)")
    beside = held(run, {"deployments": (TINY, NEAR), "limits": {"changed": "at most 45 %"}}).outcomes
    (tiny,) = [one for one in beside if one.deployment == TINY]
    low = re.match(r"is 46\.0 % \(corrected: ([\d.]+) to 50\.0\)", tiny.detail)
    assert low and float(low[1]) < 42.0, tiny.detail
    assert tiny.short == "bert-tiny/fp32"
