"""Entities: what is missed, made up and changed, with scores that are seqeval's."""

from __future__ import annotations

import numpy as np
import pytest
from seqeval.metrics import f1_score, precision_score, recall_score

from benchmarks.characteristics.entities import Entities, EntityAlignment, EntityErrors, Span, align, compare
from benchmarks.errors import BenchmarkError
from benchmarks.statistics.equivalence import Floor

N = 300
WORDS = 12


def tags(spans: list[Span]) -> list[str]:
    found = ["O"] * WORDS
    for type_, start, end in spans:
        found[start:end] = [f"B-{type_}", *[f"I-{type_}"] * (end - start - 1)]
    return found


def aligned(**counts: int) -> EntityAlignment:
    return EntityAlignment(**{"same": 0, "relabelled": 0, "moved": 0, "lost": 0, "found": 0, **counts})


@pytest.mark.parametrize(
    ("second", "wanted"),
    [
        ([("per", 0, 2), ("loc", 5, 6)], aligned(same=2)),
        ([("per", 0, 2)], aligned(same=1, lost=1)),
        ([("per", 0, 2), ("loc", 5, 6), ("per", 8, 9)], aligned(same=2, found=1)),
        ([("per", 0, 1), ("loc", 5, 6)], aligned(same=1, moved=1)),
        ([("loc", 0, 2), ("loc", 5, 6)], aligned(same=1, relabelled=1)),
        ([("loc", 0, 3), ("loc", 5, 6)], aligned(same=1, lost=1, found=1)),  # neither its words nor its type
        ([("per", 0, 1), ("per", 1, 2), ("loc", 5, 6)], aligned(same=1, moved=1, found=1)),  # one of it is moved
    ],
)
def test_each_entity_is_in_one_kind(second: list[Span], wanted: EntityAlignment) -> None:
    first = [("per", 0, 2), ("loc", 5, 6)]
    assert align(first, second) == wanted
    back = align(second, first)
    assert (back.same, back.moved, back.relabelled) == (wanted.same, wanted.moved, wanted.relabelled)
    assert (back.lost, back.found) == (wanted.found, wanted.lost)


def test_the_same_words_come_before_words_that_overlap() -> None:
    assert align([("per", 0, 3)], [("per", 0, 1), ("per", 1, 3)]) == aligned(moved=1, found=1)
    assert align([("per", 0, 2), ("loc", 2, 4)], [("loc", 1, 2), ("loc", 2, 4)]).same == 1


@pytest.fixture(scope="module")
def sentences() -> dict[str, list[list[Span]]]:
    """The data, a reference that misses some of it, one that differs by noise, and others with one kind of change."""
    random = np.random.default_rng(0)
    gold = [[(str(random.choice(["per", "loc"])), place, place + 2) for place in (0, 4, 8)] for _ in range(N)]
    reference = [[span for span in spans if random.random() < 0.8] for spans in gold]
    return {
        "data": gold,
        "reference": reference,
        "again": [spans if random.random() < 0.99 else spans[:-1] for spans in reference],
        "near": [spans if random.random() < 0.99 else spans[:-1] for spans in reference],
        "loses": [[span for span in spans if span[0] == "loc" or random.random() < 0.5] for spans in reference],
        "moves": [[(type_, start + 1, end) for type_, start, end in spans] for spans in reference],
        "relabels": [[("per", start, end) for _, start, end in spans] for spans in reference],
    }


@pytest.fixture(scope="module")
def result(sentences: dict[str, list[list[Span]]]) -> Entities:
    found = {name: spans for name, spans in sentences.items() if name != "data"}
    floors = {name: Floor("execution", ("again",)) for name in found if name not in ("reference", "again")}
    return compare(
        found, sentences["data"], np.arange(N) // 2, reference="reference", resamples=300, seed=0, floors=floors
    )


def test_scores_are_seqevals(sentences: dict[str, list[list[Span]]], result: Entities) -> None:
    gold = [tags(spans) for spans in sentences["data"]]
    for name, own in result.quality.items():
        predicted = [tags(spans) for spans in sentences[name]]
        wanted = [score(gold, predicted) for score in (f1_score, precision_score, recall_score)]
        assert [own.f1.value, own.precision.value, own.recall.value] == pytest.approx(wanted, abs=1e-6)
        assert own.f1.low is not None and own.f1.low <= wanted[0]
    assert result.quality["reference"].f1_change.value == 0


def test_errors_and_changes_by_kind(sentences: dict[str, list[list[Span]]], result: Entities) -> None:
    made = sum(map(len, sentences["reference"]))
    missed = sum(map(len, sentences["data"])) - made
    assert result.quality["reference"].errors == EntityErrors(missed, 0, 0, 0)
    assert result.quality["moves"].errors == EntityErrors(missed, 0, wrong_boundary=made, wrong_type=0)
    assert result.changes["moves"].alignment == aligned(moved=made)
    others = sum(span[0] == "loc" for spans in sentences["reference"] for span in spans)
    assert result.changes["relabels"].alignment == aligned(same=made - others, relabelled=others)
    assert result.changes["relabels"].shared.value == pytest.approx((made - others) / (made + others))
    lost = result.changes["loses"].alignment
    assert lost.same + lost.lost == made and (lost.found, lost.moved, lost.relabelled) == (0, 0, 0)


def test_what_is_noise_is_the_same_and_what_is_more_is_different(result: Entities) -> None:
    concluded = {name: verdict.conclusion for name, verdict in result.verdicts.items()}
    assert concluded == {"near": "same", "loses": "different", "moves": "different", "relabels": "different"}


def test_recall_by_type_tells_who_pays(sentences: dict[str, list[list[Span]]], result: Entities) -> None:
    assert result.errors is not None
    recalls = result.errors.recalls
    assert list(recalls) == ["loc", "per"]
    assert recalls["loc"].n + recalls["per"].n == result.entities == 3 * N
    assert recalls["loc"].changes["loses"].change.value == 0
    assert recalls["per"].changes["loses"].conclusion == "different"
    overall = result.errors.strata["all"]
    (pair,) = [pair for pair in overall.pairs if (pair.a, pair.b) == ("reference", "loses")]
    assert pair.newly_wrong == result.changes["loses"].alignment.lost and pair.newly_right == 0


def test_data_without_an_entity_have_no_errors_of_entities() -> None:
    found: dict[str, list[list[Span]]] = {"a": [[], [("per", 0, 1)]], "b": [[], []]}
    result = compare(found, [[], []], [0, 1], reference="a", resamples=10, seed=0)
    assert result.errors is None and result.entities == 0
    assert result.quality["a"].errors == EntityErrors(missed=0, spurious=1, wrong_boundary=0, wrong_type=0)
    assert result.changes["b"].shared.value == 0


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(BenchmarkError, match="reference 'c' is none"):
        compare({"a": [[]]}, [[]], [0], reference="c", resamples=10, seed=0)
    with pytest.raises(BenchmarkError, match="a: 1 sentences, expected 2"):
        compare({"a": [[]]}, [[], []], [0, 1], reference="a", resamples=10, seed=0)
