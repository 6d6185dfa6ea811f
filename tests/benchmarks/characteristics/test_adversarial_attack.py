from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from benchmarks.attack.changed_words import changed_places
from benchmarks.attack.results import Status
from benchmarks.characteristics.adversarial_attack import (
    AttackResult,
    TransferResult,
    attack,
    replay,
    summarise,
)
from benchmarks.errors import BenchmarkError


def result(id_: str, status: Status, *, words_changed: int = 1) -> AttackResult:
    succeeded = status == "succeeded"
    adversarial = "a bad  film" if succeeded else "a good  film"
    return AttackResult(
        id=id_,
        status=status,
        original="a good  film",
        adversarial=adversarial,
        label=1,
        prediction_before=0 if status == "skipped" else 1,
        prediction_after=1 if status == "failed" else 0,
        words=4,
        words_changed=words_changed if succeeded else 0,
        queries=1 if status == "skipped" else 10,
        similarity=0.9 if succeeded else None,
    )


def results(statuses: str) -> list[AttackResult]:
    names: dict[str, Status] = {"s": "succeeded", "f": "failed", "-": "skipped", "b": "budget"}
    return [result(str(index), names[letter]) for index, letter in enumerate(statuses)]


def summary(given, transfer=None, **more):
    return summarise(given, transfer or {}, reference="large", resamples=200, seed=0, **more)


def transferred(*after: tuple[int, int]) -> list[TransferResult]:
    """Texts 0, 1, ... of label 1: the prediction before and after."""
    return [TransferResult(str(id_), 1, *said) for id_, said in enumerate(after)]


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


def test_texts_that_ran_out_of_budget_are_counted():
    figures = summary({"large": results("sbbf-")}).deployments["large"]
    assert (figures.success_rate.value, figures.out_of_budget.value) == (1 / 4, 2 / 4)
    assert summary({"large": results("sf-")}).deployments["large"].out_of_budget.value == 0


def test_pairs_count_only_texts_that_both_had_right():
    small, large = results("ss-fsf"), results("sf-sss")
    [pair] = summary({"small": small, "large": large}).pairs
    assert (pair.a, pair.b, pair.n) == ("large", "small", 5)
    # large succeeded at 0, 3, 4, 5; small at 0, 1, 4.
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
    transfers = {
        "large": {"large": transferred((1, 0), (1, 0), (1, 0))},
        "small": {"large": transferred((1, 0), (1, 1), (0, 0))},
        "never right": {"large": transferred((0, 0), (0, 0), (0, 0))},
    }
    [row] = summary({"large": results("sssf")}, transfers).transfers
    assert (row.source, row.n) == ("large", 3)
    assert {name: rate.value for name, rate in row.rates.items()} == {"large": 1.0, "small": 0.5, "never right": None}


def test_the_matrix_has_a_row_for_every_attacked_deployment():
    transfers = {
        "large": {"small": transferred((1, 1), (1, 0)), "large": transferred((1, 0))},
        "small": {"small": transferred((1, 0), (1, 0)), "large": transferred((1, 1))},
    }
    found = summary({"small": results("ss"), "large": results("sf")}, transfers).transfers
    assert [(row.source, row.n) for row in found] == [("large", 1), ("small", 2)]
    assert [row.rates[name].value for row in found for name in ("large", "small")] == [1, 0, 0.5, 1]


def test_what_the_attack_missed_is_found_by_other_texts():
    given = {"large": results("ssff-"), "small": results("sffff")}
    # Of the texts that small withstood, 1 and 4 fall to what was crafted on large or to random swaps; 0 had fallen.
    transfers = {"small": {"large": transferred((1, 0), (1, 0)), "small": transferred((1, 0))}}
    swapped = {"small": results("ffffs"), "large": results("fffff")}
    found = summary(given, transfers, random_swaps=swapped).deployments
    assert found["small"].success_rate.value == 1 / 5
    assert found["small"].random_success.value == 1 / 5
    assert found["small"].any_success.value == 3 / 5
    assert found["small"].missed.value == 2 / 4
    assert found["large"].missed.value == 0

    without = summary(given).deployments["small"]
    assert (without.random_success.value, without.any_success.value, without.missed.value) == (None, None, None)


def test_changes_are_of_the_same_texts():
    given = {"large": results("sssf-f"), "small": results("sff-ss")}
    [pair] = summary(
        given, {"small": {"large": transferred((1, 0), (1, 1))}, "large": {"large": transferred((1, 0), (1, 0))}}
    ).pairs
    assert (pair.a, pair.b, pair.n) == ("large", "small", 4)
    # Both had 0, 1, 2 and 5 right: large succeeded at three of them, small at two.
    assert pair.changes.success_rate.value == pytest.approx(-1 / 4)
    # Of all six, two stood on large and two on small.
    assert pair.changes.accuracy_after.value == 0
    assert pair.changes.transfer.value == pytest.approx(-1 / 2)
    assert pair.changes.random_success is None


def test_the_change_of_success_is_one_figure_over_the_texts_that_both_had_right():
    given = {"large": results("sssf-fss"), "small": results("sff-ss--")}
    found = summary(given)
    [pair] = found.pairs
    # Each over its own it would be 3/5 less 5/7. Both had 0, 1, 2 and 5 right: three succeeded on large, two on small.
    assert found.success_changes["small"].change == pair.changes.success_rate
    assert found.success_changes["small"].change.value == pytest.approx(-1 / 4)


def test_words_changed_alike_are_counted_by_place():
    def crafted(id_: str, adversarial: str) -> AttackResult:
        return replace(result(id_, "succeeded"), original="A good film, a good plot", adversarial=adversarial)

    large = [crafted("0", "A bad film, a bad plot"), crafted("1", "A bad film, a good plot"), result("2", "failed")]
    small = [crafted("0", "A bad film, a good story"), crafted("1", "A good film, a bad plot"), result("2", "failed")]
    found = summary({"large": large, "small": small})
    # Text 0: {1, 4} and {1, 5}; text 1: {1} and {4}.
    assert found.pairs[0].same_words.value == pytest.approx((1 / 3 + 0) / 2)
    words = {word.word: word for word in found.words["small"]}
    assert (words["good"].texts, words["good"].share, words["good"].reference) == (2, 1.0, 1.0)
    assert (words["plot"].texts, words["plot"].reference) == (1, 0.0)
    assert [word.word for word in found.words["large"]] == ["good"]


def test_examples_mark_the_words_that_differ():
    examples = summary({"small": results("sf"), "large": results("ss")}).examples
    # One a deployment in turn, the reference first, nothing twice.
    assert [(example.deployment, example.id) for example in examples] == [("large", "0"), ("large", "1")]
    assert examples[0].changed == [1]


def test_a_text_that_is_shown_of_the_reference_is_shown_beside_it():
    def otherwise(result: AttackResult) -> AttackResult:
        return replace(result, adversarial="a poor  film", words_changed=result.words_changed + 2)

    large = results("ssss")
    large[2] = replace(large[2], words_changed=0)  # the smallest change goes first
    small = [large[0], large[1], otherwise(large[2]), large[3]]
    examples = summary({"small": small, "large": large}).examples
    assert [(one.deployment, one.id) for one in examples[:2]] == [("large", "2"), ("small", "2")]
    assert [one.adversarial for one in examples[:2]] == ["a bad  film", "a poor  film"]
    # The other texts succeeded by the same words on both: each is shown once.
    assert sorted(one.id for one in examples[2:]) == ["0", "1", "3"]


def test_no_success_at_all_is_a_result():
    found = summary({"large": results("f--"), "small": results("---")})
    assert found.deployments["small"].success_rate.value is None
    assert found.deployments["large"].success_rate.value == 0
    assert found.examples == []
    assert found.transfers == []
    assert found.words == {"large": [], "small": []}


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
        summary({"large": results("s")}, {"small": {"large": [TransferResult("9", 1, 1, 0)]}})


def test_random_swaps_are_of_the_attacked_texts():
    with pytest.raises(BenchmarkError, match="1 texts were attacked but not swapped"):
        summary({"large": results("ss")}, random_swaps={"large": results("s")})


def test_from_attack_to_summary(predict, candidates):
    examples = [(str(i), f"a good film, scene {i}: great plot", 1) for i in range(3)]
    attacked = {"large": list(attack(predict, examples, candidates=candidates))}
    attacked["small"] = [replace(one) for one in attacked["large"]]
    asked = []

    def ask(texts):
        asked.append(texts)
        return predict([text for _, text in texts])

    found = summary(attacked, {"small": replay(ask, attacked)})
    assert found.deployments["large"].success_rate.value == 1
    assert [row.rates["small"].value for row in found.transfers] == [1, 1]
    assert found.pairs[0].jaccard.value == 1
    # Both deployments' texts are the same three: shown once, in one call.
    assert [len(texts) for texts in asked] == [6]


@pytest.mark.parametrize(
    ("original", "adversarial", "places"),
    [
        ("a good film", "a bad film", [1]),
        ("a good film", "a good film", []),
        ("a good film", "a go od film", [1]),
        ("a good old film", "a old film", [1]),
        ("", "", []),
    ],
)
def test_changed_places(original, adversarial, places):
    assert changed_places(original, adversarial) == places


def test_no_change_at_all_is_not_certain():
    given = {"large": results("ssff"), "small": results("ssff")}
    change = summary(given).pairs[0].changes.success_rate
    assert change.value == 0
    assert change.low == pytest.approx(-change.high) and change.low == pytest.approx(
        -0.4899, abs=1e-4
    )  # Wilson: 0 of 4
    everything = summary({"large": results("ssss")}).deployments["large"].success_rate
    assert (everything.value, everything.high) == (1, 1)
    assert everything.low == pytest.approx(1 - 0.4899, abs=1e-4)


def test_attacks_that_succeed_on_one_deployment_only():
    found = summary({"small": results("sfs-"), "large": results("ssff"), "tiny": results("fsff")}).alone
    assert [(one.deployment, one.id) for one in found] == [("small", "2")]
