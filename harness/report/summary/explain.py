"""Legend of the one screen, in words."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report.floors import DISAGREEMENT, ERROR_OVERLAP
from harness.report.view import TaskView


def explanation(tasks: Sequence[TaskView]) -> list[tuple[str, str]]:
    """What is on the screen, and what it means."""
    verdicts = [v for task in tasks for d in task.candidates if (v := DISAGREEMENT.verdict(task, d))]
    overlaps = [v for task in tasks for d in task.candidates if (v := ERROR_OVERLAP.verdict(task, d))]
    margin = f"{100 * verdicts[0].margin:g} % of the predictions" if verdicts else "the study's margin"
    overlap = f", {overlaps[0].margin:g} of an overlap" if overlaps else ""
    legend = [
        (
            "title",
            "of a task: the reference, its score, the median latency (p50) of its single requests, and the size of its "
            "file. The time in the first line is what the steps behind the run took when they were made.",
        ),
        (
            "verdict",
            "of the predictions that changed against the reference. same: beyond the floor by less than the margin "
            f"({margin}{overlap}). different: beyond the floor. cannot tell: neither is shown by these examples, or by "
            "so few trainings. failed: there is no figure. Errors of both are held under 5 % over all deployments of a "
            "task together (Holm).",
        ),
        (
            "floor",
            "how far the reference is from itself: run again (execution), for its own formats; trained again with "
            "other seeds (seed), for other models. times floor: changed over the floor; - where the floor is 0.",
        ),
        (
            "speed-up",
            "times as fast as the reference, with its 95 % interval where it was measured in pairs. ! stands at "
            "timings that did not settle, or that the machine disturbed, and at pairs that scatter: they are not "
            "ranked. size: of the files, over the reference's.",
        ),
        (
            "changed",
            "share of the predictions that are not the reference's, with a 95 % interval that knows of groups; one "
            "that a gate calls corrected allows for the number of its limits. newly wrong: right in the reference, "
            "wrong here. change: of the score, in points. JS: mean Jensen-Shannon divergence from the reference's "
            "probabilities, in bits, of outputs from elsewhere that have some.",
        ),
        (
            "E R D A S",
            "the same question of each characteristic: E overlap of errors, R overlap of nearest neighbours, D overlap "
            "of the points detected as out-of-distribution, A success of the attack; and of the score, S. = same, x "
            "different, ? cannot tell, - not measured, or no floor.",
        ),
        (
            "ship",
            "a deployment is recommended only if its predictions and its score are the same as the reference's. A "
            "characteristic that is different is its price, and is named with it.",
        ),
    ]
    timed = not all(task.external for task in tasks)
    return [one for one in legend if timed or one[0] != "speed-up"]
