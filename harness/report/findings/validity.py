"""Findings on what is broken: failures, meaningless outputs, poor parity, timings that did not settle."""

from __future__ import annotations

from harness.report.blocks import Finding
from harness.report.findings import thresholds
from harness.report.findings.phrases import listed, names, plural, verb
from harness.report.numbers import percent
from harness.report.values import words
from harness.report.view import DeploymentView, TaskView


def failures(task: TaskView) -> list[Finding]:
    failed = [d for d in task.deployments if not d.ok]
    findings = []
    if failed:
        reasons = {words(d.result.reason) for d in failed}
        why = f": {next(iter(reasons))}" if len(reasons) == 1 and any(reasons) else ""
        findings.append(
            Finding(
                "failure",
                "failed",
                f"{len(failed)} of {plural(len(task.deployments), 'deployment')} failed ({listed(failed)}){why}",
                'Reasons and the commands that reproduce them stand under "Failures".',
                names(failed),
            )
        )
    if task.reference not in {d.name for d in task.deployments if d.has_results}:
        findings.append(
            Finding(
                "failure",
                "no-reference",
                f"The reference {words(task.reference)} has no results: nothing can be compared with it.",
                "Mend the reference first; what has been done already is reused.",
            )
        )
    return findings


def nothing_to_learn(task: TaskView) -> list[Finding]:
    """Random weights, and a reference that is no better than a constant answer."""
    findings = []
    random = [d for d in task.measured if d.random]
    if random:
        findings.append(
            Finding(
                "warning",
                "random-weights",
                f"{listed(random)} {verb(random, 'has', 'have')} random weights: speed and memory count, "
                "quality and the four characteristics do not.",
                deployments=names(random),
            )
        )
    reference, constant = task.reference_deployment, _constant_answer(task)
    if reference is None or reference.random or reference.score is None or constant is None:
        return findings
    saying, right = constant
    if reference.score <= right + thresholds.SAME_SCORE:
        answered = reference.quality.exact_answerable if reference.quality else None
        apart = f", and on {percent(answered)} % of the answerable questions" if answered is not None else ""
        findings.append(
            Finding(
                "warning",
                "weak-reference",
                f"The reference is right on {percent(reference.score)} %{apart}; always saying {saying} would be "
                f"right on {percent(right)} %.",
                "Train the reference longer or on more data before reading the comparisons"
                + ("; until then read the answerable questions apart." if apart else "."),
                (reference.name,),
            )
        )
    return findings


def _constant_answer(task: TaskView) -> tuple[str, float] | None:
    """The best answer that reads nothing, and how often it is right; None where that is not known."""
    data = task.result.data.get("evaluation")
    if data is None:
        return None
    if data.answerable is not None and 0 < data.answerable < 1:
        return '"no answer"', 1 - data.answerable
    return None if data.commonest_label is None else ("the commonest label", data.commonest_label)


def unlike_replicates(task: TaskView) -> list[Finding]:
    """Replicates that are another architecture than what they are said to replicate: no floor at all."""
    wrong = []
    for d in task.measured:
        original = task.by_name.get(str(d.replicate_of)) if d.replicate_kind == "seed" else None
        if original is not None and _size(d) != _size(original):
            wrong.append(d)
    if not wrong:
        return []
    return [
        Finding(
            "warning",
            "unlike-replicate",
            f"{listed(wrong)} {verb(wrong, 'is', 'are')} said to be the reference's recipe with another seed, but of "
            "another size: the seed floor, and every verdict against it, means nothing.",
            "Mend replicate_of, or name models of the same architecture.",
            names(wrong),
        )
    ]


def _size(deployment: DeploymentView) -> tuple[int | None, ...]:
    facts = deployment.artifact
    return () if facts is None else (facts.layers, facts.hidden, facts.parameters)


def exports(task: TaskView) -> list[Finding]:
    """What an export itself warned of: lost fusions, weights out of range."""
    deployments_by_warning: dict[tuple[str, str], list[DeploymentView]] = {}
    for deployment in task.measured:
        for warning in deployment.artifact.warnings if deployment.artifact else ():
            deployments_by_warning.setdefault((deployment.model, words(warning)), []).append(deployment)
    return [
        Finding(
            "warning",
            "export-warning",
            f"{listed(members)}: {warning}.",
            "The artifact runs and is measured as it is; another format of the model may do better.",
            names(members),
        )
        for (_, warning), members in deployments_by_warning.items()
    ]


def left_in_float(task: TaskView) -> list[Finding]:
    """Static INT8 that is not INT8 everywhere, as the export found groups of matmuls too sensitive."""
    left = {
        d: d.artifact.sensitivity.left_float
        for d in task.measured
        if d.artifact and d.artifact.sensitivity and d.artifact.sensitivity.left_float
    }
    members = list(left)
    if not members:
        return []
    groups = list(dict.fromkeys(words(group) for d in members for group in left[d]))
    more = f" and {len(groups) - 3} more" if len(groups) > 3 else ""
    return [
        Finding(
            "advice",
            "left-in-float",
            f"{listed(members)} {verb(members, 'keeps', 'keep')} matmuls in float32 that INT8 moves too far: "
            f"{', '.join(groups[:3])}{more}.",
            "What each group costs stands in the artifact's manifest, under sensitivity.",
            names(members),
        )
    ]


def emulated(task: TaskView) -> list[Finding]:
    members = [d for d in task.measured if d.emulated]
    if not members:
        return []
    kinds = dict.fromkeys(words(kind) for d in members if d.verification for kind in d.verification.matmuls or ())
    return [
        Finding(
            "warning",
            "emulated",
            f"{listed(members)}: FP8 is rounded to, and multiplied in {' and '.join(kinds)}; what "
            f"{verb(members, 'it answers is', 'they answer is')} FP8's, latency, throughput and memory are not.",
            "Time it on a GPU: the format tensorrt-fp8 on the backend tensorrt.",
            names(members),
        )
    ]


def parity(task: TaskView) -> list[Finding]:
    """Artifacts that decide otherwise than their checkpoint. What is further off than that fails its verification."""
    disagreeing = []
    for deployment in task.measured:
        verification = deployment.verification
        if verification is None or verification.against is not None:
            continue  # one's own file: there is no checkpoint to differ from
        agreement = verification.parity.decision_agreement
        if agreement is not None and agreement < thresholds.PARITY_AGREEMENT:
            disagreeing.append((deployment, agreement))
    if not disagreeing:
        return []
    disagreeing.sort(key=lambda item: item[1])
    members = [deployment for deployment, _ in disagreeing]
    return [
        Finding(
            "warning",
            "poor-parity",
            f"{listed(members)}: only {percent(disagreeing[0][1])} % of the decisions on the parity "
            f"batch are the checkpoint's ({members[0].label}).",
            "For INT8, calibrate on more examples of mixed length, padding included.",
            names(members),
        )
    ]


def moved_by_padding(task: TaskView) -> list[Finding]:
    """Checkpoints that read padding: what is exported of them does so as well, and no export can mend it."""
    moved: dict[str, tuple[float, list[DeploymentView]]] = {}
    for deployment in task.measured:
        verification = deployment.verification
        own = verification.determinism.checkpoint_more_padding if verification else None
        if (
            verification is None
            or own is None
            or verification.tolerance is None
            or verification.tolerance.moved is None
        ):
            continue
        spread = max((output.spread or 0 for output in verification.parity.outputs.values()), default=0)
        if own > verification.tolerance.moved * spread:
            moved.setdefault(deployment.model, (own, []))[1].append(deployment)
    return [
        Finding(
            "warning",
            "moved-by-padding",
            f"Padding moves the checkpoint of {words(model)} itself, outputs by up to {own:.2g}, and so "
            f"{verb(members, 'its deployment', 'its deployments')}.",
            "Serve it with the batches and the padding that it is evaluated with; no export mends it.",
            names(members),
        )
        for model, (own, members) in moved.items()
    ]


def unstable_timing(task: TaskView) -> list[Finding]:
    unstable = [d for d in task.measured if d.unstable]
    if not unstable:
        return []
    warnings = [warning for d in unstable for warning in d.warnings]
    # others, such as too few latencies for a p99, do not say why
    said = next((f"{w.text}; {w.next_step}" for w in warnings if w.is_unsteadiness), "the figures did not settle")
    return [
        Finding(
            "warning",
            "unstable-timing",
            f"{plural(len(unstable), 'timing')} unstable, marked ! in the table ({listed(unstable)}): {said}",
            "Close other work, or raise performance.min_seconds; take ratios near 1 for noise.",
            names(unstable),
        )
    ]


def nodes_left_to_the_cpu(task: TaskView) -> list[Finding]:
    """An accelerator that did not take the whole model."""
    left = {}
    for deployment in task.measured:
        if deployment.runtime and (total := sum(deployment.runtime.left_to_cpu.values())):
            left[deployment] = total
    if not left:
        return []
    most = max(left, key=lambda d: left[d])
    return [
        Finding(
            "warning",
            "nodes-left-to-cpu",
            f"{listed(list(left))} {verb(list(left), 'leaves', 'leave')} nodes to the CPU, up to "
            f"{left[most]} ({most.label}): its speed is not the accelerator's.",
            "Choose a format that the provider runs whole; INT8 on NVIDIA means TensorRT.",
            names(list(left)),
        )
    ]
