"""Labels of texts, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score, precision_score, recall_score

from benchmarks.characteristics.label_sets import LabelSets, compare
from benchmarks.errors import BenchmarkError
from benchmarks.statistics.equivalence import Floor

TEXTS, LABELS = 300, ("a", "b", "c", "d")
GENERATOR = np.random.default_rng(1)
GOLD = GENERATOR.random((TEXTS, len(LABELS))) < 0.3


def flipped(share: float) -> np.ndarray:
    return GOLD ^ (GENERATOR.random(GOLD.shape) < share)


FOUND = {"reference": flipped(0.1), "other": flipped(0.2)}
FOUND["again"] = FOUND["reference"].copy()


def names(indicators: np.ndarray) -> list[list[str]]:
    return [[label for label, has in zip(LABELS, row, strict=True) if has] for row in indicators]


@pytest.fixture(scope="module")
def result() -> LabelSets:
    return compare(
        {name: names(own) for name, own in FOUND.items()},
        names(GOLD),
        np.arange(TEXTS),
        reference="reference",
        resamples=200,
        seed=0,
        floors={"other": Floor("execution", ("again",))},
    )


@pytest.mark.parametrize("name", FOUND)
def test_quality_is_scikit_learns(result, name):
    quality = result.quality[name]
    for score, figure in ((f1_score, "f1"), (precision_score, "precision"), (recall_score, "recall")):
        assert getattr(quality, figure).value == pytest.approx(score(GOLD, FOUND[name], average="micro"), abs=1e-9)
    assert (quality.missed, quality.spurious) == ((GOLD & ~FOUND[name]).sum(), (FOUND[name] & ~GOLD).sum())
    recalls = recall_score(GOLD, FOUND[name], average=None)
    found = [result.errors.recalls[label].rates[name].value for label in LABELS]
    assert found == pytest.approx(recalls, abs=1e-9)


def test_changes_are_of_the_sets(result):
    base, own = FOUND["reference"], FOUND["other"]
    change = result.changes["other"]
    assert change.shared.value == pytest.approx((base & own).sum() / (base | own).sum(), abs=1e-9)
    assert (change.lost, change.found) == ((base & ~own).sum(), (own & ~base).sum())
    assert result.verdicts["other"].conclusion == "different"
    assert result.changes["again"].shared.value == 1
    assert (result.texts, result.labels) == (TEXTS, GOLD.sum())


def test_other_numbers_of_texts_are_refused():
    with pytest.raises(BenchmarkError, match="short"):
        compare({"short": [["a"]]}, [["a"], []], [0, 1], reference="short", resamples=10, seed=0)
