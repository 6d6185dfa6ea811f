"""Rankings: whether the index may stay, and whether like figures hide other documents, or another order."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.characteristics.embedding_quantization import EmbeddingQuantization, StorageVerdict
from benchmarks.characteristics.retrieval import IndexVerdict
from benchmarks.statistics.quantized_indexes import IndexKind
from harness.report.blocks import Finding
from harness.report.findings.phrases import listed, names
from harness.report.findings.same_score import other_at_same_score
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
WHAT_USERS_SEE = "Look at what users see change, not at nDCG alone."


def may_the_index_stay(task: TaskView) -> list[Finding]:
    """One finding a verdict, on queries of each candidate and the reference's index."""
    result = task.characteristics.retrieval
    if result is None:
        return []
    deployments_by_verdict: dict[str, list[DeploymentView]] = {}
    for d in task.candidates:
        if (one := result.on_index(task.reference, d.name)) is not None:
            deployments_by_verdict.setdefault(one.verdict, []).append(d)
    margin = f" (nDCG@10 within {fixed(result.margin, 3)} of an index of its own)"
    return [
        Finding(
            "result",
            "index",
            f"{begin} {listed(deployments_by_verdict[verdict])}{margin if verdict == 'same index' else ''}.",
            advice,
            names(deployments_by_verdict[verdict]),
        )
        for verdict, (begin, advice) in ADVICE.items()
        if verdict in deployments_by_verdict
    ]


def other_documents(task: TaskView) -> list[Finding]:
    """Deployments with the reference's nDCG that show other documents."""
    result = task.characteristics.retrieval
    if result is None:
        return []
    changes = {name: quality.ndcg_change for name, quality in result.quality.items()}
    return other_at_same_score(
        task,
        "other-documents",
        {name: change.overlap for name, change in result.changes.items()},
        result.verdicts,
        changes,
        result.margin,
        does=("and shows other documents", "and show other documents"),
        description=lambda worst, least: (
            f"the nDCG@10 of {worst.label} changes by {with_interval(changes[worst.name], decimals=3)}, and of its "
            f"first ten and the reference's {percent(1 - least)} % are not shared (1 - Jaccard)"
        ),
        advice=WHAT_USERS_SEE,
    )


KEPT: dict[StorageVerdict, str] = {
    "yes": "keep nDCG@10 within {margin}: {names}",
    "no": "lose nDCG@10: {names}",
    "cannot tell": "lose nDCG@10 or not, which more queries would tell: {names}",
}


def may_be_stored(task: TaskView) -> list[Finding]:
    """One finding a kind of index: for which deployments it keeps nDCG@10, and for which not."""
    result = task.characteristics.embedding_quantization
    if result is None:
        return []
    deployments = [d for d in task.measured if d.replicate_kind is None and d.name in result.indexes]
    return [_stored(result, kind, deployments) for kind in result.kinds if deployments]


def _stored(result: EmbeddingQuantization, kind: IndexKind, deployments: Sequence[DeploymentView]) -> Finding:
    indexes = {d: result.indexes[d.name][kind] for d in deployments}
    one = next(iter(indexes.values()))
    share = percent(one.bytes_per_vector / one.float32_bytes)
    deployments_by_verdict = {
        verdict: [d for d, own in indexes.items() if own.may_be_stored == verdict] for verdict in KEPT
    }
    clauses = [
        KEPT[verdict].format(margin=fixed(result.margin, 3), names=listed(of))
        for verdict, of in deployments_by_verdict.items()
        if of
    ]
    return Finding(
        "result",
        "stored",
        f"Embeddings stored in {kind} ({share} % of the bytes) {'; '.join(clauses)}.",
        'The table "May the embeddings be stored in fewer bytes?" has it, with the documents that change.',
        names(deployments),
    )


def other_order(task: TaskView) -> list[Finding]:
    """Deployments with the reference's nDCG that put candidates in another order."""
    result = task.characteristics.reranking
    if result is None:
        return []
    changes = {name: quality.ndcg_change for name, quality in result.quality.items()}

    def description(worst: DeploymentView, least: float) -> str:
        first = result.changes[worst.name].first.value or 0.0
        return (
            f"the nDCG@10 of {worst.label} changes by {with_interval(changes[worst.name], decimals=3)}, its Kendall's "
            f"tau-b with the reference is {fixed(least, 3)}, and {percent(first)} % of the queries have another "
            "candidate in front"
        )

    return other_at_same_score(
        task,
        "other-order",
        {name: change.kendall for name, change in result.changes.items()},
        result.verdicts,
        changes,
        result.margin,
        does=("in another order", "in another order"),
        description=description,
        advice=WHAT_USERS_SEE,
    )
