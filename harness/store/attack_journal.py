"""What a stopped attack goes on from: the groups that are settled, and the answers in the group at work.

Of the group at work only what the deployment answered is kept: a search that is sent the same answers again comes to
the place where it was, and the batches that follow are those that would have followed. So the end is the same after
a kill, also on a deployment whose scores depend on what shares a batch with a text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.store.json_lines import append_line, whole_lines


class AttackJournal:
    """Two files of JSON lines in ``folder``; a kill may leave half a last line, which is cut off."""

    def __init__(self, folder: Path) -> None:
        self._settled = folder / "settled.jsonl"
        self._answers = folder / "answers.jsonl"
        groups = whole_lines(self._settled)
        self.results: list[dict[str, Any]] = [result for group in groups for result in group]
        """Of the settled groups, in order, as they were when the journal was opened."""
        self._group = len(groups)

    def settle(self, results: Sequence[dict[str, Any]]) -> None:
        append_line(self._settled, list(results))
        self._group += 1
        self._answers.unlink(missing_ok=True)

    def recall(self) -> Iterator[NDArray[np.float64]]:
        """The scores of the group at work so far, one array a round."""
        for line in whole_lines(self._answers):
            # A kill between the two lines of `settle` leaves the answers of a group that is settled.
            if line["group"] == self._group:
                yield np.array(line["scores"], dtype=np.float64)

    def keep(self, scores: NDArray[np.float64]) -> None:
        append_line(self._answers, {"group": self._group, "scores": scores.tolist()})
