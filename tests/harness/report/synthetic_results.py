"""Synthetic results of a run, in the shape of results.json: whole, minimal and broken ones."""

from __future__ import annotations

import copy
import random
from typing import Any

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


def estimate(value: float, half: float) -> dict[str, float]:
    return {"value": value, "low": max(value - half, -1.0), "high": min(value + half, 1.0)}


def deployment_name(model: str, form: str, backend: str = BACKEND) -> str:
    return f"{model}/{form}@{backend}"


def deployment(task: str, model: str, form: str, backend: str = BACKEND, **changes: Any) -> dict[str, Any]:
    parameters, layers, hidden, right, _, milliseconds = MODELS.get(model.removesuffix("-seed1"), MODELS["bert-mini"])
    slower, size, change = FORMATS.get(form, (1.1, 1.0, 0.0))
    ms = milliseconds * slower
    score = right - change / 4
    quality = (
        {
            "exact": score,
            "f1": score + 0.03,
            "exact_answerable": score - 0.05,
            "exact_unanswerable": score + 0.05,
        }
        if task == QA
        else {"accuracy": score + 0.05}
    )
    entry: dict[str, Any] = {
        "model": model,
        "format": form,
        "backend": backend,
        "status": "ok",
        "reason": None,
        "step": None,
        "command": None,
        "replicate_of": None,
        "replicate_kind": None,
        "random": False,
        "artifact": {
            "bytes": int(parameters * 4 * size),
            "sha256": "0" * 64,
            "precision": form,
            "parameters": parameters,
            "layers": layers,
            "hidden": hidden,
        },
        "parity": {
            "examples": 32,
            "largest_logit_difference": 2e-6 + change,
            "mean_logit_difference": change / 10,
            "largest_representation_difference": change,
            "decision_agreement": 1 - change,
            "finite": True,
        },
        "quality": quality,
        "performance": {
            "single-stream": {
                "p50_ms": ms,
                "p90_ms": ms * 1.1,
                "p95_ms": ms * 1.2,
                "p99_ms": ms * 1.4,
                "mean_ms": ms * 1.03,
                "count": 640,
                "steady": True,
            },
            "offline": {"samples_per_second": 1600 / ms, "tokens_per_second": 160_000 / ms},
            "load_ms": ms * 4,
            "first_inference_ms": ms * 2,
            "peak_memory_bytes": int(parameters * 5 * size + 60e6),
            "device_memory_bytes": None,
            "warnings": [],
        },
        "describe": {"provider": "CPUExecutionProvider", "threads": 2},
    }
    entry.update(changes)
    return entry


def away(agreement: dict[str, float]) -> dict[str, float]:
    """An agreement as a distance."""
    return {"value": 1 - agreement["value"], "low": 1 - agreement["high"], "high": 1 - agreement["low"]}


def verdicts(
    deployments: dict[str, dict[str, Any]],
    names: list[str],
    pairs: list[dict[str, Any]],
    distance: Any,
    margin: float = 0.01,
) -> dict[str, Any]:
    """What a run might conclude: against the seed floor for other models, the execution floor for the reference's."""
    reference = names[0]
    by_pair = {(pair["a"], pair["b"]): distance(pair) for pair in pairs}
    floors: dict[str, dict[str, float]] = {}
    for name in names:
        kind = deployments[name]["replicate_kind"]
        if kind and deployments[name]["replicate_of"] == reference:
            floors[kind] = by_pair[reference, name]
    found = {}
    for name in names[1:]:
        if deployments[name]["replicate_kind"]:
            continue
        other = deployments[name]["model"] != deployments[reference]["model"]
        floor = floors.get("seed") if other and "seed" in floors else floors.get("execution")
        if floor is None:
            continue
        apart = by_pair[reference, name]
        found[name] = verdict(apart, floor, margin)
    return found


def verdict(apart: dict[str, float], floor: dict[str, float], margin: float = 0.01) -> dict[str, Any]:
    conclusion = "cannot tell"
    if apart["high"] - floor["value"] <= margin:
        conclusion = "same"
    elif apart["low"] > floor["high"]:
        conclusion = "different"
    times = apart["value"] / floor["value"] if floor["value"] else None
    return {
        "conclusion": conclusion,
        "floor": floor,
        "excess": {"value": apart["value"] - floor["value"], "low": None, "high": None},
        "times_floor": {"value": times, "low": None, "high": None},
        "p_different": 0.5,
        "p_same": 0.5,
        "margin": margin,
        "examples_needed": 5000 if conclusion == "cannot tell" else None,
    }


def characteristics(task: str, deployments: dict[str, dict[str, Any]], *, seed: int = 0) -> dict[str, Any]:
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

    def stratum(n: int, harder: float) -> dict[str, Any]:
        pairs = []
        for a, b in ordered:
            d = min(apart(a, b) * harder, 0.95)
            chance = 0.10 + 0.05 * draw.random()
            overlap = chance + (1 - chance) * (1 - d) ** 3
            pairs.append(
                {
                    "a": a,
                    "b": b,
                    "jaccard": estimate(overlap, 0.05 if d > 0.01 else 0.0),
                    "expected_jaccard": chance,
                    "largest_jaccard": max(0.93, overlap),
                    "adjusted_jaccard": estimate((overlap - chance) / (max(0.93, overlap) - chance), 0.06),
                    "kappa": estimate(1 - d * 1.5, 0.05),
                    "disagreement": estimate(d, min(0.02, d / 2)),
                    "divergence": estimate(d / 5, 0.01),
                    "newly_wrong": int(n * d * 0.4),
                    "newly_right": int(n * d * 0.25),
                    "negative_flip_rate": estimate(d * 0.4, min(0.01, d / 5)),
                    "positive_flip_rate": estimate(d * 0.25, min(0.01, d / 5)),
                    "mcnemar_p": max(0.0002, 0.6 - 3 * d),
                }
            )
        errors = {}
        for name in names:
            quality = deployments[name]["quality"]
            rate = 1 - quality.get("exact", quality.get("accuracy", 0.5))
            errors[name] = {"count": int(n * rate), "rate": estimate(rate, 0.02)}
        return {
            "n": n,
            "groups": n // 12,
            "errors": errors,
            "pairs": pairs,
            "scores": {},
            "verdicts": {
                "disagreement": verdicts(deployments, names, pairs, lambda pair: pair["disagreement"]),
                "jaccard": verdicts(deployments, names, pairs, lambda pair: away(pair["jaccard"]), 0.05),
            },
        }

    strata = {"all": stratum(1218, 1.0)}
    if task == QA:
        strata |= {"answerable": stratum(610, 1.4), "unanswerable": stratum(608, 0.6)}

    def neighbours(d: float) -> dict[str, Any]:
        return {k: estimate(max((1 - d) ** power, 0.02), 0.02) for k, power in (("5", 4), ("10", 3.5), ("50", 3))}

    representation = {
        "n": 1218,
        "chance_overlap": {"5": 0.02, "10": 0.08, "50": 2.05},
        "chance_jaccard": {"5": 0.002, "10": 0.004, "50": 0.021},
        "pairs": [
            {
                "a": a,
                "b": b,
                "neighbours": neighbours(apart(a, b) * 1.5),
                "neighbours_other_groups": neighbours(apart(a, b) * 1.8),
                "cka": {"value": 1 - apart(a, b), "low": None, "high": None},
            }
            for a, b in ordered
        ],
    }
    representation["verdicts"] = {
        k: verdicts(deployments, names, representation["pairs"], lambda pair, k=k: away(pair["neighbours"][k]), 0.05)
        for k in ("5", "10", "50")
    }
    distribution = {
        "k": 50,
        "kept": 0.95,
        "n_bank": 2000,
        "n_calibration": 609,
        "n_inside": 609,
        "n_outside": 1000,
        "detectors": {
            name: {
                "threshold": -0.4,
                "auroc": estimate(0.9 - place[name][0] / 2, 0.02),
                "fpr95": estimate(0.4 + place[name][0], 0.04),
                "detected": estimate(0.7 - place[name][0], 0.03),
                "false_alarms": estimate(0.05, 0.01),
            }
            for name in names
        },
        "length_only_auroc": 0.66,
        "pairs": [
            {
                "a": a,
                "b": b,
                "jaccard_outside": estimate(1 - apart(a, b), 0.02),
                "expected_jaccard_outside": 0.52,
                "jaccard_inside": estimate(max(1 - 2 * apart(a, b), 0.0), 0.1),
                "expected_jaccard_inside": 0.03,
                "rank_correlation": estimate(1 - apart(a, b) * 0.8, 0.02),
            }
            for a, b in ordered
        ],
    }
    distribution["verdicts"] = {
        where: verdicts(
            deployments,
            names,
            distribution["pairs"],
            lambda pair, where=where: away(pair[f"jaccard_{where}"]),
            0.05,
        )
        for where in ("outside", "inside")
    }
    attack = None
    if task == TEXT:
        attack = {
            "method": "BERT-ATTACK",
            "n": 100,
            "deployments": {
                name: {
                    "accuracy_before": estimate(0.9 - place[name][0] / 3, 0.06),
                    "accuracy_after": estimate(0.3 - place[name][0] / 2, 0.06),
                    "success_rate": estimate(0.62 + place[name][0] * 0.9, 0.08),
                    "out_of_budget": estimate(0.0, 0.0),
                    "words_changed": estimate(0.14, 0.02),
                    "queries": estimate(91.0, 0.0) | {"low": 80.0, "high": 102.0},
                    "similarity": estimate(0.83, 0.02),
                    "random_success": estimate(0.2 + place[name][0] / 2, 0.08),
                    "fell_to_any": estimate(0.7 + place[name][0] / 2, 0.08),
                    "missed": estimate(0.21, 0.08),
                }
                for name in names
            },
            "success_changes": {
                name: {"conclusion": "different" if place[name][0] > 0.15 else "cannot tell"} for name in names[1:]
            },
            "pairs": [
                {
                    "a": a,
                    "b": b,
                    "jaccard": estimate(0.95 - apart(a, b) / 2, 0.07),
                    "expected_jaccard": 0.55,
                    "kappa": estimate(1 - apart(a, b), 0.1),
                    "same_words": estimate(0.9 - apart(a, b), 0.1),
                    "changes": {
                        "accuracy_after": estimate(-apart(a, b) / 2, 0.06),
                        "success_rate": estimate(apart(a, b) * 0.9, 0.06),
                        "random_success": estimate(apart(a, b) / 2, 0.06),
                        "fell_to_any": estimate(apart(a, b) / 2, 0.06),
                        "queries": {"value": -12.0, "low": -20.0, "high": -4.0},
                        "words_changed": estimate(-0.01, 0.02),
                        "similarity": estimate(0.0, 0.01),
                        "transfer": estimate(-apart(a, b), 0.08),
                    },
                }
                for a, b in ordered
            ],
            "transfers": [
                {
                    "crafted_on": crafted_on,
                    "n": 56,
                    "rates": {
                        name: estimate(max(1 - apart(crafted_on, name), 0.1) if name != crafted_on else 1.0, 0.1)
                        for name in names
                    },
                }
                for crafted_on in names
            ],
            "words": {
                name: [
                    {"word": "wonderful", "texts": 9, "share": 9 / 56, "reference": 0.2},
                    {"word": "incomprehensibilities", "texts": 4, "share": 4 / 56, "reference": 0.0},
                    {"word": "remembers", "texts": 1, "share": 1 / 56, "reference": 0.02},
                ]
                for name in names
            },
            "examples": [
                {
                    "id": "imdb-17",
                    "deployment": names[0],
                    "label": 1,
                    "original": "a wonderful film with [red]warm[/red] actors , and a story that one "
                    "remembers "
                    "long after the lights have gone on again",
                    "adversarial": "a decent film with [red]warm[/red] actors , and a story that one forgets "
                    "long after the lights have gone on again",
                    "changed": [1, 11],
                },
            ],
        }
    return {
        "prediction_errors": {"strata": strata},
        "data_representation": representation,
        "data_distribution": distribution,
        "adversarial_attack": attack,
    }


def task_results(
    task: str, deployments: dict[str, dict[str, Any]], reference: str, *, family: str = "trained"
) -> dict[str, Any]:
    failures = [
        {
            "deployment": name,
            "step": d["step"],
            "status": "failed",
            "reason": d["reason"],
            "command": d["command"],
        }
        for name, d in deployments.items()
        if d["status"] != "ok"
    ]
    return {
        "reference": reference,
        "family": family,
        "notes": [],
        "data": {
            "evaluation": {
                "source": "squad2-dev.json",
                "examples": 1218,
                "groups": 98,
                "mean_tokens": 187.4,
                "answerable": 0.501 if task == QA else None,
            },
            "out-of-distribution": {
                "source": "newsqa-dev.json",
                "examples": 1000,
                "groups": 420,
                "mean_tokens": 612.0,
                "answerable": 1.0 if task == QA else None,
            },
            "bank": {"source": "squad2-train.json", "examples": 2000, "groups": 300, "mean_tokens": 180.0},
        },
        "deployments": deployments,
        "characteristics": characteristics(task, deployments),
        "failures": failures,
    }


def envelope(tasks: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": 2,
        "study": "quantized-vs-distilled",
        "description": "BERT-large and its compressed relatives, as deployed on a CPU.",
        "environment": {
            "cpu": {
                "model": "Intel Xeon Platinum 8481C",
                "isa": ["avx2", "avx512f", "avx512_vnni"],
                "cores": 2,
            },
            "memory_bytes": 8 * 2**30,
            "gpu": None,
            "os": "Linux 6.1",
            "python": "3.11.9",
            "versions": {"onnxruntime": "1.31.1", "torch": "2.13.0", "numpy": "2.4.6"},
        },
        "tasks": tasks,
    }


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
        "command": f"scalemodel run configs/paper.yaml --only '{failed}'",
        "artifact": None,
        "parity": None,
        "quality": None,
        "performance": None,
        "describe": None,
    }
    unstable = deployments[deployment_name("distilbert", "onnx-int8-static")]["performance"]
    unstable["single-stream"]["steady"] = False
    unstable["warnings"] = ["unsteady: latency fell during the only pass; raise min_warmup_seconds"]
    return task_results(task, deployments, reference)


def whole() -> dict[str, Any]:
    """28 deployments in each of two tasks."""
    return envelope({QA: whole_task(QA), TEXT: whole_task(TEXT)})


def small(task: str = QA, family: str = "demonstration") -> dict[str, Any]:
    """Two models in three formats: few enough for whole matrices."""
    models, formats = ("bert-large", "bert-tiny"), ("onnx-fp32", "onnx-fp16", "onnx-int8-dynamic")
    deployments = {deployment_name(m, f): deployment(task, m, f) for m in models for f in formats}
    return envelope({task: task_results(task, deployments, deployment_name("bert-large", "onnx-fp32"), family=family)})


def minimal() -> dict[str, Any]:
    """What a run has at the least: one deployment, nothing measured, nothing compared."""
    reference = deployment_name("bert-tiny", "onnx-fp32")
    entry = dict.fromkeys(deployment(QA, "bert-tiny", "onnx-fp32"))
    entry |= {"model": "bert-tiny", "format": "onnx-fp32", "backend": BACKEND, "status": "ok", "random": True}
    task = {
        "reference": reference,
        "family": "random",
        "notes": [],
        "data": {},
        "deployments": {reference: entry},
        "characteristics": dict.fromkeys(
            ("prediction_errors", "data_representation", "data_distribution", "adversarial_attack")
        ),
        "failures": [],
    }
    return envelope({QA: task}) | {"environment": {}}


def without_examples() -> dict[str, Any]:
    """n = 0: every estimate is null."""
    results = copy.deepcopy(small())

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
    results = copy.deepcopy(small())
    task = results["tasks"][QA]
    for name, entry in task["deployments"].items():
        entry |= {
            "status": "out-of-memory",
            "reason": "killed at 7.9 GiB",
            "step": "export",
            "command": f"x {name}",
        }
        for key in ("artifact", "parity", "quality", "performance", "describe"):
            entry[key] = None
    task["characteristics"] = None
    return results


def without_performance() -> dict[str, Any]:
    results = copy.deepcopy(small(TEXT))
    for entry in results["tasks"][TEXT]["deployments"].values():
        entry["performance"] = None
    return results


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
    results["description"] = "line\nbreak \x1b[31mred\x1b[0m | pipe `tick` <script> \u202eevil \ud800"
    task = results["tasks"][TEXT]
    task["notes"] = ["[bold]note[/bold] | 日本語のメモ"]
    task["characteristics"]["adversarial_attack"]["examples"] = [
        {
            "id": "[red]",
            "deployment": "gone",
            "label": "[/]",
            "original": "a [link=x]fine[/link] film",
            "adversarial": "a [link=x]bad[/link] \x07film",
            "changed": None,
        },
        {},
        {"original": "same text", "adversarial": "same text"},
    ]
    task["failures"] = [
        {
            "model": "[/oops]",
            "step": "train",
            "status": "failed",
            "reason": "[red]\nno | pipe",
            "command": "run '[x]'",
        }
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
