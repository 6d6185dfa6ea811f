"""A run's results without the texts of its data: for data that may not be shown."""

from __future__ import annotations

import copy
from typing import Any

WITHHELD = "(withheld)"


def without_texts(results: dict[str, Any]) -> dict[str, Any]:
    """A copy without any example's text or answer: attacked texts and their words are left out, answers withheld.

    Class names, ids and file names stay.
    """
    kept = copy.deepcopy(results)
    for name, task in kept["tasks"].items():
        found = task.get("characteristics") or {}
        if found.get("adversarial_attack"):
            found["adversarial_attack"] |= {"examples": [], "words": {}}
        if found.get("affected") and name == "question-answering":
            for one in found["affected"]["exemplars"]["exemplars"]:
                for key in ("reference_prediction", "shared_prediction"):
                    one[key] = one[key] and WITHHELD
    return kept
