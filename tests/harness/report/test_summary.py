"""The one screen: golden outputs, what it recommends, and what it leaves out where it has no room."""

from __future__ import annotations

import io
from dataclasses import asdict
from typing import Any

import pytest
from pytest_regressions.file_regression import FileRegressionFixture
from rich.console import Console

from benchmarks.statistics.equivalence import Conclusion, PairedShares
from harness.report.summary.cautions import cautions
from harness.report.summary.recommendation import recommendation
from harness.report.summary.screen import CAUTION_LINES, CAUTIONS, LINES, print_screen
from harness.report.summary.standings import Sort, standings
from harness.report.view import tasks_of
from harness.results.gate_outcome import GateOutcome, RuleOutcome
from tests.harness.report import synthetic_results as synthetic
from tests.harness.report.synthetic_results import QA, TEXT, Json, run_of, view_of

FP16, TINY = "bert-large/onnx-fp16@onnxruntime-cpu", "bert-tiny/onnx-fp32@onnxruntime-cpu"
SHORT = {FP16: "bert-large/fp16", TINY: "bert-tiny/fp32"}


def screen(
    tree: Json, *, width: int = 100, sort: Sort = "verdict", gate: GateOutcome | None = None, **console: Any
) -> str:
    stream = io.StringIO()
    print_screen(Console(file=stream, width=width, **console), run_of(tree), gate=gate, sort=sort)
    return stream.getvalue()


def concluded(tree: Json, task: str, name: str, conclusion: Conclusion, **changes: Any) -> Json:
    """The tree, with this verdict of a deployment's predictions and score."""
    errors = tree["tasks"][task]["characteristics"]["prediction_errors"]["strata"]["all"]
    errors["verdicts"]["disagreement"][name] |= {"conclusion": conclusion, **changes}
    errors["scores"][name] = {
        "conclusion": "same",
        "change": {"value": 0.0, "low": -0.004, "high": 0.004},
        "p_different": 0.9,
        "p_same": 0.01,
        "margin": 0.01,
        "examples_needed": None,
        "evidence": asdict(PairedShares(0.0, 0.0, 1218.0)),
    }
    return tree


@pytest.mark.parametrize("width", [80, 100, 200])
@pytest.mark.parametrize("name", ["whole", "small", "all_failed", "hostile"])
def test_golden_screens(name: str, width: int, file_regression: FileRegressionFixture) -> None:
    file_regression.check(screen(synthetic.EVERY[name](), width=width), basename=f"{name}-{width}", encoding="utf-8")


CHANGED = "changed at most floor + 1 %"
OUTCOMES = (
    RuleOutcome(QA, FP16, SHORT[FP16], CHANGED, "pass", "is 0.0 %", "fail"),
    RuleOutcome(
        QA,
        TINY,
        SHORT[TINY],
        CHANGED,
        "fail",
        "is 43.3 %, 38.0 points (corrected: 14.2 to 41.0) above its floor",
        "fail",
    ),
    RuleOutcome(
        QA, FP16, SHORT[FP16], "score at least 95 %", "cannot tell", "is 94.9 %: 1,218 examples cannot tell", "fail"
    ),
    RuleOutcome(QA, FP16, SHORT[FP16], "p99 at most 5 ms", "cannot tell", "rests on 1 process, and needs 6", "warn"),
    *(
        RuleOutcome(
            TEXT, TINY, SHORT[TINY], f"{figure} at most 5 %", "fail", "is 46.3 % (corrected: 42.1 to 50.5)", "fail"
        )
        for figure in ("changed", "newly-wrong", "attack-success")
    ),
)


@pytest.mark.parametrize("width", [80, 100])
def test_golden_gates(width: int, file_regression: FileRegressionFixture) -> None:
    text = screen(synthetic.small(), width=width, gate=GateOutcome.of(OUTCOMES))
    file_regression.check(text, basename=f"gate-{width}", encoding="utf-8")


def test_a_gate_leaves_the_screen_its_lines() -> None:
    lines = screen(synthetic.whole(), gate=GateOutcome.of(OUTCOMES)).splitlines()
    assert len(lines) <= LINES
    (place,) = [i for i, line in enumerate(lines) if line.startswith("gate failed: of 7 limits 4 failed")]
    told = [line for line in lines[:place] if not line.startswith("  ")]
    assert told[-1].startswith("x ")  # a failure stands nearest to what is read first


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_golden_colours(theme: str, file_regression: FileRegressionFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLORFGBG", "15;0" if theme == "dark" else "0;15")
    text = screen(synthetic.whole(), force_terminal=True, color_system="standard")
    assert not any(f"\x1b[{code}m" in text for code in (*range(37, 38), *range(40, 48), *range(97, 108)))
    file_regression.check(text, basename="whole-colours", encoding="utf-8")  # the sixteen colours are the theme's own


@pytest.mark.parametrize("name", synthetic.EVERY)
@pytest.mark.parametrize("width", [60, 80, 100, 140, 200])
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    lines = screen(synthetic.EVERY[name](), width=width).splitlines()
    assert max(map(len, lines)) <= width
    assert not any(line != line.rstrip() for line in lines)


@pytest.mark.parametrize("name", synthetic.EVERY)
def test_up_to_two_tasks_fit_on_one_screen(name: str) -> None:
    tree = synthetic.EVERY[name]()
    assert len(tree["tasks"]) > 2 or screen(tree).count("\n") <= LINES


def test_of_many_tasks_each_has_its_recommendation() -> None:
    tree = synthetic.envelope({f"{QA}-{i}": synthetic.whole_task(QA) for i in range(5)})
    text = screen(tree)
    assert all(f"\n{QA}-{i}: " in text for i in range(5))
    assert f"--task {QA}-0" in text and "newly" not in text


def test_colour_means_nothing_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert screen(synthetic.whole(), force_terminal=False) == screen(synthetic.whole())
    assert "\x1b[3" not in screen(synthetic.whole(), force_terminal=True)


def test_a_stream_that_knows_ascii_alone() -> None:
    buffer = io.BytesIO()
    stream = io.TextIOWrapper(buffer, encoding="ascii")
    print_screen(Console(file=stream, width=100), run_of(synthetic.whole()))
    stream.flush()
    assert "42.0 40.0-44.0" in buffer.getvalue().decode("ascii")


# --- the recommendation ----------------------------------------------------------------------------


def test_what_is_the_same_in_predictions_and_score_is_recommended_with_its_price() -> None:
    tree = concluded(concluded(synthetic.whole(), QA, FP16, "same"), QA, TINY, "same")
    first, second, *_ = recommendation(tasks_of(run_of(tree))[0])
    assert first.startswith("Ship bert-tiny/fp32 (447x as fast, 0.01x the size): changes 38.7 %")
    assert first.endswith("the fastest and the smallest of the 2 that are the same.")
    assert "representation" in first  # what differs stands in the same sentence
    assert second.startswith("Or bert-large/fp16") and "the most faithful" in second


def test_another_score_is_no_recommendation() -> None:
    tree = concluded(synthetic.whole(), QA, FP16, "same")
    errors = tree["tasks"][QA]["characteristics"]["prediction_errors"]["strata"]["all"]
    errors["scores"][FP16]["conclusion"] = "cannot tell"
    (told,) = recommendation(tasks_of(run_of(tree))[0])
    assert told.startswith("Ship none yet: the nearest has a score that cannot be told from another")


def test_what_the_table_calls_the_same_and_is_not_recommended_is_named_with_its_reason() -> None:
    tree = concluded(concluded(synthetic.whole(), QA, FP16, "same"), QA, TINY, "same")
    score = tree["tasks"][QA]["characteristics"]["prediction_errors"]["strata"]["all"]["scores"][TINY]
    score.update(conclusion="cannot tell", examples_needed=2300)
    first, *_, last = recommendation(tasks_of(run_of(tree))[0])
    assert first.startswith("Ship bert-large/fp16") and first.endswith("that is the same in predictions and score.")
    assert last.startswith("1 more is the same in predictions, not in score: that of bert-tiny/fp32 (")
    assert last.endswith("cannot be told from another; about 2,300 questions would tell.")


def test_a_marked_timing_is_never_the_fastest() -> None:
    tree = concluded(concluded(synthetic.whole(), QA, FP16, "same"), QA, TINY, "same")
    tree["tasks"][QA]["deployments"][TINY]["performance"]["single_stream"]["steady"] = False
    told = " ".join(recommendation(tasks_of(run_of(tree))[0]))
    assert "fastest" not in told and "!447x as fast" in told
    text = screen(tree)
    assert "!447x" in text and "Speeds marked ! are not ranked" in text


@pytest.mark.parametrize(
    ("needed", "told"),
    [
        ({"examples_needed": 1300}, "About 1,300 questions would tell."),
        ({"trainings_needed": 8, "trainings": 3}, "8 trainings of the reference would tell (there are 3)"),
    ],
)
def test_cannot_tell_says_what_would(needed: dict[str, int], told: str) -> None:
    tree = concluded(synthetic.whole(), QA, FP16, "cannot tell", **needed)
    (sentence,) = recommendation(tasks_of(run_of(tree))[0])
    assert sentence.startswith("Ship none yet: nothing is shown to be the same. Nearest is bert-large/fp16")
    assert told in sentence


def test_the_least_changed_is_named_though_it_is_told_apart_and_others_are_not() -> None:
    tree = concluded(concluded(synthetic.whole(), QA, FP16, "different"), QA, TINY, "cannot tell", examples_needed=1300)
    (told,) = recommendation(tasks_of(run_of(tree))[0])
    assert told.startswith("Ship none as the reference's equal: nothing is shown to be the same. The least changed is")
    assert "bert-large/fp16" in told and "1,300" not in told


def test_what_is_needed_for_the_score_alone_tells_nothing_of_predictions() -> None:
    tree = concluded(synthetic.whole(), QA, FP16, "cannot tell", examples_needed=None, trainings_needed=None)
    score = tree["tasks"][QA]["characteristics"]["prediction_errors"]["strata"]["all"]["scores"][FP16]
    score.update(conclusion="cannot tell", examples_needed=23000)
    (told,) = recommendation(tasks_of(run_of(tree))[0])
    assert told.endswith("About 23,000 questions would tell of the score.")


def test_what_is_different_is_never_offered_without_its_price() -> None:
    (told,) = recommendation(tasks_of(run_of(synthetic.whole()))[0])
    assert "every one is different" in told and "changes 1.0 % (95 %: 0.5\u20131.6)" in told


def test_random_weights_are_ranked_by_speed_alone() -> None:
    task = synthetic.small(TEXT)["tasks"][TEXT]
    for one in task["deployments"].values():
        one["random"] = True
    (told,) = recommendation(view_of(TEXT, task))
    assert told.startswith("Random weights: only speed and memory count. The fastest is bert-tiny/int8-dynamic")


# --- the order, and what is folded -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sort", "first"),
    [
        ("verdict", "bert-large/fp16"),
        ("speed", "bert-tiny/int8-dynamic"),
        ("size", "bert-tiny/int8-dynamic"),
        ("changed", "bert-large/fp16"),
        ("name", "bert-base/fp16"),
    ],
)
def test_orders(sort: Sort, first: str) -> None:
    tree = concluded(synthetic.whole(), QA, FP16, "same")
    assert standings(tasks_of(run_of(tree))[0], sort)[0].deployment.short == first


@pytest.mark.parametrize(("sort", "heading"), [("speed", "speed-"), ("size", "size"), ("changed", "changed")])
def test_who_sorts_sees_every_row_and_what_it_is_sorted_by(sort: Sort, heading: str) -> None:
    tree = synthetic.whole()
    text = screen(tree, sort=sort, width=80).partition("text-classification against")[0]
    assert heading in text and " more different:" not in text
    assert sum(line.startswith(("different ", "failed ")) for line in text.splitlines()) == len(
        standings(tasks_of(run_of(tree))[0])
    )
    assert " more different:" in screen(tree, width=80)


def test_what_is_recommended_is_never_folded() -> None:
    tree = concluded(synthetic.whole(), QA, FP16, "same")
    for sort in ("verdict", "speed", "size"):
        rows = [line.split()[:2] for line in screen(tree, sort=sort).splitlines()]
        assert ["same", "bert-large/fp16"] in rows


def test_cautions_are_few_and_short_on_the_screen() -> None:
    tree = synthetic.whole()
    text = screen(tree)
    assert 0 < text.count("  caution  ") <= CAUTIONS
    assert len(text.partition("\n\n")[0].splitlines()) <= 3 + CAUTIONS * max(CAUTION_LINES)
    assert len(cautions(tasks_of(run_of(tree)))) >= text.count("  caution  ")


@pytest.mark.parametrize("name", ["whole", "small", "all_failed", "hostile"])
@pytest.mark.parametrize("width", [80, 100])
def test_no_caution_is_cut_where_there_is_room(name: str, width: int) -> None:
    tree = synthetic.EVERY[name]()
    head = " ".join(screen(tree, width=width).partition("\n\n")[0].split())
    assert all(" ".join(one.text.split()) in head for one in cautions(tasks_of(run_of(tree)))[:CAUTIONS])


def test_failures_come_before_other_cautions() -> None:
    tree = synthetic.whole()
    tree["tasks"][TEXT]["notes"] = []
    told = [one.text for one in cautions(tasks_of(run_of(tree)))]
    assert "failed" in told[0]


def test_outputs_from_elsewhere_tell_how_far_their_probabilities_are() -> None:
    external = screen(synthetic.small(TEXT, family="external"), width=120)
    assert " JS" in external and "0.0770" in next(line for line in external.splitlines() if "bert-tiny/fp32" in line)
    assert " JS" not in screen(synthetic.small(TEXT), width=200)
