"""Is a deployment further from the reference than noise alone would take it?

Two questions are asked of a distance (0: the same), against the distance that noise makes, the *floor*:

- *different*: is the distance larger than its floor? Tested against no excess, corrected by Holm (1979) over all
  deployments that are judged together.
- *same*: is it larger by less than a margin that the study names? A test of non-inferiority (Schuirmann 1987, one
  of his two one-sided tests; the other asks whether the distance is smaller than its floor, which nobody minds).

A deployment may be neither: then the data cannot tell, and the number of examples that would is given. Where
both hold, the excess is real and too small to matter: *same*.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from benchmarks.statistics.bootstrap import Estimate, Floats, GroupBootstrap, divide, estimates, number, standard_errors

LEVEL = 0.05
POWER = 0.8
"""Of the study that `examples_needed` describes, at `LEVEL`."""

Conclusion = Literal["same", "different", "cannot tell"]
Pair = tuple[str, str]
Floors = Mapping[str, Sequence[Pair]]
"""For each deployment to judge, the pairs of deployments that differ by noise alone; the furthest pair counts."""


@dataclass(frozen=True)
class Verdict:
    """A deployment's distance from the reference against its floor."""

    conclusion: Conclusion
    """same: beyond the floor by less than the margin; different: beyond the floor; cannot tell: neither is shown."""
    floor: Estimate
    """The distance that noise alone makes, in the unit of the distance."""
    excess: Estimate
    """The distance less the floor."""
    times_floor: Estimate
    """The distance over the floor; without a value where the floor is 0."""
    p_different: float | None
    """p of "different", 0 to 1, corrected for the number of deployments (Holm); None: there is no test."""
    p_same: float | None
    """p of "same", 0 to 1; None: there is no test."""
    margin: float
    """Excess that does not matter, in the unit of the distance."""
    examples_needed: int | None
    """How many examples would tell, with a chance of 80 %; None where these do, or none could."""


def judge(
    bootstrap: GroupBootstrap,
    distances: Mapping[Pair, Floats],
    reference: str,
    floors: Floors,
    margin: float,
    examples: int | None = None,
) -> dict[str, Verdict]:
    """Judge every deployment of `floors` whose distance and floor are known.

    Standard errors come from the resamples that distance and floor share, so the test is paired and knows of
    groups. Under the hypothesis that the excess is the margin, a share of `examples` has at least the standard
    error of a binomial: a sample without a single change does not prove that there is none.

    Args:
        bootstrap: that the distances were computed with.
        distances: for pairs of deployments, in either order, (rows,) as `GroupBootstrap.weights` has rows.
        reference: from which the distance of a deployment is taken.
        floors: see `Floors`. Deployments without a pair are left out.
        margin: the largest excess that does not matter, in the distance's own unit.
        examples: how many examples the distance is a mean over; all of the bootstrap's when left out.
    """
    n = bootstrap.n if examples is None else examples

    def between(a: str, b: str) -> Floats | None:
        found = distances.get((a, b))
        return distances.get((b, a)) if found is None else found

    judged: list[str] = []
    columns: list[tuple[Floats, Floats]] = []
    for name, pairs in floors.items():
        distance = between(reference, name)
        noise = [found for pair in pairs if (found := between(*pair)) is not None]
        if distance is None or not noise or np.isnan(distance[0]):
            continue
        judged.append(name)
        columns.append((distance, _furthest(noise)))
    if not judged:
        return {}
    distance, floor = (np.stack(parts, axis=1) for parts in zip(*columns, strict=True))
    excess = distance - floor
    errors = standard_errors(excess)
    under_margin = np.fmax(errors, np.sqrt(margin * max(0.0, 1 - margin) / max(n, 1)))
    p_different = holm(_upper_tail(excess[0], errors))
    p_same = _upper_tail(margin - excess[0], under_margin)
    ratios = estimates(divide(distance, floor))
    return {
        name: Verdict(
            conclusion=_conclude(p_different[i], p_same[i]),
            floor=floor_estimate,
            excess=excess_estimate,
            times_floor=ratios[i],
            p_different=number(p_different[i]),
            p_same=number(p_same[i]),
            margin=margin,
            examples_needed=_needed(n, excess[0, i], errors[i], under_margin[i], margin, p_different[i], p_same[i]),
        )
        for i, (name, floor_estimate, excess_estimate) in enumerate(
            zip(judged, estimates(floor), estimates(excess), strict=True)
        )
    }


@dataclass(frozen=True)
class ScoreChange:
    """A change of score against the reference, in both directions: two one-sided tests at the margin."""

    conclusion: Conclusion
    """same: less than the margin either way; different: not 0; cannot tell: neither is shown."""
    change: Estimate
    """The deployment's score less the reference's, in shares."""
    p_different: float | None
    """Two-sided p of a change, 0 to 1, corrected for the number of deployments (Holm). Unlike McNemar's test it knows
    of groups. None: there is no test."""
    p_same: float | None
    """p of a change beyond the margin, 0 to 1; None: there is no test."""
    margin: float
    """ScoreChange either way that does not matter, in shares."""
    examples_needed: int | None
    """How many examples would tell, with a chance of 80 %; None where these do, or none could."""


def judge_changes(changes: Mapping[str, Floats], margin: float, examples: int) -> dict[str, ScoreChange]:
    """Judge changes that may be gains or losses, such as that of the share of right answers.

    `changes`: for each deployment (rows,) as `GroupBootstrap.weights` has rows. `examples`: over how many.
    """
    if not changes:
        return {}
    columns = np.stack(list(changes.values()), axis=1)
    errors = standard_errors(columns)
    size = np.abs(columns[0])
    under_margin = np.fmax(errors, np.sqrt(margin * max(0.0, 1 - margin) / max(examples, 1)))
    p_different = holm(np.minimum(1.0, 2 * _upper_tail(size, errors)))
    p_same = _upper_tail(margin - size, under_margin)  # the larger of the two one-sided p values
    return {
        name: ScoreChange(
            conclusion=_conclude(p_different[i], p_same[i]),
            change=estimate,
            p_different=number(p_different[i]),
            p_same=number(p_same[i]),
            margin=margin,
            examples_needed=_needed(
                examples, float(size[i]), errors[i], under_margin[i], margin, p_different[i], p_same[i]
            ),
        )
        for i, (name, estimate) in enumerate(zip(changes, estimates(columns), strict=True))
    }


def _furthest(noise: list[Floats]) -> Floats:
    """The pair that is furthest apart in the sample; taking each resample's own maximum would add their noise."""
    return max(noise, key=lambda distance: -1.0 if np.isnan(distance[0]) else float(distance[0]))


def _upper_tail(value: Floats, error: Floats) -> Floats:
    """P(Z > value / error) for a standard normal Z; without an error the sign decides."""
    from scipy.special import ndtr

    tails: Floats = ndtr(-divide(value, error))
    certain = np.where(value > 0, 0.0, 1.0)
    return np.where(error == 0, certain, tails)


def holm(p: ArrayLike) -> Floats:
    """Holm's adjusted p values (1979): each below `LEVEL` with a family-wise error of `LEVEL`. NaN stays."""
    values = np.asarray(p, dtype=np.float64)
    adjusted: Floats = np.full(values.shape, np.nan)
    order = [i for i in np.argsort(values) if not np.isnan(values[i])]
    largest = 0.0
    for place, i in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - place) * values[i]))
        adjusted[i] = largest
    return adjusted


def _conclude(p_different: float, p_same: float) -> Conclusion:
    if p_same < LEVEL:
        return "same"
    return "different" if p_different < LEVEL else "cannot tell"


def _needed(
    n: int, excess: float, error: float, under_margin: float, margin: float, p_different: float, p_same: float
) -> int | None:
    """Examples at which the excess, if it is what was seen, would be told; errors shrink as 1/sqrt(n)."""
    from scipy.special import ndtri

    if p_same < LEVEL or p_different < LEVEL or np.isnan(excess) or np.isnan(error):
        return None
    reach = float(ndtri(1 - LEVEL) + ndtri(POWER))
    ways = []
    if excess < margin:
        ways.append((reach * under_margin / (margin - excess)) ** 2)
    if excess > 0:
        ways.append((reach * error / excess) ** 2)
    # Two significant digits: it is an estimate of an estimate.
    needed = min(ways, default=0.0) * n
    if needed <= n:
        return None
    digits = 10 ** max(0, len(str(int(needed))) - 2)
    return int(ceil(needed / digits) * digits)
