"""Which examples changed, by id."""

import numpy as np

from benchmarks.characteristics.affected import changed


def test_every_changed_example_is_named_once():
    predictions = {"large": np.array(["a", "b", "c", "d", "", "e"]), "small": np.array(["a", "x", "y", "z", "", "f"])}
    correct = {
        "large": np.array([True, True, False, False, False, True]),
        "small": np.array([True, False, True, False, False, True]),
    }
    found = changed(["1", "2", "3", "4", "5", "6"], predictions, correct, "large")
    assert set(found) == {"small"}
    assert found["small"].newly_wrong == ["2"]
    assert found["small"].newly_right == ["3"]
    assert found["small"].wrong_otherwise == ["4"]  # 5 is wrong in the same way
    assert found["small"].right_otherwise == ["6"]  # of several right answers
