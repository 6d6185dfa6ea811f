"""Synthetic results of a run, built from the models of results: whole, minimal and broken ones.

Builders give one tree of JSON values that a test can edit, each deployment's timings under its `performance`; `run_of`
makes a run of it, which is checked as a run's files are.
"""

from __future__ import annotations

import json
import pickle
import random
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import lru_cache, wraps
from typing import Any, Literal, ParamSpec, get_origin

from pydantic import BaseModel

from benchmarks.attack.changed_words import BreakingWord
from benchmarks.attack.pairs import AttackChanges, OutcomeAgreement
from benchmarks.attack.transfer import Transfer
from benchmarks.characteristics.adversarial_attack import AdversarialAttack, AttackExample, Vulnerability
from benchmarks.characteristics.data_distribution import (
    DataDistribution,
    Detector,
    DistributionPair,
    DistributionVerdicts,
)
from benchmarks.characteristics.data_representation import DataRepresentation, RepresentationPair
from benchmarks.characteristics.prediction_errors import (
    ClassRecall,
    ErrorPair,
    Errors,
    ErrorVerdicts,
    PredictionErrors,
    Stratum,
)
from benchmarks.statistics.bootstrap import Estimate
from benchmarks.statistics.divergence import Divergences, Spread
from benchmarks.statistics.equivalence import Conclusion, NormalChange, PairedShares, ScoreChange, Trainings, Verdict
from benchmarks.statistics.length_matching import LengthMatch
from exporters.parity import Parity
from harness.report.view import TaskView, tasks_of
from harness.results.deployments import ArtifactFacts, DeploymentResult, Quality
from harness.results.environment import Environment, Processor
from harness.results.read import RunResults
from harness.results.schema import (
    RESULTS_VERSION,
    CharacteristicResults,
    DataFacts,
    FailedStep,
    PerformanceResults,
    Results,
    TaskResults,
)
from harness.results.timings import DeploymentPerformance, Intervals, LatencyFigures, OfflineFigures, PairedSpeedUp
from harness.store.runtime_facts import RuntimeFacts
from harness.verification.result import Determinism, VerificationResult

QA = "question-answering"
TEXT = "text-classification"
BACKEND = "onnxruntime-cpu"

# parameters, layers, hidden, right answers, change against the reference, milliseconds in FP32
MODELS: dict[str, tuple[int, int, int, float, float, float]] = {
    "bert-large": (335_000_000, 24, 1024, 0.86, 0.0, 586.2),
    "bert-base": (109_000_000, 12, 768, 0.855, 0.13, 133.4),
    "distilbert": (66_000_000, 6, 768, 0.80, 0.18, 68.1),
    "bert-medium": (41_000_000, 8, 512, 0.77, 0.21, 41.0),
    "bert-mini": (11_200_000, 4, 256, 0.68, 0.29, 9.1),
    "bert-tiny": (4_400_000, 2, 128, 0.58, 0.38, 1.31),
}
# times the FP32 latency, times its size, further change of predictions
FORMATS: dict[str, tuple[float, float, float]] = {
    "onnx-fp32": (1.0, 1.0, 0.0),
    "onnx-fp16": (1.15, 0.5, 0.002),
    "onnx-int8-dynamic": (0.27, 0.25, 0.04),
    "onnx-int8-static": (0.4, 0.32, 0.06),
}


Json = dict[str, Any]
P = ParamSpec("P")


def built_once(build: Callable[P, Json]) -> Callable[P, Json]:
    """A builder whose every call has a copy of what the first one built."""

    built: dict[Any, bytes] = {}

    @wraps(build)
    def copied(*arguments: P.args, **named: P.kwargs) -> Json:
        key = (arguments, *named.items())
        if key not in built:
            built[key] = pickle.dumps(json.loads(json.dumps(build(*arguments, **named))))
        tree: Json = pickle.loads(built[key])
        return tree

    return copied


def run_of(tree: Json) -> RunResults:
    """The run that a tree describes: one for all that are equal, since nobody can change it."""
    return _run_of(pickle.dumps(tree))


@lru_cache(maxsize=16)
def _run_of(pickled: bytes) -> RunResults:
    tree = pickle.loads(pickled)
    tasks: Json = {}
    timings: Json = {}
    for name, task in tree["tasks"].items():
        timed = {deployment: entry["performance"] for deployment, entry in task["deployments"].items()}
        timings[name] = {deployment: figures for deployment, figures in timed.items() if figures is not None}
        untimed = {
            deployment: {field: value for field, value in entry.items() if field != "performance"}
            for deployment, entry in task["deployments"].items()
        }
        tasks[name] = {**task, "deployments": untimed}
    results = {**tree, "tasks": tasks}
    performance = {"version": RESULTS_VERSION, "seconds": 312.0, "tasks": timings}
    return RunResults(
        Results.model_validate_json(json.dumps(results, default=as_json)),
        PerformanceResults.model_validate_json(json.dumps(performance, default=as_json)),
    )


def view_of(name: str, task: Json) -> TaskView:
    """The view of one task of a tree."""
    (view,) = tasks_of(run_of(envelope({name: task})))
    return view


def tree_of(run: RunResults) -> Json:
    tree = run.results.model_dump(mode="json")
    for name, task in tree["tasks"].items():
        timings = run.timings(name)
        for deployment, entry in task["deployments"].items():
            entry["performance"] = timings[deployment].model_dump(mode="json") if deployment in timings else None
    return tree


def divergences(far: float) -> Divergences:
    def spread(mean: float) -> Spread:
        median, p90, p95, p99 = (estimate(mean * times, mean / 4) for times in (0.2, 2, 3, 5))
        return Spread(estimate(mean, mean / 10), median, p90, p95, p99, mean * 9)

    return Divergences(spread(far / 50), spread(far / 60), 0)


def estimate(value: float, half: float) -> Estimate:
    return Estimate(value, max(value - half, -1.0), min(value + half, 1.0))


def score_change(n: int, lost: float) -> ScoreChange:
    """A share of right answers that is lost for good."""
    conclusion: Conclusion = "different" if lost > 0.05 else "cannot tell"
    return ScoreChange(conclusion, estimate(-lost, 0.03), None, None, 0.01, None, PairedShares(0.0, lost, float(n)))


def bare(value: float | None) -> Estimate:
    return Estimate(value, None, None)


def deployment_name(model: str, form: str, backend: str = BACKEND) -> str:
    return f"{model}/{form}@{backend}"


def deployment(task: str, model: str, form: str, backend: str = BACKEND, **changes: Any) -> Json:
    """One entry of the tree."""
    parameters, layers, hidden, right, _, milliseconds = MODELS.get(model.removesuffix("-seed1"), MODELS["bert-mini"])
    slower, size, change = FORMATS.get(form, (1.1, 1.0, 0.0))
    score, answering = right - change / 4, task == QA
    result = DeploymentResult(
        model=model,
        format=form,
        backend=backend,
        status="ok",
        reason=None,
        step=None,
        command=None,
        replicate_of=None,
        replicate_kind=None,
        random=False,
        pruned_of=None,
        claimed=None,
        artifact=ArtifactFacts(
            bytes=int(parameters * 4 * size),
            sha256="0" * 64,
            precision=form,
            parameters=parameters,
            layers=layers,
            hidden=hidden,
            source={},
            isa=None,
            rounding=None,
            sensitivity=None,
            warnings=[],
        ),
        verification=VerificationResult(
            parity=Parity(
                examples=32,
                largest_logit_difference=2e-6 + change,
                mean_logit_difference=change / 10,
                largest_representation_difference=change,
                decision_agreement=1 - change,
                finite=True,
                outputs={},
            ),
            against=None,
            quality=None,
            determinism=Determinism(repeated=0.0, another_batch=0.0, more_padding=0.0, checkpoint_more_padding=0.0),
            tolerance=None,
            matmuls=None,
            preprocessing=None,
        ),
        quality=Quality.known(
            accuracy=None if answering else score + 0.05,
            exact=score if answering else None,
            f1=score + 0.03 if answering else None,
            exact_answerable=score - 0.05 if answering else None,
            exact_unanswerable=score + 0.05 if answering else None,
        ),
        runtime=RuntimeFacts(
            backend=backend,
            provider="CPUExecutionProvider",
            threads=2,
            options={},
            left_to_cpu={},
            versions={},
            details={},
        ),
        sources=[],
    )
    timed = timings(milliseconds * slower, memory=int(parameters * 5 * size + 60e6))
    return result.model_dump(mode="json") | {"performance": timed.model_dump(mode="json")} | changes


def timings(ms: float, *, memory: int) -> DeploymentPerformance:
    single = LatencyFigures(
        p50_ms=ms,
        p90_ms=ms * 1.1,
        p95_ms=ms * 1.2,
        p99_ms=ms * 1.4,
        mean_ms=ms * 1.03,
        p90_bound_ms=None,
        p99_bound_ms=None,
        count=640,
        steady=True,
        scattered=False,
        tail_steady=True,
        disturbed=False,
    )
    offline = OfflineFigures(
        inference_samples_per_second=None,
        samples_per_second=1600 / ms,
        tokens_per_second=160_000 / ms,
        cpu_joules_per_sample=None,
        gpu_joules_per_sample=None,
        steady=True,
        disturbed=False,
    )
    return DeploymentPerformance(
        processes=6,
        single_stream=single,
        multi_stream=None,
        offline=offline,
        server=None,
        sweep=[],
        latency_breakdown=None,
        efficiency=None,
        tuned=None,
        paired=None,
        searches={},
        load_ms=ms * 4,
        artifact_load_ms=None,
        first_inference_ms=ms * 2,
        peak_memory_bytes=memory,
        device_memory_bytes=None,
        memory_method=None,
        intervals=Intervals.model_validate(dict.fromkeys(Intervals.model_fields)),
        warnings=[],
        replicates=[],
    )


def paired(reference: str, ratio: float, low: float, high: float) -> Json:
    """A speed-up over ``reference`` with its interval."""
    found = PairedSpeedUp(against=reference, ratio=ratio, interval=(low, high), pairs=120, processes=4)
    return found.model_dump(mode="json")


def away(agreement: Estimate) -> Estimate:
    """An agreement as a distance."""
    assert agreement.value is not None and agreement.low is not None and agreement.high is not None
    return Estimate(1 - agreement.value, 1 - agreement.high, 1 - agreement.low)


def verdicts(
    deployments: dict[str, Json],
    names: list[str],
    distances: dict[tuple[str, str], Estimate],
    margin: float = 0.01,
) -> dict[str, Verdict]:
    """What a run might conclude: against the seed floor for other models, the execution floor for the reference's."""
    reference = names[0]
    floors: dict[str, Estimate] = {}
    for name in names:
        replicate = deployments[name]["replicate_kind"]
        if replicate and deployments[name]["replicate_of"] == reference:
            floors[replicate] = distances[reference, name]
    found = {}
    for name in names[1:]:
        if deployments[name]["replicate_kind"]:
            continue
        other = deployments[name]["model"] != deployments[reference]["model"]
        kind: Literal["execution", "seed"] = "seed" if other and "seed" in floors else "execution"
        if kind in floors:
            found[name] = verdict(distances[reference, name], floors[kind], margin, kind)
    return found


def verdict(
    apart: Estimate, floor: Estimate, margin: float = 0.01, kind: Literal["execution", "seed"] = "execution"
) -> Verdict:
    assert apart.value is not None and apart.low is not None and apart.high is not None
    assert floor.value is not None and floor.high is not None
    conclusion: Conclusion = "cannot tell"
    if apart.high - floor.value <= margin:
        conclusion = "same"
    elif apart.low > floor.high:
        conclusion = "different"
    return Verdict(
        conclusion=conclusion,
        floor=floor,
        floor_kind=kind,
        trainings=3 if kind == "seed" else 1,
        excess=bare(apart.value - floor.value),
        times_floor=bare(apart.value / floor.value if floor.value else None),
        p_different=0.5,
        p_same=0.5,
        margin=margin,
        examples_needed=5000 if conclusion == "cannot tell" and kind == "execution" else None,
        trainings_needed=5 if conclusion == "cannot tell" and kind == "seed" else None,
        evidence=Trainings(apart.value, apart.value - floor.value, 0.01, floor.value**0.5, 0.02, 3, 0.01)
        if kind == "seed"
        else NormalChange(apart.value - floor.value, 0.01, None),
    )


def characteristics(task: str, deployments: dict[str, Json], *, seed: int = 0) -> CharacteristicResults:
    """Figures that a run could have: further away with every step of architecture and precision."""
    draw = random.Random(seed)
    names = [name for name, entry in deployments.items() if entry["status"] == "ok"]
    place = {}
    for index, name in enumerate(names):
        entry = deployments[name]
        _, _, _, _, far, _ = MODELS.get(entry["model"].removesuffix("-seed1"), MODELS["bert-mini"])
        if entry["replicate_kind"] == "seed":
            far = 0.08
        place[name] = (far, FORMATS.get(entry["format"], (1, 1, 0.001))[2], index)

    def apart(a: str, b: str) -> float:
        if a.split("#")[0] == b.split("#")[0]:
            return 0.001
        (far_a, precision_a, _), (far_b, precision_b, _) = place[a], place[b]
        same_model = deployments[a]["model"] == deployments[b]["model"]
        architecture = 0.0 if same_model else max(far_a, far_b)
        return min(architecture + abs(precision_a - precision_b) + draw.random() * 0.01, 0.9)

    ordered = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]

    def judged(pairs: list[Any], distance: Callable[[Any], Estimate], margin: float = 0.05) -> dict[str, Verdict]:
        return verdicts(deployments, names, {(pair.a, pair.b): distance(pair) for pair in pairs}, margin)

    def stratum(n: int, harder: float) -> Stratum:
        pairs = []
        for a, b in ordered:
            d = min(apart(a, b) * harder, 0.95)
            chance = 0.10 + 0.05 * draw.random()
            overlap = chance + (1 - chance) * (1 - d) ** 3
            pairs.append(
                ErrorPair(
                    a=a,
                    b=b,
                    jaccard=estimate(overlap, 0.05 if d > 0.01 else 0.0),
                    expected_jaccard=chance,
                    largest_jaccard=max(0.93, overlap),
                    tetrachoric=estimate((overlap - chance) / (max(0.93, overlap) - chance), 0.06),
                    kappa=estimate(1 - d * 1.5, 0.05),
                    smallest_kappa=-0.1,
                    largest_kappa=0.95,
                    disagreement=estimate(d, min(0.02, d / 2)),
                    further=None if a == names[0] else estimate(sum(place[b][:2]) - sum(place[a][:2]), 0.01),
                    further_p=None if a == names[0] else 0.001,
                    divergence=estimate(d / 5, 0.01),
                    newly_wrong=int(n * d * 0.4),
                    newly_right=int(n * d * 0.25),
                    negative_flip_rate=estimate(d * 0.4, min(0.01, d / 5)),
                    positive_flip_rate=estimate(d * 0.25, min(0.01, d / 5)),
                    mcnemar_p=max(0.0002, 0.6 - 3 * d),
                )
            )
        errors = {}
        for name in names:
            quality = deployments[name]["quality"]
            rate = 1 - (quality["accuracy"] if quality["exact"] is None else quality["exact"])
            errors[name] = Errors(int(n * rate), estimate(rate, 0.02), int(n * rate * 0.1), n * rate * 0.3)
        disagreement = judged(pairs, lambda pair: pair.disagreement, 0.01)
        jaccard = judged(pairs, lambda pair: away(pair.jaccard))
        newly_wrong = judged(pairs, lambda pair: pair.negative_flip_rate, 0.01)
        return Stratum(
            n=n,
            groups=n // 12,
            design_effect=1.2,
            correlation=0.02,
            errors=errors,
            pairs=pairs,
            scores={},
            divergences={} if task == QA else {name: divergences(place[name][0] + 0.01) for name in names[1:]},
            verdicts=ErrorVerdicts(disagreement, jaccard, newly_wrong),
        )

    strata = {"all": stratum(1218, 1.0)}
    if task == QA:
        strata |= {"answerable": stratum(610, 1.4), "unanswerable": stratum(608, 0.6)}
    recalls = {
        label: ClassRecall(
            n=n,
            rates={name: estimate(0.9 - share * place[name][0], 0.02) for name in names},
            changes={name: score_change(n, share * place[name][0]) for name in names[1:]},
        )
        for label, n, share in (
            [("answerable", 610, 1.4), ("unanswerable", 608, 0.6)]
            if task == QA
            else [("negative", 612, 1.2), ("positive", 606, 0.8)]
        )
    }

    def neighbours(d: float) -> dict[str, Estimate]:
        return {k: estimate(max((1 - d) ** power, 0.02), 0.02) for k, power in (("5", 4), ("10", 3.5), ("50", 3))}

    def representation_pair(a: str, b: str) -> RepresentationPair:
        return RepresentationPair(
            a=a,
            b=b,
            neighbours=neighbours(apart(a, b) * 1.5),
            neighbours_other_groups=neighbours(apart(a, b) * 1.8),
            cka=bare(1 - apart(a, b)),
            procrustes=bare(None),
            expected_procrustes=None,
        )

    near = [representation_pair(a, b) for a, b in ordered]

    def shared(k: str) -> dict[str, Verdict]:
        return judged(near, lambda pair: away(pair.neighbours[k]))

    representation = DataRepresentation(
        n=1218,
        chance_overlap={"5": 0.02, "10": 0.08, "50": 2.05},
        chance_jaccard={"5": 0.002, "10": 0.004, "50": 0.021},
        chance_jaccard_other_groups={"5": None, "10": None, "50": None},
        pairs=near,
        verdicts={k: shared(k) for k in ("5", "10", "50")},
    )

    def distribution_pair(a: str, b: str) -> DistributionPair:
        return DistributionPair(
            a=a,
            b=b,
            jaccard_out_of_distribution=estimate(1 - apart(a, b), 0.02),
            expected_jaccard_out_of_distribution=0.52,
            jaccard_in_distribution=estimate(max(1 - 2 * apart(a, b), 0.0), 0.1),
            expected_jaccard_in_distribution=0.03,
            rank_correlation=estimate(1 - apart(a, b) * 0.8, 0.02),
            rank_correlation_in_distribution=bare(None),
        )

    flagged = [distribution_pair(a, b) for a, b in ordered]
    distribution = DataDistribution(
        k=50,
        kept=0.95,
        n_bank=2000,
        n_calibration=609,
        n_in_distribution=609,
        n_out_of_distribution=1000,
        detectors={
            name: Detector(
                threshold=-0.4,
                auroc=estimate(0.9 - place[name][0] / 2, 0.02),
                fpr95=estimate(0.4 + place[name][0], 0.04),
                aupr=bare(None),
                length_matched_auroc=None,
                detected=estimate(0.7 - place[name][0], 0.03),
                false_alarms=estimate(0.05, 0.01),
            )
            for name in names
        },
        baselines={},
        length_only_auroc=0.66,
        length_match=LengthMatch(12, 17, 40.0, 80.0),
        pairs=flagged,
        verdicts=DistributionVerdicts(
            out_of_distribution=judged(flagged, lambda pair: away(pair.jaccard_out_of_distribution)),
            in_distribution=judged(flagged, lambda pair: away(pair.jaccard_in_distribution)),
        ),
    )

    def vulnerability(name: str) -> Vulnerability:
        far = place[name][0]
        return Vulnerability(
            accuracy_before=estimate(0.9 - far / 3, 0.06),
            accuracy_after=estimate(0.3 - far / 2, 0.06),
            success_rate=estimate(0.62 + far * 0.9, 0.08),
            out_of_budget=estimate(0.0, 0.0),
            words_changed=estimate(0.14, 0.02),
            queries=Estimate(91.0, 80.0, 102.0),
            similarity=estimate(0.83, 0.02),
            random_success=estimate(0.2 + far / 2, 0.08),
            any_success=estimate(0.7 + far / 2, 0.08),
            missed=estimate(0.21, 0.08),
        )

    def outcome_pair(a: str, b: str) -> OutcomeAgreement:
        changes = AttackChanges(
            accuracy_after=estimate(-apart(a, b) / 2, 0.06),
            success_rate=estimate(apart(a, b) * 0.9, 0.06),
            random_success=estimate(apart(a, b) / 2, 0.06),
            any_success=estimate(apart(a, b) / 2, 0.06),
            queries=Estimate(-12.0, -20.0, -4.0),
            words_changed=estimate(-0.01, 0.02),
            similarity=estimate(0.0, 0.01),
            transfer=estimate(-apart(a, b), 0.08),
        )
        return OutcomeAgreement(
            a=a,
            b=b,
            n=90,
            jaccard=estimate(0.95 - apart(a, b) / 2, 0.07),
            expected_jaccard=0.55,
            kappa=estimate(1 - apart(a, b), 0.1),
            same_words=estimate(0.9 - apart(a, b), 0.1),
            changes=changes,
        )

    def success_change(name: str) -> ScoreChange:
        conclusion: Conclusion = "different" if place[name][0] > 0.15 else "cannot tell"
        return ScoreChange(conclusion, bare(None), None, None, 0.05, None, PairedShares(9, 2, 90))

    def transfer(source: str) -> Transfer:
        rates = {name: estimate(max(1 - apart(source, name), 0.1) if name != source else 1.0, 0.1) for name in names}
        return Transfer(source, 56, rates)

    example = AttackExample(
        id="imdb-17",
        deployment=names[0] if names else "",
        label=1,
        original="a wonderful film with [red]warm[/red] actors , and a story that one remembers "
        "long after the lights have gone on again",
        adversarial="a decent film with [red]warm[/red] actors , and a story that one forgets "
        "long after the lights have gone on again",
        changed=[1, 11],
        answers=None,
    )
    attack = AdversarialAttack(
        method="BERT-ATTACK",
        n=100,
        deployments={name: vulnerability(name) for name in names},
        success_changes={name: success_change(name) for name in names[1:]},
        pairs=[outcome_pair(a, b) for a, b in ordered],
        transfers=[transfer(name) for name in names],
        words={
            name: [
                BreakingWord("wonderful", 9, 9 / 56, 0.2),
                BreakingWord("incomprehensibilities", 4, 4 / 56, 0.0),
                BreakingWord("remembers", 1, 1 / 56, 0.02),
            ]
            for name in names
        },
        examples=[example],
        alone=[replace(example, id="imdb-18")] if names else [],
    )
    return CharacteristicResults.known(
        prediction_errors=PredictionErrors(strata, recalls, {}),
        data_representation=representation,
        data_distribution=distribution,
        adversarial_attack=attack if task == TEXT else None,
    )


def as_json(result: Any) -> Any:
    """A dataclass of results, or of parts of them, as the tree has it."""
    if isinstance(result, dict):
        return {key: as_json(value) for key, value in result.items()}
    return json.loads(json.dumps(asdict(result)))


def filled(record: type[BaseModel], **given: Any) -> Json:
    """A part of the tree, all that is not given being unknown or empty."""
    empty: dict[Any, Any] = {str: "", int: 0, float: 0.0, bool: False, list: [], dict: {}}
    fields = {
        name: given.pop(name) if name in given else empty.get(get_origin(field.annotation) or field.annotation)
        for name, field in record.model_fields.items()
    }
    assert not given, f"{record.__name__} has no {', '.join(given)}"
    return fields


def failed_step(**told: Any) -> Json:
    return FailedStep(**{**dict.fromkeys(FailedStep.model_fields), **told}).model_dump()


def data(source: str, examples: int, groups: int, tokens: float, answerable: float | None) -> DataFacts:
    return DataFacts(
        source=source,
        examples=examples,
        groups=groups,
        mean_tokens=tokens,
        answerable=answerable,
        commonest_label=None,
    )


def task_results(task: str, deployments: dict[str, Json], reference: str, *, family: str = "trained") -> Json:
    plain = {name: {key: entry[key] for key in DeploymentResult.model_fields} for name, entry in deployments.items()}
    answering = task == QA
    tree = TaskResults(
        reference=reference,
        family="trained",
        notes=[],
        data={
            "evaluation": data("squad2-dev.json", 1218, 98, 187.4, 0.501 if answering else None),
            "out-of-distribution": data("newsqa-dev.json", 1000, 420, 612.0, 1.0 if answering else None),
            "bank": data("squad2-train.json", 2000, 300, 180.0, None),
        },
        deployments={name: DeploymentResult.model_validate_json(json.dumps(entry)) for name, entry in plain.items()},
        characteristics=characteristics(task, deployments),
        failures=[],
    ).model_dump(mode="json")
    failures = [
        failed_step(deployment=name, step=d["step"], status="failed", reason=d["reason"], command=d["command"])
        for name, d in deployments.items()
        if d["status"] != "ok"
    ]
    return tree | {"deployments": deployments, "family": family, "failures": failures}


def envelope(tasks: Json) -> Json:
    environment = Environment(
        cpu=Processor(
            model="Intel Xeon Platinum 8481C",
            isa=["avx2", "avx512f", "avx512_vnni"],
            cores=2,
            affinity="0-1",
            quota=None,
            governor=None,
            turbo=None,
            largest_mhz=None,
        ),
        memory_bytes=8 * 2**30,
        memory_limit=None,
        variables={},
        gpu=None,
        os="Linux 6.1",
        distribution=None,
        python="3.11.9",
        versions={"onnxruntime": "1.31.1", "torch": "2.13.0", "numpy": "2.4.6"},
    )
    return {
        "version": RESULTS_VERSION,
        "study": "quantized-vs-distilled",
        "description": "BERT-large and its compressed relatives, as deployed on a CPU.",
        "environment": environment.model_dump(mode="json"),
        "settings": None,
        "tasks": tasks,
    }


@built_once
def whole_task(task: str) -> dict[str, Any]:
    """Six models in four formats, a seed replicate, two execution replicates, one failure."""
    deployments = {deployment_name(m, f): deployment(task, m, f) for m in MODELS for f in FORMATS}
    reference = deployment_name("bert-large", "onnx-fp32")
    deployments[deployment_name("bert-large-seed1", "onnx-fp32")] = deployment(
        task, "bert-large-seed1", "onnx-fp32", replicate_of=reference, replicate_kind="seed"
    )
    int8 = deployment_name("bert-large", "onnx-int8-dynamic")
    for of in (reference, int8):
        again: dict[str, Any] = {"replicate_of": of, "replicate_kind": "execution", "performance": None}
        deployments[f"{of}#rerun"] = deployment(task, "bert-large", of.split("/")[1].split("@")[0], **again)
    failed = deployment_name("bert-medium", "onnx-fp16")
    deployments[failed] |= {
        "status": "failed",
        "reason": "NaN in the logits of 3 of 32 parity examples",
        "step": "export",
        "command": f"scalemodel run paper/published --only '{failed}'",
        "artifact": None,
        "verification": None,
        "quality": None,
        "performance": None,
        "runtime": None,
    }
    unstable = deployments[deployment_name("distilbert", "onnx-int8-static")]["performance"]
    unstable["single_stream"]["steady"] = False
    unstable["warnings"] = [
        {
            "kind": "trend",
            "text": "unsteady: latency fell during the only pass",
            "next_step": "raise min_warmup_seconds",
        }
    ]
    return task_results(task, deployments, reference)


def whole() -> dict[str, Any]:
    """28 deployments in each of two tasks."""
    return envelope({QA: whole_task(QA), TEXT: whole_task(TEXT)})


@built_once
def small(task: str = QA, family: str = "demonstration") -> dict[str, Any]:
    """Two models in three formats: few enough for whole matrices."""
    models, formats = ("bert-large", "bert-tiny"), ("onnx-fp32", "onnx-fp16", "onnx-int8-dynamic")
    deployments = {deployment_name(m, f): deployment(task, m, f) for m in models for f in formats}
    return envelope({task: task_results(task, deployments, deployment_name("bert-large", "onnx-fp32"), family=family)})


@built_once
def minimal() -> dict[str, Any]:
    """What a run has at the least: one deployment, nothing measured, nothing compared."""
    reference = deployment_name("bert-tiny", "onnx-fp32")
    entry = deployment(QA, "bert-tiny", "onnx-fp32", random=True)
    entry |= dict.fromkeys(("artifact", "verification", "quality", "runtime", "performance"))
    task = task_results(QA, {reference: deployment(QA, "bert-tiny", "onnx-fp32")}, reference, family="random")
    task |= {"data": {}, "deployments": {reference: entry}, "characteristics": NOT_MEASURED}
    return envelope({QA: task}) | {"environment": None}


NOT_MEASURED = dict.fromkeys(CharacteristicResults.model_fields)


def without_examples() -> dict[str, Any]:
    """n = 0: every estimate is null."""
    results = small()

    def emptied(value: Any) -> Any:
        if isinstance(value, dict):
            if set(value) == {"value", "low", "high"}:
                return dict.fromkeys(value)
            return {key: 0 if key == "n" else emptied(item) for key, item in value.items()}
        return [emptied(item) for item in value] if isinstance(value, list) else value

    task = results["tasks"][QA]
    task["characteristics"] = emptied(task["characteristics"])
    task["data"]["evaluation"] |= {"examples": 0, "groups": 0, "mean_tokens": None, "answerable": None}
    for entry in task["deployments"].values():
        entry["quality"] = dict.fromkeys(entry["quality"])
    return results


def all_failed() -> dict[str, Any]:
    results = small()
    task = results["tasks"][QA]
    for name, entry in task["deployments"].items():
        entry |= {
            "status": "failed",
            "reason": "killed at 7.9 GiB",
            "step": "export",
            "command": f"x {name}",
        }
        for key in ("artifact", "verification", "quality", "performance", "runtime"):
            entry[key] = None
    task["characteristics"] = NOT_MEASURED
    return results


def without_performance() -> dict[str, Any]:
    results = small(TEXT)
    for entry in results["tasks"][TEXT]["deployments"].values():
        entry["performance"] = None
    return results


@built_once
def two_backends() -> dict[str, Any]:
    backends = (BACKEND, "openvino-cpu", "torch-cpu")
    deployments = {
        deployment_name(m, f, b): deployment(QA, m, f, b)
        for m in MODELS
        for b in backends
        for f in (FORMATS if b != "torch-cpu" else ("torch-fp32",))
    }
    return envelope({QA: task_results(QA, deployments, deployment_name("bert-large", "onnx-fp32"))})


def hostile() -> dict[str, Any]:
    """Text that markup, terminals and tables could take for commands."""
    results = small(TEXT)
    results["study"] = "[red]study[/red] [/]"
    results["description"] = "line\nbreak \x1b[31mred\x1b[0m | pipe `tick` <script> \u202eevil"
    task = results["tasks"][TEXT]
    task["notes"] = ["[bold]note[/bold] | 日本語のメモ"]
    task["characteristics"]["adversarial_attack"]["examples"] = [
        {
            "id": "[red]",
            "deployment": "gone",
            "label": 1,
            "original": "a [link=x]fine[/link] film",
            "adversarial": "a [link=x]bad[/link] \x07film",
            "changed": [1],
            "answers": None,
        }
    ]
    task["failures"] = [
        failed_step(model="[/oops]", step="train", status="failed", reason="[red]\nno | pipe", command="run '[x]'")
    ]
    return results


EVERY = {
    builder.__name__: builder
    for builder in (
        whole,
        small,
        minimal,
        without_examples,
        all_failed,
        without_performance,
        two_backends,
        hostile,
    )
}
