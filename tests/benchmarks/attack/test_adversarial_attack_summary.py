from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from benchmarks.characteristics.adversarial_attack import (
    AttackResult,
    TransferResult,
    attack,
    replay,
    summarise,
)
from benchmarks.errors import BenchmarkError


def result(id_: str, status: str, *, words_changed: int = 1) -> AttackResult:
    fell = status == "succeeded"
    adversarial = "a bad  film" if fell else "a good  film"
    return AttackResult(
        id=id_,
        status=status,  # type: ignore[arg-type]
        original="a good  film",
        adversarial=adversarial,
        label=1,
        prediction_before=0 if status == "skipped" else 1,
        prediction_after=1 if status == "failed" else 0,
        words=4,
        words_changed=words_changed if fell else 0,
        queries=1 if status == "skipped" else 10,
        similarity=0.9 if fell else None,
    )


def results(statuses: str) -> list[AttackResult]:
    names = {"s": "succeeded", "f": "failed", "-": "skipped"}
    return [result(str(index), names[letter]) for index, letter in enumerate(statuses)]


def summary(given, transfer=None):
    return summarise(given, transfer or {}, reference="large", resamples=200, seed=0)


def test_figures_of_one_deployment():
    figures = summary({"large": results("ssf-sf-s")}).deployments["large"]
    assert figures.accuracy_before.value == 6 / 8
    assert figures.accuracy_after.value == 2 / 8
    assert figures.success_rate.value == pytest.approx(4 / 6)
    assert figures.words_changed.value == 0.25
    assert figures.queries.value == 10
    assert figures.similarity.value == pytest.approx(0.9)
    low, value, high = figures.success_rate.low, figures.success_rate.value, figures.success_rate.high
    assert low is not None and value is not None and high is not None
    assert 0 <= low < value < high <= 1


def test_pairs_count_only_texts_that_both_had_right():
    small, large = results("ss-fsf"), results("sf-sss")
    [pair] = summary({"small": small, "large": large}).pairs
    assert (pair.a, pair.b, pair.n) == ("large", "small", 5)
    # large fell at 0, 3, 4, 5; small at 0, 1, 4.
    assert pair.jaccard.value == pytest.approx(2 / 5)
    both = 4 * 3 / 5
    assert pair.expected_jaccard == pytest.approx(both / (4 + 3 - both))
    assert pair.kappa.value == pytest.approx((2 / 5 - (12 + 2) / 25) / (1 - (12 + 2) / 25))

    [pair] = summary({"large": results("s--"), "small": results("-ff")}).pairs
    assert (pair.n, pair.jaccard.value, pair.expected_jaccard, pair.kappa.value) == (0, None, None, None)


def test_order_of_texts_does_not_matter():
    one, other = results("ssf-"), results("sf-s")
    assert summary({"large": one, "small": other}) == summary({"large": one, "small": other[::-1]})


def test_transfer_counts_texts_that_a_deployment_had_right():
    crafted = {
        "large": [TransferResult(str(i), 1, 1, 0) for i in range(3)],
        "small": [
            TransferResult("0", 1, 1, 0),
            TransferResult("1", 1, 1, 1),
            TransferResult("2", 1, 0, 0),
        ],
        "never right": [TransferResult(str(i), 1, 0, 0) for i in range(3)],
    }
    transfer = summary({"large": results("sssf")}, crafted).transfer
    assert (transfer.crafted_on, transfer.n) == ("large", 3)
    assert {name: rate.value for name, rate in transfer.rates.items()} == {
        "large": 1.0,
        "small": 0.5,
        "never right": None,
    }


def test_examples_mark_the_words_that_differ():
    shown = summary({"small": results("sf"), "large": results("ss")}).examples
    # One a deployment in turn, the reference first, no text twice.
    assert [(example.deployment, example.id) for example in shown] == [("large", "0"), ("large", "1")]
    assert shown[0].changed == [1]


def test_no_success_at_all_is_a_result():
    found = summary({"large": results("f--"), "small": results("---")})
    assert found.deployments["small"].success_rate.value is None
    assert found.deployments["large"].success_rate.value == 0
    assert found.examples == []
    assert found.transfer.rates == {}


def test_it_is_json_and_the_same_for_a_seed():
    given = {"large": results("ssf-sf-s"), "small": results("sff-ss-s")}
    once = json.dumps(asdict(summary(given)), allow_nan=False)
    assert once == json.dumps(asdict(summary(given)), allow_nan=False)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "no attack results"),
        ({"large": []}, "no attack results"),
        ({"large": results("sf"), "small": results("s")}, "small: 1 attack results"),
        ({"large": [result("0", "failed")] * 2}, "large: an id occurs twice"),
    ],
)
def test_deployments_must_have_been_attacked_on_the_same_texts(given, message):
    with pytest.raises(BenchmarkError, match=message):
        summary(given)


def test_a_replayed_text_must_have_been_attacked():
    with pytest.raises(BenchmarkError, match="text 9 was replayed but not attacked"):
        summary({"large": results("s")}, {"small": [TransferResult("9", 1, 1, 0)]})


def test_from_attack_to_summary(predict, candidates):
    examples = [(str(i), f"a good film, scene {i}: great plot", 1) for i in range(3)]
    attacked = {"large": list(attack(predict, examples, candidates=candidates))}
    attacked["small"] = [replace(one) for one in attacked["large"]]
    found = summary(attacked, {"small": replay(predict, attacked["large"])})
    assert found.deployments["large"].success_rate.value == 1
    assert found.transfer.rates["small"].value == 1
    assert found.pairs[0].jaccard.value == 1
