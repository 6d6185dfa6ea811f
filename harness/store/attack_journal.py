"""Journal that a stopped attack goes on from: the groups that are settled, and the answers in the group at work.

Of the group at work only what the deployment answered is kept: a search that is sent the same answers again comes to
the place where it was, and the batches that follow are those that would have followed. So the end is the same after
a kill, also on a deployment whose scores depend on what shares a batch with a text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.attack.batched_search import Round
from harness.store.atomic import write_text
from harness.store.json_lines import append_line, read_lines


class AttackJournal:
    """Two files of JSON lines in ``folder``; a kill may leave half a last line, which is cut off."""

    def __init__(self, folder: Path) -> None:
        self._settled = folder / "settled.jsonl"
        self._answers = folder / "answers.jsonl"
        sizes = [len(group) for group in read_lines(self._settled)]
        self.settled = sum(sizes)
        """Results of settled groups."""
        self._group = len(sizes)
        self._rounds = 0

    def results(self) -> Iterator[dict[str, Any]]:
        """Of the settled groups, in order, from the disk: a large data set's do not have to be in memory."""
        for group in read_lines(self._settled):
            yield from group

    def settle(self, results: Sequence[dict[str, Any]]) -> None:
        append_line(self._settled, list(results))
        self.settled += len(results)
        self._group += 1
        self._rounds = 0
        self._answers.unlink(missing_ok=True)

    def recall(self) -> list[Round]:
        """The rounds of the group at work so far."""
        rounds = [
            Round(tuple(line["stopped"]), line["asked"], np.array(line["scores"], dtype=np.float64))
            for line in self._lines()
        ]
        self._rounds = len(rounds)
        return rounds

    def keep(self, number: int, made: Round) -> None:
        """``made`` is round ``number`` of the group at work; what is on disk from that one on is dropped."""
        if number < self._rounds:
            kept = self._lines()[:number]
            write_text(self._answers, "".join(json.dumps(line) + "\n" for line in kept))
        line = {"group": self._group, "stopped": made.stopped, "asked": made.asked, "scores": made.scores.tolist()}
        append_line(self._answers, line)
        self._rounds = number + 1

    def _lines(self) -> list[dict[str, Any]]:
        # A kill between the two lines of `settle` leaves the answers of a group that is settled.
        return [line for line in read_lines(self._answers) if line["group"] == self._group]
