"""What rankings tell: whether the index may stay, and whether like figures hide other documents."""

from __future__ import annotations

from benchmarks.characteristics.retrieval import IndexVerdict
from harness.report.blocks import Finding
from harness.report.findings.phrases import listed, names, verb
from harness.report.findings.same_score import same_score
from harness.report.numbers import fixed, percent, with_interval
from harness.report.view import DeploymentView, TaskView

ADVICE: dict[IndexVerdict, tuple[str, str]] = {
    "same index": ("The reference's index may stay for the queries of", ""),
    "re-index": (
        "Re-index the documents before its queries are embedded by",
        'A loss of nDCG@10 is shown, or the embeddings do not fit; the table "May the index stay?" has it.',
    ),
    "cannot tell": (
        "Whether the reference's index may stay cannot be told for",
        "More queries would tell; until then re-index the documents.",
    ),
}


def may_the_index_stay(task: TaskView) -> list[Finding]:
    """One finding a verdict, on queries of each candidate and the reference's index."""
    result = task.characteristics.retrieval
    if result is None:
        return []
    found: dict[str, list[DeploymentView]] = {}
    for d in task.candidates:
        if (one := result.on_index(task.reference, d.name)) is not None:
            found.setdefault(one.verdict, []).append(d)
    margin = f" (nDCG@10 within {fixed(result.margin, 3)} of an index of its own)"
    return [
        Finding(
            "result",
            "index",
            f"{begin} {listed(found[verdict])}{margin if verdict == 'same index' else ''}.",
            advice,
            names(found[verdict]),
        )
        for verdict, (begin, advice) in ADVICE.items()
        if verdict in found
    ]


def other_documents(task: TaskView) -> list[Finding]:
    """Deployments with the reference's nDCG that show other documents."""
    result = task.characteristics.retrieval
    if result is None:
        return []
    shared = {name: change.overlap for name, change in result.changes.items()}
    changes = {name: quality.ndcg_change for name, quality in result.quality.items()}
    found = same_score(task, shared, result.verdicts, changes, result.margin)
    if found is None:
        return []
    members, worst, least = found
    return [
        Finding(
            "result",
            "other-documents",
            f"{listed(members)} {verb(members, 'scores', 'score')} like the reference and "
            f"{verb(members, 'shows', 'show')} other documents: the nDCG@10 of {worst.label} changes by "
            f"{with_interval(changes[worst.name], decimals=3)}, and of its first ten and the reference's "
            f"{percent(1 - least)} % are not shared (1 - Jaccard).",
            "Look at what users see change, not at nDCG alone.",
            names(members),
        )
    ]
