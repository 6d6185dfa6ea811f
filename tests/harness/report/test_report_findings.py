"""Each rule: when it speaks, and when it holds its tongue."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from benchmarks.statistics.bootstrap import Estimate
from harness.report.blocks import Finding
from harness.report.findings.collect import findings_on
from harness.report.findings.same_score import same_score
from harness.results.deployments import Quality, SensitivitySummary
from harness.verification.tolerances import Tolerance
from tests.harness.report import synthetic_results as synthetic
from tests.harness.report.synthetic_results import (
    QA,
    TEXT,
    deployment,
    deployment_name,
    estimate,
    filled,
    paired,
    view_of,
)

REFERENCE = deployment_name("bert-large", "onnx-fp32")
INT8 = deployment_name("bert-large", "onnx-int8-dynamic")
FP16 = deployment_name("bert-large", "onnx-fp16")
TINY = deployment_name("bert-tiny", "onnx-fp32")
TINY_INT8 = deployment_name("bert-tiny", "onnx-int8-dynamic")
RERUN = f"{REFERENCE}#rerun"


def task_of(results: dict[str, Any]) -> dict[str, Any]:
    return next(iter(results["tasks"].values()))


def found(task: dict[str, Any], rule: str, name: str = QA) -> Finding | None:
    matching = [finding for finding in findings_on(view_of(name, task)) if finding.rule == rule]
    assert len(matching) <= 1
    return matching[0] if matching else None


def pair(task: dict[str, Any], b: str, *, a: str = REFERENCE, stratum: str = "all") -> dict[str, Any]:
    pairs = task["characteristics"]["prediction_errors"]["strata"][stratum]["pairs"]
    return next(entry for entry in pairs if {entry["a"], entry["b"]} == {a, b})


def in_pairs(task: dict[str, Any], speed_ups: dict[str, tuple[float, ...]]) -> None:
    """Give deployments speed-ups with intervals, as measured beside the reference."""
    for name, (ratio, low, high) in speed_ups.items():
        task["deployments"][name]["performance"]["paired"] = paired(REFERENCE, ratio, low, high)


def every(task: dict[str, Any], *speed_up: float) -> dict[str, tuple[float, ...]]:
    """The same speed-up and interval of all deployments but the reference."""
    return dict.fromkeys(task["deployments"].keys() - {REFERENCE, RERUN}, speed_up)


@pytest.fixture
def task() -> dict[str, Any]:
    """Two models in three formats with an execution floor, nothing wrong."""
    deployments = {
        deployment_name(m, f): deployment(QA, m, f)
        for m in ("bert-large", "bert-tiny")
        for f in ("onnx-fp32", "onnx-fp16", "onnx-int8-dynamic")
    }
    deployments[RERUN] = deployment(
        QA, "bert-large", "onnx-fp32", replicate_of=REFERENCE, replicate_kind="execution", performance=None
    )
    return synthetic.task_results(QA, deployments, REFERENCE)


def test_best_trade_is_the_least_changed_that_is_fast_enough(task: dict[str, Any]) -> None:
    finding = found(task, "best-trade")
    assert finding is not None
    # FP16 changes less but is not faster; the tiny model is faster but changes more
    assert finding.deployments == (INT8,)
    assert "3.7x as fast" in finding.text and "0.25x its size" in finding.text
    assert "more than the execution floor of 0.1 %" in finding.text
    assert "-1.0" in finding.text


def test_a_checkpoint_that_scores_otherwise_than_its_card_claims(task: dict[str, Any]) -> None:
    quality = task["deployments"][REFERENCE]["quality"]
    near = {"exact": quality["exact"] + 0.009, "f1": quality["f1"], "accuracy": None, "within": 0.01}
    for name in (REFERENCE, INT8, RERUN):
        task["deployments"][name]["claimed"] = near
    assert found(task, "other-than-claimed") is None
    far = {**near, "f1": quality["f1"] - 0.02}
    for name in (INT8, RERUN):  # what INT8 loses is no fault of the checkpoint
        task["deployments"][name]["claimed"] = far
    assert found(task, "other-than-claimed") is None
    task["deployments"][REFERENCE]["claimed"] = far
    finding = found(task, "other-than-claimed")
    assert finding is not None and finding.kind == "warning" and finding.deployments == (REFERENCE,)
    measured, claimed = (f"{100 * f1:.1f}" for f1 in (quality["f1"], far["f1"]))
    assert (
        f"1 of 1 checkpoint with claimed scores scores otherwise: [1] bert-large/fp32: F1 {measured} %" in finding.text
    )
    assert f"claimed {claimed} %" in finding.text and "exact match" not in finding.text


@pytest.mark.parametrize("mark", [{"steady": False}, {"disturbed": True}, {"scattered": True}])
def test_a_ratio_of_marked_timings_ranks_nothing(task: dict[str, Any], mark: dict[str, bool]) -> None:
    assert found(task, "not-ranked") is None
    task["deployments"][INT8]["performance"]["single_stream"] |= mark
    best, told = found(task, "best-trade"), found(task, "not-ranked")
    assert best is not None and INT8 not in best.deployments
    assert told is not None and told.deployments == (INT8,) and "1 of 5 deployments" in told.text
    task["deployments"][REFERENCE]["performance"]["single_stream"] |= mark
    assert found(task, "best-trade") is None
    told = found(task, "not-ranked")
    assert told is not None and "5 of 5 deployments" in told.text and "paired_processes" in told.next_step


def test_a_ratio_measured_in_pairs_ranks_whatever_the_marks_of_latencies(task: dict[str, Any]) -> None:
    in_pairs(task, every(task, 1.0, 0.9, 1.1) | {INT8: (3.5, 3.3, 3.7), TINY: (9.0, 8.0, 10.1)})
    for entry in task["deployments"].values():
        if entry["performance"]:
            entry["performance"]["single_stream"]["steady"] = False
    best, fastest, told = (found(task, rule) for rule in ("best-trade", "fastest-of-all", "not-ranked"))
    assert best is not None and best.deployments == (INT8,)
    assert "3.5x (3.3x\u20133.7x) as fast as the reference" in best.text
    assert fastest is not None and fastest.deployments == (TINY,)
    assert told is None


def test_pairs_that_scatter_rank_nothing_and_what_is_not_shown_to_be_faster_is_no_trade(task: dict[str, Any]) -> None:
    in_pairs(task, every(task, 1.0, 0.9, 1.1) | {INT8: (1.9, 0.35, 10.26), TINY: (1.6, 0.9, 2.6)})
    best, told = found(task, "best-trade"), found(task, "not-ranked")
    assert best is not None and best.text.startswith("Nothing here is at least 1.5x as fast")
    assert told is not None and told.deployments == (INT8,)


def test_an_interval_that_allows_for_the_choice_says_so(task: dict[str, Any]) -> None:
    in_pairs(task, every(task, 1.7, 1.6, 1.8) | {INT8: (3.5, 3.3, 3.7), TINY: (9.0, 8.0, 10.1)})
    best = found(task, "best-trade")
    assert best is not None and "interval corrected for the choice of one among 5" in best.text
    fastest = found(task, "fastest-of-all")
    assert fastest is not None and "corrected" not in fastest.text


def test_of_two_whose_intervals_overlap_none_is_the_faster(task: dict[str, Any]) -> None:
    in_pairs(task, every(task, 1.0, 0.9, 1.1) | {INT8: (3.5, 3.0, 4.1), TINY: (9.0, 6.0, 13.5)})
    fastest = found(task, "fastest-of-all")
    assert fastest is not None and fastest.deployments == (TINY,)
    in_pairs(task, {INT8: (3.5, 2.0, 6.1)})
    assert found(task, "fastest-of-all") is None
    in_pairs(task, {INT8: (1.2, 1.1, 1.3), TINY: (1.3, 1.2, 1.4)})
    finding = found(task, "best-trade")
    assert finding is not None and finding.deployments == (TINY,)
    assert "is at 1.3x (1.2x\u20131.4x); [3] bert-large/int8-dynamic may be as fast." in finding.text


def test_best_trade_says_when_nothing_is_fast_enough(task: dict[str, Any]) -> None:
    for entry in task["deployments"].values():
        entry["performance"] = deployment(QA, "bert-large", "onnx-fp32")["performance"]
    finding = found(task, "best-trade")
    assert finding is not None and finding.text.startswith("Nothing here is at least 1.5x as fast")


def test_best_trade_with_many_changes_is_called_another_model(task: dict[str, Any]) -> None:
    for name in [*task["deployments"]]:
        if name != TINY and name != REFERENCE:
            del task["deployments"][name]
    finding = found(task, "best-trade")
    assert finding is not None
    assert "the only one" in finding.text and "a model of its own" in finding.next_step


def test_a_faster_deployment_that_cannot_be_told_from_the_best_is_named(task: dict[str, Any]) -> None:
    pair(task, TINY, a=INT8)["further_p"] = 0.04  # one-sided .02, which is not below 5 % over three comparisons
    finding = found(task, "faster-equal")
    assert finding is not None and finding.deployments == (TINY, INT8)
    best = found(task, "best-trade")
    assert (
        best is not None and "it changes the fewest, but [4] bert-tiny" in best.text and "cannot be told" in best.text
    )
    pair(task, TINY, a=INT8)["further_p"] = 0.001
    assert found(task, "faster-equal") is None
    best = found(task, "best-trade")
    assert best is not None and "told from all of them" in best.text


def test_the_price_of_a_best_trade_stands_in_its_sentence(task: dict[str, Any]) -> None:
    verdicts_of(task)[INT8]["conclusion"] = "different"
    pair(task, INT8)["newly_wrong"] = 21
    finding = found(task, "best-trade")
    assert finding is not None and "21 of them newly wrong: more than the execution floor" in finding.text


def test_the_price_of_the_highest_speed_is_told(task: dict[str, Any]) -> None:
    pair(task, TINY_INT8)["disagreement"] = estimate(0.20, 0.03)
    finding = found(task, "fastest-of-all")
    assert finding is not None and finding.deployments == (TINY_INT8,)
    assert finding.text.startswith("Fastest: [6]") and "changes 20.0 %" in finding.text
    pair(task, TINY_INT8, a=INT8)["further_p"] = 0.2
    assert found(task, "fastest-of-all") is None  # it is a faster equal


def test_speed_alone_where_weights_are_random(task: dict[str, Any]) -> None:
    for entry in task["deployments"].values():
        entry["random"] = True
    assert found(task, "best-trade") is None
    assert found(task, "fastest") is not None
    assert found(task, "random-weights") is not None
    for rule in ("same-score-other-model", "errors-near-chance", "within-floor", "weak-reference"):
        assert found(task, rule) is None


def test_quantization_is_held_against_a_model_of_similar_speed(task: dict[str, Any]) -> None:
    assert found(task, "quantized-against-distilled") is None  # 3.7x and 447x are not comparable
    task["deployments"][TINY]["performance"]["single_stream"]["p50_ms"] = 150.0
    finding = found(task, "quantized-against-distilled")
    assert finding is not None and "quantization changes fewer predictions" in finding.text
    pair(task, TINY, a=INT8)["further_p"] = 0.2
    finding = found(task, "quantized-against-distilled")
    assert finding is not None and "not distinguishable" in finding.text
    pair(task, TINY, a=INT8).update(further=estimate(-0.02, 0.01), further_p=0.001)
    pair(task, TINY)["disagreement"] = estimate(0.01, 0.005)
    finding = found(task, "quantized-against-distilled")
    assert finding is not None and "the smaller model changes fewer" in finding.text


def test_quantization_is_held_against_a_model_of_similar_size(task: dict[str, Any]) -> None:
    rule = "quantized-against-distilled-by-size"
    assert found(task, rule) is None
    task["deployments"][TINY]["artifact"]["bytes"] = task["deployments"][INT8]["artifact"]["bytes"]
    finding = found(task, rule)
    assert finding is not None and "At about the same size, quantization changes fewer" in finding.text


def test_same_score_but_another_model(task: dict[str, Any]) -> None:
    assert found(task, "same-score-other-model") is None
    task["deployments"][TINY]["quality"]["exact"] = task["deployments"][REFERENCE]["quality"]["exact"] + 0.004
    finding = found(task, "same-score-other-model")
    assert finding is not None and finding.deployments == (TINY,)
    assert "+0.4 points" in finding.text and "newly wrong" in finding.text


def verdicts_of(task: dict[str, Any]) -> dict[str, Any]:
    return task["characteristics"]["prediction_errors"]["strata"]["all"]["verdicts"]["disagreement"]


def test_within_the_floor(task: dict[str, Any]) -> None:
    verdicts = verdicts_of(task)
    for verdict in verdicts.values():
        verdict["conclusion"] = "different"
    assert found(task, "within-floor") is None and found(task, "cannot-tell") is None
    verdicts[FP16]["conclusion"] = "same"
    finding = found(task, "within-floor")
    assert finding is not None and finding.deployments == (FP16,)
    assert "no more predictions than noise does, within 1 point:" in finding.text


def test_more_newly_wrong_than_noise_is_a_finding_of_its_own(task: dict[str, Any]) -> None:
    verdicts = task["characteristics"]["prediction_errors"]["strata"]["all"]["verdicts"]["newly_wrong"]
    for verdict in verdicts.values():
        verdict["conclusion"] = "same"
    assert found(task, "newly-wrong") is None
    verdicts[INT8]["conclusion"] = "different"
    pair(task, INT8).update(newly_wrong=285, newly_right=15)
    finding = found(task, "newly-wrong")
    assert finding is not None and finding.deployments == (INT8,)
    assert "285 newly wrong, against 15 newly right" in finding.text


def test_what_trainings_cannot_tell(task: dict[str, Any]) -> None:
    told = {"conclusion": "cannot tell", "floor_kind": "seed", "trainings": 2, "trainings_needed": 3}
    verdicts_of(task)[TINY] |= told | {"examples_needed": None}
    finding = found(task, "cannot-tell-trainings")
    assert finding is not None and finding.deployments == (TINY,)
    assert "2 trainings of the reference cannot tell" in finding.text and "3 trainings" in finding.next_step


def test_what_the_examples_cannot_tell(task: dict[str, Any]) -> None:
    verdicts_of(task)[FP16] |= {"conclusion": "cannot tell", "examples_needed": 7400}
    finding = found(task, "cannot-tell")
    assert finding is not None and FP16 in finding.deployments
    assert "About 7,400 examples" in finding.next_step


def test_errors_near_chance(task: dict[str, Any]) -> None:
    assert found(task, "errors-near-chance") is None
    pair(task, TINY)["tetrachoric"] = estimate(0.04, 0.05)
    finding = found(task, "errors-near-chance")
    assert finding is not None and finding.deployments == (TINY,)


def test_always_saying_no_answer(task: dict[str, Any]) -> None:
    assert found(task, "says-no-answer") is None
    task["deployments"][TINY]["quality"] |= {"exact_answerable": 0.02, "exact_unanswerable": 0.98}
    finding = found(task, "says-no-answer")
    assert finding is not None and "2.0 % of the answerable and 98.0 %" in finding.text


def test_alike_on_unanswerable_questions_only(task: dict[str, Any]) -> None:
    pair(task, TINY)["tetrachoric"] = estimate(0.5, 0.05)
    pair(task, TINY, stratum="answerable")["tetrachoric"] = estimate(0.03, 0.05)
    finding = found(task, "alike-on-unanswerable-only")
    assert finding is not None and TINY in finding.deployments
    pair(task, TINY)["tetrachoric"] = estimate(0.2, 0.05)
    finding = found(task, "alike-on-unanswerable-only")
    assert finding is None or TINY not in finding.deployments


def test_attack_success_that_differs() -> None:
    task = task_of(synthetic.small(TEXT))
    finding = found(task, "more-vulnerable", TEXT)
    assert finding is not None and TINY in finding.deployments
    attack = task["characteristics"]["adversarial_attack"]
    for change in attack["success_changes"].values():
        change["conclusion"] = "cannot tell"
    assert found(task, "more-vulnerable", TEXT) is None
    attack["success_changes"][TINY]["conclusion"] = "different"
    attack["deployments"][TINY]["success_rate"] = estimate(0.4, 0.05)
    for one in attack["pairs"]:
        if (one["a"], one["b"]) == (task["reference"], TINY):
            one["changes"]["success_rate"] = estimate(-0.2, 0.05)
    finding = found(task, "less-vulnerable", TEXT)
    assert finding is not None and finding.deployments == (TINY,)


def test_a_tight_budget_is_no_robustness() -> None:
    task = task_of(synthetic.small(TEXT))
    assert found(task, "tight-budget", TEXT) is None
    task["characteristics"]["adversarial_attack"]["deployments"][INT8]["out_of_budget"] = estimate(0.3, 0.1)
    finding = found(task, "tight-budget", TEXT)
    assert finding is not None and finding.deployments == (INT8,)
    assert "30.0 % (95 %: 20.0\u201340.0)" in finding.text


@pytest.mark.parametrize(
    ("success", "any_attack", "rule"),
    [
        ((-0.01, 0.05), (-0.2, 0.05), "int8-no-sturdier"),
        ((-0.2, 0.05), (-0.02, 0.05), "int8-harder-to-search"),
        ((-0.2, 0.05), (-0.15, 0.05), "int8-sturdier"),
    ],
)
def test_int8_sturdier_or_only_harder_to_search(success: Any, any_attack: Any, rule: str) -> None:
    task = task_of(synthetic.small(TEXT))
    attack = task["characteristics"]["adversarial_attack"]
    fp32 = task["reference"]
    for one in attack["pairs"]:
        if (one["a"], one["b"]) == (fp32, INT8):
            one["changes"] |= {"success_rate": estimate(*success), "any_success": estimate(*any_attack)}
    finding = found(task, rule, TEXT)
    assert finding is not None and INT8 in finding.deployments
    told = f"({100 * success[0]:+.1f} points, {100 * (success[0] - success[1]):.1f} to {100 * sum(success):.1f})"
    assert told.replace("+", "") in finding.text
    assert "texts crafted on the FP32 fool it in" in finding.text and "random swaps of as many queries" in finding.text

    # Without replay and random swaps nothing tells a robust deployment from one that is hard to search.
    for one in attack["pairs"]:
        one["changes"]["any_success"] = {"value": None, "low": None, "high": None}
    assert found(task, rule, TEXT) is None


def test_formats_without_speed(task: dict[str, Any]) -> None:
    finding = found(task, "no-speed-up")
    assert finding is not None and "onnx-fp16 on onnxruntime-cpu to 2 of 2 models" in finding.text
    assert finding.next_step.startswith("Keep FP32")


def test_slow_dynamic_int8_is_to_be_tried_without_the_fusion_of_norms(task: dict[str, Any]) -> None:
    entry = task["deployments"][INT8]
    entry["performance"] = task["deployments"][REFERENCE]["performance"]
    for fused in (True, False):
        entry["runtime"] |= {"options": {"skip_layer_norm_fusion": fused}}
        finding = found(task, "no-speed-up")
        assert finding is not None and INT8 in finding.deployments
        assert finding.next_step.startswith("Try dynamic INT8 with backend_options.onnxruntime-cpu.") is fused


def test_parity(task: dict[str, Any]) -> None:
    assert found(task, "poor-parity") is None
    for name in (INT8, FP16):
        task["deployments"][name]["verification"]["parity"]["decision_agreement"] = 0.6
    task["deployments"][FP16]["verification"]["against"] = "itself"
    finding = found(task, "poor-parity")
    assert finding is not None and finding.deployments == (INT8,)


def test_a_checkpoint_that_padding_moves_itself(task: dict[str, Any]) -> None:
    verification = task["deployments"][FP16]["verification"]
    verification["tolerance"] = asdict(Tolerance("float32", parity=0.01, moved=0.01, why=""))
    verification["parity"]["outputs"] = {"logits": {"largest": 0, "mean": 0, "root_mean_square": 0, "spread": 2}}
    verification["determinism"]["checkpoint_more_padding"] = 0.01
    assert found(task, "moved-by-padding") is None
    verification["determinism"]["checkpoint_more_padding"] = 0.03
    finding = found(task, "moved-by-padding")
    assert finding is not None and finding.deployments == (FP16,) and "itself, outputs by up to 0.03" in finding.text


def test_static_int8_that_is_not_int8_everywhere(task: dict[str, Any]) -> None:
    task["deployments"][INT8]["artifact"]["sensitivity"] = filled(SensitivitySummary, together=0.01)
    assert found(task, "left-in-float") is None
    left = [f"bert/encoder/layer.{layer}/output/dense" for layer in range(5)]
    task["deployments"][INT8]["artifact"]["sensitivity"]["left_float"] = left
    finding = found(task, "left-in-float")
    assert finding is not None and finding.deployments == (INT8,)
    assert f"{', '.join(left[:3])} and 2 more." in finding.text


def test_fp8_that_was_computed_in_another_type(task: dict[str, Any]) -> None:
    entry = task["deployments"][FP16]
    entry["format"] = "onnx-fp8"
    entry["verification"]["matmuls"] = {"fp8": 24, "fp16": 9}
    assert found(task, "emulated") is None
    slow = found(task, "no-speed-up")
    assert slow is not None and FP16 in slow.deployments
    entry["verification"]["matmuls"] = {"fp32": 33}
    finding = found(task, "emulated")
    assert finding is not None and finding.deployments == (FP16,)
    assert "rounded to, and multiplied in fp32" in finding.text
    slow = found(task, "no-speed-up")
    assert slow is None or FP16 not in slow.deployments


def stages(**milliseconds: float) -> dict[str, Any]:
    return {"request": milliseconds, "batch": milliseconds, "device": None}


def test_what_limits_each_deployment(task: dict[str, Any]) -> None:
    assert found(task, "limits") is None
    entries = task["deployments"]
    for entry in entries.values():
        if entry["performance"] is not None:
            entry["performance"]["latency_breakdown"] = stages(tokenise=1, batch=1, compute=97, decode=1)
    finding = found(task, "limits")
    assert finding is not None and "Compute limits every deployment (97 % of a request)" in finding.text
    entries[TINY]["performance"]["latency_breakdown"] = stages(tokenise=6, batch=1, compute=2, decode=1)
    finding = found(task, "limits")
    assert finding is not None and "tokenisation limits [4] bert-tiny/fp32 (60 % of a request)" in finding.text
    entries[FP16]["performance"]["latency_breakdown"]["device"] = {
        "host_to_device": 4,
        "compute": 5,
        "device_to_host": 2,
    }
    finding = found(task, "limits")
    assert finding is not None and "copies to the device take more time than it computes in [2]" in finding.text


def warning(kind: str, text: str, next_step: str) -> dict[str, str]:
    return {"kind": kind, "text": text, "next_step": next_step}


FEW_LATENCIES = warning("few latencies", "p99 of 64 latencies is their maximum", "raise min_count to 662")


def test_a_machine_that_was_not_quiet_is_told_with_a_next_step(task: dict[str, Any]) -> None:
    assert found(task, "disturbed") is None
    busy = warning("other processes", "busy: other processes took 30% of the cores", "close them, or pin to idle cores")
    task["deployments"][INT8]["performance"]["warnings"] = [FEW_LATENCIES, busy]
    finding = found(task, "disturbed")
    assert finding is not None and finding.deployments == (INT8,)
    assert "other processes took 30% of the cores." in finding.text
    assert finding.next_step == "Close them, or pin to idle cores."


def test_unstable_timing_but_not_other_warnings(task: dict[str, Any]) -> None:
    performance = task["deployments"][INT8]["performance"]
    performance["warnings"] = [FEW_LATENCIES]
    assert found(task, "unstable-timing") is None
    performance["offline"]["steady"] = False
    performance["warnings"] = [FEW_LATENCIES, warning("trend", "unsteady: latency fell", "raise min_seconds")]
    finding = found(task, "unstable-timing")
    assert finding is not None and "unsteady: latency fell" in finding.text


def test_what_else_the_measurements_warn_of_is_told_once_by_kind(task: dict[str, Any]) -> None:
    assert found(task, "other-warnings") is None
    performance = {name: task["deployments"][name]["performance"] for name in (INT8, FP16, TINY)}
    performance[INT8]["warnings"] = [
        warning("other processes", "busy: other processes took 20% of the cores", "close them")
    ]
    assert found(task, "other-warnings") is None
    sent_late = "server: requests came later than they should have, no core was left to send them"

    def tail(changed: str) -> dict[str, str]:
        text = f"p99 of the later half was {changed} than of the earlier"
        return warning("drift of the tail", text, "raise min_count, or quieten the machine")

    performance[INT8]["warnings"] += [tail("23% slower"), warning("late requests", sent_late, "lower threads")]
    performance[FP16]["warnings"] = [tail("31% faster")]
    rose = warning("trend", "unsteady: latency rose during the measurement", "raise min_warmup_seconds")
    performance[TINY]["warnings"] = [rose]
    finding = found(task, "other-warnings")
    assert finding is not None and finding.kind == "warning"
    assert set(finding.deployments) == {INT8, FP16, TINY}
    assert finding.text.count("p99 of the later half") == 1 and "busy" not in finding.text
    assert "no core was left to send them ([" in finding.text and "latency rose" in finding.text
    assert "raise min_count" in finding.next_step.lower() and "raise min_warmup_seconds" in finding.next_step
    # a timing that is told to be unstable is not told twice
    performance[TINY]["single_stream"]["steady"] = False
    finding = found(task, "other-warnings")
    assert finding is not None and TINY not in finding.deployments


def test_nodes_left_to_the_cpu(task: dict[str, Any]) -> None:
    assert found(task, "nodes-left-to-cpu") is None
    task["deployments"][INT8]["runtime"]["left_to_cpu"] = {"MatMulInteger": 73, "Gather": 2}
    finding = found(task, "nodes-left-to-cpu")
    assert finding is not None and "up to 75" in finding.text


def test_failures_and_a_missing_reference(task: dict[str, Any]) -> None:
    assert found(task, "failed") is None
    task["deployments"][INT8] |= {"status": "failed", "reason": "killed", "quality": None}
    finding = found(task, "failed")
    assert finding is not None and finding.kind == "failure" and "1 of 7" in finding.text and "killed" in finding.text
    assert found(task, "no-reference") is None
    task["reference"] = "gone"
    assert found(task, "no-reference") is not None


def test_a_reference_that_is_no_better_than_a_constant(task: dict[str, Any]) -> None:
    assert found(task, "weak-reference") is None
    task["deployments"][REFERENCE]["quality"]["exact"] = 0.5
    finding = found(task, "weak-reference")
    assert finding is not None and "49.9 %" in finding.text
    assert "answerable questions" in finding.text


def test_a_classifier_that_is_no_better_than_a_constant(task: dict[str, Any]) -> None:
    data = task["data"]["evaluation"]
    data |= {"answerable": None, "commonest_label": 0.55}
    task["deployments"][REFERENCE]["quality"] = filled(Quality, accuracy=0.58)
    assert found(task, "weak-reference") is None
    task["deployments"][REFERENCE]["quality"] = filled(Quality, accuracy=0.55)
    finding = found(task, "weak-reference")
    assert finding is not None and "the commonest label would be right on 55.0 %" in finding.text


def test_wide_intervals_ask_for_examples(task: dict[str, Any]) -> None:
    assert found(task, "more-examples") is None
    for entry in task["characteristics"]["prediction_errors"]["strata"]["all"]["pairs"]:
        entry["jaccard"] = estimate(0.5, 0.2)
    finding = found(task, "more-examples")
    # twice the width that is wanted: four times the 1,218 examples
    assert finding is not None and "About 4,900 examples" in finding.next_step


def test_few_errors(task: dict[str, Any]) -> None:
    task["characteristics"]["prediction_errors"]["strata"]["all"]["errors"][REFERENCE]["count"] = 3
    finding = found(task, "few-errors")
    assert finding is not None and "only 3 errors on 1,218 examples" in finding.text


def test_no_examples() -> None:
    assert found(task_of(synthetic.without_examples()), "no-examples") is not None


def test_weak_detector_and_length(task: dict[str, Any]) -> None:
    distribution = task["characteristics"]["data_distribution"]
    assert found(task, "weak-detector") is None and found(task, "length-confound") is None
    distribution["detectors"][TINY]["auroc"] = estimate(0.52, 0.03)
    distribution["length_only_auroc"] = 0.97
    finding = found(task, "weak-detector")
    assert finding is not None and finding.deployments == (TINY,)
    assert found(task, "length-confound") is not None


def test_missing_floors(task: dict[str, Any]) -> None:
    assert found(task, "no-seed-floor") is not None  # the models are trained, and differ
    assert found(task, "no-execution-floor") is None
    task["family"] = "pretrained"
    assert found(task, "no-seed-floor") is not None  # somebody trained them, once
    task["family"] = "demonstration"
    assert found(task, "no-seed-floor") is None
    del task["deployments"][RERUN]
    assert found(task, "no-execution-floor") is not None


def test_a_reference_that_differs_from_itself(task: dict[str, Any]) -> None:
    pair(task, RERUN)["disagreement"] = estimate(0.03, 0.01)
    assert found(task, "noisy-reference") is not None


def test_a_format_that_does_not_repeat_itself(task: dict[str, Any]) -> None:
    assert found(task, "answers-vary") is None
    again = f"{INT8}#rerun"
    runs = {
        **task["deployments"],
        again: deployment(
            QA, "bert-large", "onnx-int8-dynamic", replicate_of=INT8, replicate_kind="execution", performance=None
        ),
    }
    noisy = synthetic.task_results(QA, runs, REFERENCE)
    pair(noisy, again, a=INT8)["disagreement"] = estimate(0.017, 0.01)
    finding = found(noisy, "answers-vary")
    assert finding is not None and finding.deployments == (INT8,)
    assert "does not repeat itself" in finding.text and "changes 1.7 %" in finding.text
    pair(noisy, again, a=INT8)["disagreement"] = estimate(0.005, 0.004)
    assert found(noisy, "answers-vary") is None


def test_order_failures_first_advice_last() -> None:
    kinds = [finding.kind for finding in findings_on(view_of(QA, task_of(synthetic.whole())))]
    order = ["failure", "result", "warning", "advice"]
    assert kinds == sorted(kinds, key=order.index)


def test_nothing_to_say_of_nothing() -> None:
    task = task_of(synthetic.minimal()) | {"deployments": {}}
    assert [f.rule for f in findings_on(view_of(QA, task))] == ["no-reference"]


@pytest.mark.parametrize(
    ("change", "alike"),
    [
        (Estimate(0.002, -0.012, 0.016), True),  # nobody knows that there is one
        (Estimate(0.005, 0.002, 0.008), True),  # there is one, within the margin
        (Estimate(0.008, 0.002, 0.014), False),  # there is one, and it may be larger
        (Estimate(0.012, -0.004, 0.028), False),
        (Estimate(None, None, None), False),
    ],
)
def test_a_score_is_like_the_references_by_its_interval(task: dict[str, Any], change: Estimate, alike: bool) -> None:
    view = view_of(QA, task)
    least = {d.name: estimate(0.9, 0.01) for d in view.candidates} | {TINY: estimate(0.4, 0.05)}
    apart = {TINY: synthetic.verdict(estimate(0.6, 0.05), estimate(0.0, 0.0))}
    assert apart[TINY].conclusion == "different"
    told = same_score(view, least, apart, {d.name: change for d in view.candidates}, 0.01)
    assert (told is not None) == alike
    if told is not None:
        members, worst, shared = told
        assert [d.name for d in members] == [worst.name] == [TINY] and shared == 0.4


@pytest.mark.parametrize(("f1", "told"), [(0.0328, True), (0.4, False)])
def test_a_tagger_that_finds_next_to_nothing_is_cautioned_of(task: dict[str, Any], f1: float, told: bool) -> None:
    figure = {"value": f1, "low": None, "high": None}
    nothing = {"missed": 0, "spurious": 0, "wrong_boundary": 0, "wrong_type": 0}
    quality = {**dict.fromkeys(("precision", "recall", "f1", "f1_change"), figure), "errors": nothing}
    entities = {"sentences": 200, "entities": 174, "changes": {}, "verdicts": {}, "errors": None}
    task["characteristics"]["entities"] = {**entities, "quality": {REFERENCE: quality}}
    finding = found(task, "weak-reference")
    assert (finding is not None) == told
    assert finding is None or finding.text.startswith("The reference finds 3.3 % of the entities (F1 0.033): ")
