"""The figures that a policy may limit: their names, units, and which way is better.

How each is read from a run's results stands in `harness.gate.readings`, which has one reader for each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Unit = Literal["%", "", "bits", "ms", "/s", "MiB", "x"]
"""As a policy writes it after a number. %: of a share; x: a multiple."""

Base = Literal["floor", "reference", "baseline"]


@dataclass(frozen=True)
class Figure:
    """A figure of one deployment."""

    name: str
    meaning: str
    unit: Unit
    better: Literal["smaller", "larger"]
    bases: tuple[Base, ...] = ("baseline",)
    """What it may be held against, beside a plain number."""
    of_pair: bool = False
    """Whether it tells a deployment from the reference, which has none itself."""
    of: str = ""
    """What stands after "of" in its name, such as a class; empty: nothing."""
    on_this_machine: bool = False
    """Whether another machine has another one: speed and memory."""

    @property
    def side(self) -> Literal["at most", "at least"]:
        """Of a limit on it."""
        return "at most" if self.better == "smaller" else "at least"

    @property
    def scale(self) -> float:
        """Of its unit, in what the results store: shares, bytes."""
        return {"%": 0.01, "MiB": float(2**20)}.get(self.unit, 1.0)

    @property
    def additive(self) -> bool:
        """Whether a base takes a margin ("floor + 1 %"), or a percentage ("110 % of baseline")."""
        return self.unit in ("%", "", "bits")


_HELD: tuple[Base, ...] = ("floor", "baseline")
_BOTH: tuple[Base, ...] = ("reference", "baseline")

FIGURES: dict[str, Figure] = {
    figure.name: figure
    for figure in (
        Figure("changed", "predictions that differ from the reference's", "%", "smaller", _HELD, True),
        Figure("newly-wrong", "examples that the reference has right and it has wrong", "%", "smaller", _HELD, True),
        Figure("score", "examples that it has right: accuracy, or exact match", "%", "larger", _BOTH),
        Figure("score-change", "its score less the reference's, in points", "%", "larger", of_pair=True),
        Figure(
            "f1-kept",
            "its F1 as a share of the reference's",
            "%",
            "larger",
            of_pair=True,
        ),
        Figure(
            "recall", "examples (entities, labels) of a class that it has right", "%", "larger", _BOTH, of="a class"
        ),
        Figure("error-overlap", "its errors and the reference's: Jaccard, 0 to 1", "", "larger", _HELD, True),
        Figure(
            "divergence",
            "mean Jensen-Shannon divergence from the reference's probabilities",
            "bits",
            "smaller",
            of_pair=True,
        ),
        *(
            Figure(
                f"divergence-p{part}",
                f"what {part} % of the examples' divergences are below",
                "bits",
                "smaller",
                of_pair=True,
            )
            for part in (95, 99)
        ),
        Figure(
            "neighbours", "nearest neighbours that it shares with the reference: Jaccard", "", "larger", _HELD, True
        ),
        Figure(
            "spearman-change",
            "its Spearman correlation less the reference's",
            "",
            "larger",
            of_pair=True,
        ),
        Figure(
            "ndcg-change",
            "its nDCG@10 less the reference's",
            "",
            "larger",
            of_pair=True,
        ),
        Figure(
            "first-ten",
            "documents among the first ten of both: Jaccard, 0 to 1",
            "",
            "larger",
            _HELD,
            True,
        ),
        Figure(
            "index-change",
            "nDCG@10 of its queries on the reference's index, less that on an index of its own",
            "",
            "larger",
            of_pair=True,
        ),
        Figure(
            "order",
            "order of candidates, its and the reference's: Kendall's tau-b",
            "",
            "larger",
            _HELD,
            True,
        ),
        Figure(
            "entity-f1-change",
            "its F1 of entities less the reference's",
            "",
            "larger",
            of_pair=True,
        ),
        Figure(
            "entities-shared",
            "entities that both find, of those of either: Jaccard",
            "",
            "larger",
            _HELD,
            True,
        ),
        Figure(
            "label-f1-change",
            "its F1 of labels less the reference's",
            "",
            "larger",
            of_pair=True,
        ),
        Figure(
            "labels-shared",
            "labels that both give, of those of either: Jaccard",
            "",
            "larger",
            _HELD,
            True,
        ),
        Figure("ood-auroc", "how well it tells out-of-distribution examples apart, 0 to 1", "", "larger", _BOTH),
        Figure(
            "ood-overlap", "out-of-distribution examples that both flag: Jaccard, 0 to 1", "", "larger", _HELD, True
        ),
        Figure("attack-success", "texts that an attack turns, of those it had right", "%", "smaller", _BOTH),
        Figure(
            "speed-up",
            "times as fast as the reference, measured in pairs",
            "x",
            "larger",
            of_pair=True,
            on_this_machine=True,
        ),
        Figure("p50", "median latency, single-stream", "ms", "smaller", on_this_machine=True),
        Figure("p90", "90th percentile of latency, single-stream", "ms", "smaller", on_this_machine=True),
        Figure("p99", "99th percentile of latency, single-stream", "ms", "smaller", on_this_machine=True),
        Figure("throughput", "examples a second, offline", "/s", "larger", on_this_machine=True),
        Figure("server-rate", "requests a second that keep their bound", "/s", "larger", on_this_machine=True),
        Figure("peak-memory", "peak resident memory", "MiB", "smaller", _BOTH, on_this_machine=True),
        Figure("file-size", "size of the artifact", "MiB", "smaller", _BOTH),
        Figure("int8-share", "matrix products that run in INT8", "%", "larger"),
    )
}
"""By name. Those of "error-overlap" and the like are 1 for the same, as the report has them."""


def figure_named(key: str) -> tuple[Figure, str] | None:
    """The figure that a policy's key names, and what it is of: "recall of negative"; None: there is none."""
    name, of, part = (word.strip() for word in key.partition(" of "))
    figure = FIGURES.get(name)
    if figure is None or bool(of) != bool(figure.of) or bool(of) != bool(part):
        return None
    return figure, part
