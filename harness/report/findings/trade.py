"""Findings on speed against change: which deployment to take, and quantization against distillation."""

from __future__ import annotations

from collections.abc import Callable
from math import log

from benchmarks.statistics.bootstrap import Estimate
from harness.report import causes
from harness.report.blocks import Finding
from harness.report.findings import thresholds
from harness.report.findings.phrases import listed, names, plural, score_and_change, verb
from harness.report.floors import DISAGREEMENT
from harness.report.numbers import EN_DASH, count, percent, percent_with_interval, ratio
from harness.report.paired import changed_of_the_chosen, changes_differ, may_change_fewest
from harness.report.values import quotient
from harness.report.view import DeploymentView, RankedSpeedUp, TaskView


def best_trade(task: TaskView) -> list[Finding]:
    """The least changed predictions among those that are fast enough; of equals, the faster."""
    changed = {d.name: DISAGREEMENT.of(task, d) for d in task.candidates}
    speeds = {d.name: speed for d in task.candidates if (speed := task.ranked_speed_up(d))}
    known = [d for d in task.candidates if changed[d.name].value is not None and d.name in speeds]
    if not known:
        return []
    # as measured, and shown to be faster at all
    fast = [d for d in known if speeds[d.name].value >= thresholds.WORTHWHILE_SPEED_UP and speeds[d.name].low > 1]
    wanted = ratio(thresholds.WORTHWHILE_SPEED_UP)
    if not fast:
        fastest = max(known, key=lambda d: speeds[d.name].value)
        return [
            Finding(
                "result",
                "best-trade",
                f"Nothing here is at least {wanted} as fast as the reference: the fastest, {fastest.label}, "
                f"is at {_speed(speeds[fastest.name])}{_tied(fastest, known, speeds)}.",
                "Add formats, smaller models, or a backend that suits this machine.",
                (fastest.name,),
            )
        ]
    best = min(fast, key=lambda d: (changed[d.name].value or 0.0, -speeds[d.name].value))
    others = [d for d in may_change_fewest(task, fast) if d is not best]
    findings = [
        Finding(
            "result",
            "best-trade",
            f"{_title(changed[best.name].value)} "
            f"{_gain_and_price(task, best, changed_of_the_chosen(task, best, fast), len(fast))}. "
            + _of_how_many(len(fast), wanted, others),
            _next_step(task, best, changed[best.name]),
            (best.name,),
        )
    ]
    equals = [
        d
        for d in others
        if speeds[d.name].value > speeds[best.name].value * thresholds.SIMILAR_SPEED
        and speeds[d.name].above(speeds[best.name])
    ]
    if equals:
        quickest = max(equals, key=lambda d: speeds[d.name].value)
        findings.append(
            Finding(
                "result",
                "faster-equal",
                f"{quickest.label} is faster still ({ratio(speeds[quickest.name].value)}) and changes "
                f"{percent_with_interval(changed[quickest.name])}: on these examples that is not "
                f"distinguishable from {best.label}.",
                "More evaluation examples would tell the two apart.",
                (quickest.name, best.name),
            )
        )
    return findings + _fastest_of_all(task, fast, best, changed, speeds)


def _fastest_of_all(
    task: TaskView,
    fast: list[DeploymentView],
    best: DeploymentView,
    changed: dict[str, Estimate],
    speeds: dict[str, RankedSpeedUp],
) -> list[Finding]:
    """What the highest speed costs, where it is clearly higher and changes clearly more than the best trade does."""
    fastest = max(fast, key=lambda d: speeds[d.name].value)
    if not speeds[fastest.name].above(speeds[best.name]) or not changes_differ(task, fastest, best):
        return []
    return [
        Finding(
            "result",
            "fastest-of-all",
            f"Fastest: {_gain_and_price(task, fastest, changed[fastest.name])}{_tied(fastest, fast, speeds)}.",
            deployments=(fastest.name,),
        )
    ]


def _next_step(task: TaskView, deployment: DeploymentView, changed: Estimate) -> str:
    if (changed.value or 0.0) >= thresholds.MANY_CHANGED:
        return "With that many changes, evaluate it as a model of its own before it replaces the reference."
    pair, affected = DISAGREEMENT.pair(task, deployment), task.characteristics.affected
    if pair is None or not pair.newly_wrong:
        return ""
    listed_in = affected.changed if affected else {}
    where = " (ids: `report -f json`, characteristics.affected.changed)" if deployment.name in listed_in else ""
    return f"Look at its newly wrong examples{where} before it replaces the reference."


def fastest(task: TaskView) -> list[Finding]:
    """Where quality was not compared (random weights, no examples), speed alone."""
    if any(DISAGREEMENT.of(task, d).value is not None for d in task.candidates):
        return []
    others = [d for d in task.measured if d.name != task.reference and d.replicate_of is None]
    speeds = {d.name: speed for d in others if (speed := task.ranked_speed_up(d))}
    known = [d for d in others if d.name in speeds]
    if not known:
        return []
    best = max(known, key=lambda d: speeds[d.name].value)
    return [
        Finding(
            "result",
            "fastest",
            f"Fastest: {_gain(task, best)}{_tied(best, known, speeds)}.",
            deployments=(best.name,),
        )
    ]


def not_ranked(task: TaskView) -> list[Finding]:
    """Speed-ups that are ratios of two timings of which one is marked."""
    known = [d for d in task.measured if d.name != task.reference and d.replicate_of is None and task.speed_up(d)]
    doubtful = [d for d in known if task.doubtful_speed_up(d)]
    if not doubtful:
        return []
    return [
        Finding(
            "warning",
            "not-ranked",
            f"The speed-ups of {len(doubtful)} of {plural(len(known), 'deployment')} are of timings that did not "
            "settle or were disturbed, or of pairs that scatter (!): they rank nothing.",
            "Measure more pairs (performance.paired_processes, with single-stream), or quieten the machine.",
            names(doubtful),
        )
    ]


def _gain(task: TaskView, deployment: DeploymentView) -> str:
    measure = f" in {task.speed_measure}" if task.speed_measure == "offline throughput" else ""
    ranked = task.ranked_speed_up(deployment)
    speed = ratio(None) if ranked is None else _speed(ranked)
    return f"{deployment.label}, {speed} as fast as the reference{measure}{_size(task, deployment)}"


def _speed(speed: RankedSpeedUp) -> str:
    """With its interval, where that shows."""
    ends = EN_DASH.join(map(ratio, (speed.low, speed.high)))
    return ratio(speed.value) + ("" if ratio(speed.low) == ratio(speed.high) else f" ({ends})")


def _tied(fastest: DeploymentView, others: list[DeploymentView], speeds: dict[str, RankedSpeedUp]) -> str:
    """Those whose intervals do not say that they are slower."""
    tied = [d for d in others if d is not fastest and not speeds[fastest.name].above(speeds[d.name])]
    return f"; {listed(tied)} may be as fast" if tied else ""


def _gain_and_price(task: TaskView, deployment: DeploymentView, changed: Estimate, chosen_of: int = 1) -> str:
    price = filter(None, (_changes(task, deployment, changed, chosen_of), score_and_change(task, deployment)))
    return f"{_gain(task, deployment)}, {'; '.join(price)}"


def _of_how_many(fast: int, wanted: str, others: list[DeploymentView]) -> str:
    """``others``: those that cannot be told from the best."""
    if fast == 1:
        return f"It is the only one that is at least {wanted} as fast."
    least = f"Of the {fast} that are at least {wanted} as fast it changes the fewest"
    if not others:
        return f"{least}, and it is told from all of them."
    return f"{least}, but {listed(others)} cannot be told from it."


def _title(changed: float | None) -> str:
    """A deployment that changes a good part of its answers is no trade, however fast it is."""
    good = (changed or 0.0) < thresholds.NO_TRADE
    return "Best trade:" if good else "No good trade; of those that are faster the least changed is"


def _size(task: TaskView, deployment: DeploymentView) -> str:
    size = task.size_ratio(deployment)
    return "" if size is None else f" at {ratio(size)} its size"


def _changes(task: TaskView, deployment: DeploymentView, changed: Estimate, chosen_of: int = 1) -> str:
    """``chosen_of``: how many it was chosen among; more than one, and the interval allows for that."""
    corrected = f", interval corrected for the choice of one among {chosen_of}" if chosen_of > 1 else ""
    text = f"changes {percent_with_interval(changed)} of its predictions{corrected}"
    verdict = DISAGREEMENT.verdict(task, deployment)
    if verdict is None or verdict.floor.value is None:
        return text
    floor = f"the {verdict.floor_kind} floor of {percent(verdict.floor.value)} %"
    if verdict.conclusion == "same":
        return f"{text}, no more than {floor} and the margin"
    if verdict.conclusion == "cannot tell":
        return f"{text}, which these examples cannot tell from {floor}"
    pair = DISAGREEMENT.pair(task, deployment)
    wrong = f", {count(pair.newly_wrong)} of them newly wrong" if pair and pair.newly_wrong else ""
    return f"{text}{wrong}: more than {floor}"


def quantized_against_distilled(task: TaskView) -> list[Finding]:
    """The reference in low precision against another model in FP32, at about the same speed and at the same size."""
    reference = task.reference_deployment
    if reference is None:
        return []
    kinds = {d.name: causes.cause(d, reference) for d in task.candidates}
    usable = [d for d in task.candidates if DISAGREEMENT.of(task, d).value is not None]
    quantized = [d for d in usable if kinds[d.name] == causes.PRECISION and d.precision in ("int8", "fp8")]
    distilled = [d for d in usable if kinds[d.name] == causes.ARCHITECTURE]
    findings = []
    for what, rule, figure in (
        ("speed", "quantized-against-distilled", lambda d: speed.value if (speed := task.ranked_speed_up(d)) else None),
        ("size", "quantized-against-distilled-by-size", task.size_ratio),
    ):
        pairs = [(q, d) for q in quantized for d in distilled if min(figure(q) or 0, figure(d) or 0) > 0]
        if not pairs:
            continue
        # Where quantization brings nothing, there is nothing to hold against a smaller model.
        pairs = [(q, d) for q, d in pairs if _gains(figure(q), what)]
        if not pairs:
            continue
        one, other = min(pairs, key=lambda pair: _apart(figure(pair[0]), figure(pair[1])))
        if _apart(figure(one), figure(other)) <= log(thresholds.SIMILAR_SPEED):
            findings.append(_against_each_other(task, one, other, what, rule, figure))
    return findings


def _gains(figure: float | None, what: str) -> bool:
    gain = figure if what == "speed" else quotient(1.0, figure)
    return gain is not None and gain >= thresholds.NO_SPEED_UP


def _apart(one: float | None, other: float | None) -> float:
    return abs(log(one or 1.0) - log(other or 1.0))


def _against_each_other(
    task: TaskView,
    one: DeploymentView,
    other: DeploymentView,
    what: str,
    rule: str,
    figure: Callable[[DeploymentView], float | None],
) -> Finding:
    changed_one, changed_other = DISAGREEMENT.of(task, one), DISAGREEMENT.of(task, other)
    if not changes_differ(task, one, other):
        verdict = "the two are not distinguishable in how many predictions they change"
    elif (changed_one.value or 0) < (changed_other.value or 0):
        verdict = "quantization changes fewer predictions than the smaller model"
    else:
        verdict = "the smaller model changes fewer predictions than quantization"
    return Finding(
        "result",
        rule,
        f"At about the same {what}, {verdict}: {one.label} ({ratio(figure(one))}) changes "
        f"{percent_with_interval(changed_one)}, {other.label} ({ratio(figure(other))}) changes "
        f"{percent_with_interval(changed_other)}.",
        deployments=(one.name, other.name),
    )


def no_speed_up(task: TaskView) -> list[Finding]:
    """Compressed formats that are no faster than their own FP32."""
    slow: dict[str, list[tuple[DeploymentView, float]]] = {}
    compared: dict[str, int] = {}
    for deployment in task.measured:
        step = causes.precision_step(task, deployment)
        if step is None or deployment.emulated:
            continue
        gain = task.speed_up(deployment, step.before)
        if gain is None or task.doubtful_speed_up(deployment, step.before):
            continue
        place = f"{deployment.format} on {deployment.backend}"
        compared[place] = compared.get(place, 0) + 1
        if gain < thresholds.NO_SPEED_UP:
            slow.setdefault(place, []).append((deployment, gain))
    if not slow:
        return []
    parts = []
    for place, members in slow.items():
        gains = [gain for _, gain in members]
        span = " to ".join(dict.fromkeys((ratio(min(gains)), ratio(max(gains)))))
        parts.append(f"{place} to {len(members)} of {plural(compared[place], 'model')} ({span})")
    deployments = [deployment for members in slow.values() for deployment, _ in members]
    return [
        Finding(
            "result",
            "no-speed-up",
            f"These are less than {thresholds.NO_SPEED_UP:g}x as fast as the same model in FP32: {', '.join(parts)}; "
            f"{listed(deployments)}.",
            f"{_unfused(deployments)}Keep FP32 where latency is what counts; "
            f"the {verb(deployments, 'file is', 'files are')} smaller.",
            names(deployments),
        )
    ]


def _unfused(slow: list[DeploymentView]) -> str:
    """An option that speeds dynamic INT8 up on ONNX Runtime's CPU provider, where one of these has not tried it."""
    untried = any(
        deployment.format == "onnx-int8-dynamic"
        and deployment.runtime is not None
        and deployment.runtime.options.get("skip_layer_norm_fusion") is True
        for deployment in slow
    )
    return "Try dynamic INT8 with backend_options.onnxruntime-cpu.skip_layer_norm_fusion: false. " if untried else ""
