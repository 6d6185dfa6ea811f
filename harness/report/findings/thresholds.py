"""The constants behind the findings: each is a convention, named so that it can be argued with."""

from __future__ import annotations

from benchmarks.statistics.equivalence import MARGIN
from benchmarks.statistics.limits import processes_needed
from benchmarks.statistics.shares import TAIL

WORTHWHILE_SPEED_UP = 1.5
"""A replacement that is less than this much faster is not called a trade."""

NO_SPEED_UP = 1.05
"""A compressed format that is not faster than this against its FP32 brings no speed."""

SAME_SCORE = MARGIN
"""Scores closer than it are "about the same"."""

MANY_CHANGED = 0.05
"""From this share of changed predictions on, two deployments behave differently."""

NO_TRADE = 0.2
"""From this share of changed predictions on, speed is not traded for anything: it is another model."""

NEAR_CHANCE = 0.1
"""A correlation, or what an overlap has beyond chance, up to here is near chance (0 is chance, 1 the most)."""

ALIKE = 0.3
"""From here on it is some real likeness."""

WIDE_INTERVAL = 0.2
"""A 95 % interval wider than this says too little about an agreement between 0 and 1."""

FEW_ERRORS = 20
"""Overlaps of fewer errors than this rest on single examples."""

PARITY_AGREEMENT = 0.9
"""Share of equal decisions on the padded parity batch below which an artifact is suspect."""

SIMILAR_SPEED = 1.25
"""Speeds, or sizes, within this factor are comparable when quantization is held against distillation."""

FINDS_FEW = 0.2
"""A micro F1 below this: next to nothing of what there is to find is found."""

FEW_NEIGHBOURS = 0.5
"""Up to this Jaccard of neighbours, most of them are others."""

WEAK_DETECTOR = 0.6
"""AUROC below this: the detector hardly tells the two data sets apart (0.5 is guessing)."""

NO_ANSWER_RIGHT = 0.9
"""From this share of unanswerable questions right on ..."""

NO_ANSWER_WRONG = 0.1
"""... and up to this share of answerable ones, a model says "no answer" to nearly everything."""

INTERVAL_PROCESSES = processes_needed(TAIL)
"""From as many processes on, a figure has an interval: see `benchmarks.performance.replicates`."""
