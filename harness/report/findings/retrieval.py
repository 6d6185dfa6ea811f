"""What rankings tell: whether the index may stay, and whether like figures hide other documents, or another order."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.characteristics.embedding_quantization import EmbeddingQuantization, StorageVerdict
from benchmarks.characteristics.retrieval import IndexVerdict
from benchmarks.statistics.quantized_indexes import IndexKind
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
    found = {verdict: [d for d, own in indexes.items() if own.may_be_stored == verdict] for verdict in KEPT}
    told = [
        KEPT[verdict].format(margin=fixed(result.margin, 3), names=listed(of)) for verdict, of in found.items() if of
    ]
    return Finding(
        "result",
        "stored",
        f"Embeddings stored in {kind} ({share} % of the bytes) {'; '.join(told)}.",
        'The table "May the embeddings be stored in fewer bytes?" has it, with the documents that change.',
        names(deployments),
    )


def other_order(task: TaskView) -> list[Finding]:
    """Deployments with the reference's nDCG that put candidates in another order."""
    result = task.characteristics.reranking
    if result is None:
        return []
    alike = {name: change.kendall for name, change in result.changes.items()}
    changes = {name: quality.ndcg_change for name, quality in result.quality.items()}
    found = same_score(task, alike, result.verdicts, changes, result.margin)
    if found is None:
        return []
    members, worst, least = found
    first = result.changes[worst.name].first.value or 0.0
    return [
        Finding(
            "result",
            "other-order",
            f"{listed(members)} {verb(members, 'scores', 'score')} like the reference in another order: the nDCG@10 of "
            f"{worst.label} changes by {with_interval(changes[worst.name], decimals=3)}, its Kendall's tau-b with the "
            f"reference is {fixed(least, 3)}, and {percent(first)} % of the queries have another candidate in front.",
            "Look at what users see change, not at nDCG alone.",
            names(members),
        )
    ]
