"""Findings on how far the figures can be trusted, and what would make them better."""

from __future__ import annotations

from math import ceil

from harness.report.content import Finding
from harness.report.findings import thresholds
from harness.report.findings.phrases import listed, names, plural, verb
from harness.report.floors import DISAGREEMENT, ERROR_OVERLAP, floor, replicates
from harness.report.numbers import count, fixed, percent
from harness.report.view import Deployment, Estimate, TaskView, mapping, number, sequence, words


def failures(task: TaskView) -> list[Finding]:
    failed = [d for d in task.deployments if not d.ok]
    findings = []
    if failed:
        reasons = {words(d.entry.get("reason")) for d in failed}
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
                f"{listed(random)} {verb(random, 'has', 'have')} random weights: speed and memory count, quality "
                "and the four characteristics do not.",
                deployments=names(random),
            )
        )
    reference = task.reference_deployment
    answerable = number(mapping(mapping(task.entry.get("data")).get("evaluation")).get("answerable"))
    if (
        reference is not None
        and not reference.random
        and reference.score is not None
        and answerable is not None
        and 0 < answerable < 1
        and reference.score <= 1 - answerable + thresholds.SAME_SCORE
    ):
        findings.append(
            Finding(
                "warning",
                "weak-reference",
                f'The reference is right on {percent(reference.score)} %; always saying "no answer" would be '
                f"right on {percent(1 - answerable)} %.",
                "Train the reference longer or on more data before reading the comparisons.",
                (reference.name,),
            )
        )
    return findings


def parity(task: TaskView) -> list[Finding]:
    """Artifacts whose outputs are not those of their checkpoint."""
    broken, shifted, disagreeing = [], [], []
    for deployment in task.measured:
        if not deployment.parity:
            continue
        logits = number(deployment.parity.get("largest_logit_difference"))
        agreement = number(deployment.parity.get("decision_agreement"))
        if deployment.parity.get("finite") is False:
            broken.append(deployment)
        elif deployment.is_fp32 and logits is not None and logits > thresholds.PARITY_FP32_LOGIT:
            shifted.append((deployment, logits))
        elif agreement is not None and agreement < thresholds.PARITY_AGREEMENT:
            disagreeing.append((deployment, agreement))
    findings = []
    if broken:
        findings.append(
            Finding(
                "failure",
                "not-finite",
                f"{listed(broken)} {verb(broken, 'gives', 'give')} NaN or infinity: the figures mean nothing.",
                "Keep LayerNorm and Softmax in FP32, or use another format.",
                names(broken),
            )
        )
    if shifted:
        members = [deployment for deployment, _ in shifted]
        findings.append(
            Finding(
                "warning",
                "export-differs",
                f"{listed(members)}: logits differ from the checkpoint's by up to "
                f"{max(logits for _, logits in shifted):.2g}, more than an FP32 export should "
                f"({thresholds.PARITY_FP32_LOGIT:g}).",
                "Check the export before blaming compression.",
                names(members),
            )
        )
    if disagreeing:
        disagreeing.sort(key=lambda item: item[1])
        members = [deployment for deployment, _ in disagreeing]
        findings.append(
            Finding(
                "warning",
                "poor-parity",
                f"{listed(members)}: only {percent(disagreeing[0][1])} % of the decisions on the parity batch are "
                f"the checkpoint's ({members[0].label}).",
                "For INT8, calibrate on more examples of mixed length, padding included.",
                names(members),
            )
        )
    return findings


def unstable_timing(task: TaskView) -> list[Finding]:
    unstable = [d for d in task.measured if d.unstable]
    if not unstable:
        return []
    said = next(
        (words(w) for d in unstable for w in sequence(d.performance.get("warnings"))),
        "the latency did not settle",
    )
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
        counts = [number(count) for count in mapping(deployment.describe.get("left_to_cpu")).values()]
        if total := sum(count for count in counts if count is not None):
            left[deployment] = int(total)
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


def too_few_examples(task: TaskView) -> list[Finding]:
    """Intervals that are too wide to tell deployments apart; their width shrinks as 1/sqrt(n)."""
    stratum = task.strata.get("all", {})
    examples = number(stratum.get("n"))
    if examples == 0:
        return [
            Finding(
                "warning",
                "no-examples",
                "There are no evaluation examples that all deployments answered: nothing can be compared.",
                "Check the evaluation data and the failures.",
            )
        ]
    known = [(d, ERROR_OVERLAP.of(task, d)) for d in task.candidates]
    widths = sorted((e.width, d.number, d) for d, e in known if e.width is not None)
    if not widths or not examples:
        return []
    median = widths[len(widths) // 2][0]
    if median <= thresholds.WIDE_INTERVAL:
        return []
    needed = ceil((median / thresholds.WIDE_INTERVAL) ** 2 * examples / 100) * 100
    wide = [d for width, _, d in widths if width > thresholds.WIDE_INTERVAL]
    return [
        Finding(
            "advice",
            "more-examples",
            f"The 95 % intervals of error overlap are wide ({fixed(median, 2)} in the middle, over "
            f"{plural(len(wide), 'deployment')}): {count(examples)} examples tell too little.",
            f"About {count(needed)} examples would bring them to {thresholds.WIDE_INTERVAL:g}.",
            names(wide),
        )
    ]


def few_errors(task: TaskView) -> list[Finding]:
    errors = mapping(task.strata.get("all", {}).get("errors"))
    made = number(mapping(errors.get(task.reference)).get("count"))
    examples = number(task.strata.get("all", {}).get("n"))
    if made is None or not examples or made >= thresholds.FEW_ERRORS:
        return []
    return [
        Finding(
            "advice",
            "few-errors",
            f"The reference makes only {plural(int(made), 'error')} on {count(examples)} examples: overlaps of "
            "errors rest on single examples.",
            "Evaluate on more, or harder, examples; read the changed predictions instead.",
            (task.reference,),
        )
    ]


def weak_detector(task: TaskView) -> list[Finding]:
    """Out-of-distribution detection that is no better than guessing, or than looking at the length."""
    distribution = task.characteristic("data_distribution")
    detectors = mapping(distribution.get("detectors"))
    areas = {name: Estimate.of(mapping(entry).get("auroc")).value for name, entry in detectors.items()}

    def is_weak(deployment: Deployment) -> bool:
        area = areas.get(deployment.name)
        return not deployment.random and area is not None and area < thresholds.WEAK_DETECTOR

    weak = [deployment for deployment in task.measured if is_weak(deployment)]
    findings = []
    if weak:
        findings.append(
            Finding(
                "warning",
                "weak-detector",
                f"{listed(weak)} hardly {verb(weak, 'tells', 'tell')} the two data sets apart (AUROC below "
                f"{thresholds.WEAK_DETECTOR:g}): agreement of what is flagged means little there.",
                deployments=names(weak),
            )
        )
    length, reference = number(distribution.get("length_only_auroc")), areas.get(task.reference)
    if length is not None and reference is not None and length >= reference:
        findings.append(
            Finding(
                "warning",
                "length-confound",
                f"Length alone tells the two data sets apart as well (AUROC {fixed(length, 2)}) as the reference's "
                f"representation does ({fixed(reference, 2)}).",
                "Compare on texts of matched length.",
                (task.reference,),
            )
        )
    return findings


def missing_floors(task: TaskView) -> list[Finding]:
    """Comparisons of models need a seed floor; every comparison needs an execution floor."""
    reference = task.reference_deployment
    if reference is None or not reference.has_results or reference.random or not task.error_pairs.get("all"):
        return []
    findings = []
    other_models = {d.model for d in task.candidates} - {reference.model}
    if (
        other_models
        and task.entry.get("family") == "trained"
        and not replicates(task, "seed", reference.name)
    ):
        findings.append(
            Finding(
                "advice",
                "no-seed-floor",
                "There is no seed floor: part of what tells other models from the reference may be no more than "
                "another training seed.",
                "Add a model with replicate_of: the reference's recipe with another seed.",
            )
        )
    if not replicates(task, "execution", reference.name):
        findings.append(
            Finding(
                "advice",
                "no-execution-floor",
                "There is no execution floor: small changes may come from batching and padding alone.",
                "Set execution_floor: true.",
            )
        )
    elif (
        noise := floor(task, DISAGREEMENT, "execution").value
    ) is not None and noise > thresholds.SAME_SCORE:
        findings.append(
            Finding(
                "warning",
                "noisy-reference",
                f"The reference changes {percent(noise)} % of its own predictions when it is run again with "
                "other batches.",
                "Fix the batching where you deploy it, or take FP32 as the reference.",
                (reference.name,),
            )
        )
    return findings
