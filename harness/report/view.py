"""The results as the report reads them: tasks, and their deployments in the order of every table."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from exporters.formats import ALL
from harness.report.values import Json, Pairs, mapping, number, quotient, sequence, words

FORMAT_ORDER = tuple(ALL)

AGAIN = "#rerun"
"""Ends the name of a deployment's second run."""


@dataclass(frozen=True, eq=False)  # by identity: two runs of one artifact are two deployments
class Deployment:
    """One deployment of a task; ``number`` is its [n] in every table."""

    name: str
    number: int
    short: str
    """The name without "onnx-", and without the backend where the task has only one."""
    variant: str
    """The format alone, for rows that stand under their model."""
    model: str
    format: str
    backend: str
    entry: Json

    @property
    def ok(self) -> bool:
        return self.entry.get("status") == "ok"

    @property
    def has_results(self) -> bool:
        """Whether it answered the evaluation: one whose timing or attack failed has, and is compared."""
        return self.ok or bool(self.quality)

    @property
    def random(self) -> bool:
        return bool(self.entry.get("random"))

    @property
    def replicate_of(self) -> str | None:
        of = self.entry.get("replicate_of")
        return None if of is None else str(of)

    @property
    def pruned_of(self) -> str | None:
        """The model that this one was pruned from."""
        return self.entry.get("pruned_of")

    @property
    def replicate_kind(self) -> str | None:
        return self.entry.get("replicate_kind") if self.replicate_of is not None else None

    @property
    def label(self) -> str:
        """For sentences: "[3] bert-base/onnx-fp16"."""
        return f"[{self.number}] {self.short}"

    @property
    def precision(self) -> str:
        """Of the format (`exporters.format.Precision`), or of a finished file, as found in it; "" unknown."""
        facts = ALL.get(self.format)
        return (facts.precision if facts else None) or words(self.artifact.get("precision"))

    @property
    def is_fp32(self) -> bool:
        return self.precision == "fp32"

    @property
    def quality(self) -> Json:
        return mapping(self.entry.get("quality"))

    @property
    def parity(self) -> Json:
        return mapping(self.entry.get("parity"))

    @property
    def verification(self) -> Json:
        return mapping(self.entry.get("verification"))

    @property
    def artifact(self) -> Json:
        return mapping(self.entry.get("artifact"))

    @property
    def performance(self) -> Json:
        return mapping(self.entry.get("performance"))

    @property
    def describe(self) -> Json:
        return mapping(self.entry.get("describe"))

    @property
    def emulated(self) -> bool:
        """Whether its FP8 was computed in another type: its numbers are FP8's, its speed is not."""
        products = mapping(self.verification.get("products"))
        return self.precision == "fp8" and bool(products) and "fp8" not in products

    @property
    def bytes(self) -> float | None:
        return number(self.artifact.get("bytes"))

    def latency(self, figure: str) -> float | None:
        """Of single-stream, in milliseconds; ``figure`` is "p50", "p90", ..."""
        return number(mapping(self.performance.get("single-stream")).get(f"{figure}_ms"))

    @property
    def unstable(self) -> bool:
        """Whether a timing did not settle, or scatters widely."""
        return self.unsettled("single-stream") or self.unsettled("offline")

    def unsettled(self, scenario: str) -> bool:
        timing = mapping(self.performance.get(scenario))
        return timing.get("steady") is False or timing.get("scattered") is True

    def disturbed(self, scenario: str) -> bool:
        """Whether the machine did other things, or changed its clock, while it was measured."""
        return mapping(self.performance.get(scenario)).get("disturbed") is True

    def doubtful(self, scenario: str) -> bool:
        """Whether a figure is marked: see `unsettled` and `disturbed`."""
        return self.unsettled(scenario) or self.disturbed(scenario)

    def doubtful_tail(self, scenario: str) -> bool:
        return self.unsettled_tail(scenario) or self.disturbed(scenario)

    def unsettled_tail(self, scenario: str) -> bool:
        """Whether the p99 is less than that of a steady tail of enough queries."""
        return mapping(self.performance.get(scenario)).get("tail_steady") is False

    @property
    def samples_per_second(self) -> float | None:
        return number(mapping(self.performance.get("offline")).get("samples_per_second"))

    @property
    def score(self) -> float | None:
        """The share of examples that are right: exact match or accuracy."""
        return number(self.quality.get("exact", self.quality.get("accuracy")))


class TaskView:
    """One task of the results."""

    def __init__(self, name: str, entry: Json) -> None:
        self.name = name
        self.entry = entry
        self.reference = str(entry.get("reference"))
        self.notes = tuple(words(note) for note in sequence(entry.get("notes")))
        self.deployments = _ordered(mapping(entry.get("deployments")), self.reference)
        self.by_name = {deployment.name: deployment for deployment in self.deployments}

    @property
    def is_question_answering(self) -> bool:
        return self.name == "question-answering"

    @cached_property
    def reference_deployment(self) -> Deployment | None:
        return self.by_name.get(self.reference)

    @cached_property
    def measured(self) -> tuple[Deployment, ...]:
        """Those with results that are no second run of another."""
        return tuple(d for d in self.deployments if d.has_results and d.replicate_kind != "execution")

    @cached_property
    def candidates(self) -> tuple[Deployment, ...]:
        """Those that one would deploy instead of the reference and whose answers mean something."""
        return tuple(d for d in self.measured if d.replicate_kind is None and not d.random and d.name != self.reference)

    @cached_property
    def replicates(self) -> dict[tuple[str, str], tuple[Deployment, ...]]:
        """The second runs with results, by kind and by the name of the first."""
        found: dict[tuple[str, str], tuple[Deployment, ...]] = {}
        for d in self.deployments:
            if d.has_results and d.replicate_of is not None:
                place = str(d.replicate_kind), d.replicate_of
                found[place] = (*found.get(place, ()), d)
        return found

    @cached_property
    def backends(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(d.backend for d in self.deployments))

    def characteristic(self, name: str) -> Json:
        return mapping(mapping(self.entry.get("characteristics")).get(name))

    @cached_property
    def strata(self) -> dict[str, Json]:
        """Of the prediction errors: "all" and, for question answering, the two kinds of questions."""
        strata = mapping(self.characteristic("prediction_errors").get("strata"))
        return {name: mapping(stratum) for name, stratum in strata.items()}

    @cached_property
    def error_pairs(self) -> dict[str, Pairs]:
        return {name: Pairs(stratum.get("pairs")) for name, stratum in self.strata.items()}

    @cached_property
    def representation_pairs(self) -> Pairs:
        return Pairs(self.characteristic("data_representation").get("pairs"))

    @cached_property
    def distribution_pairs(self) -> Pairs:
        return Pairs(self.characteristic("data_distribution").get("pairs"))

    @cached_property
    def attack_pairs(self) -> Pairs:
        return Pairs(self.characteristic("adversarial_attack").get("pairs"))

    @cached_property
    def attacked(self) -> Json:
        """Figures of the deployments that were attacked themselves, by name."""
        return mapping(self.characteristic("adversarial_attack").get("deployments"))

    @cached_property
    def transfers(self) -> dict[str, Json]:
        """Rows of the transfer matrix by the deployment that the texts were crafted on."""
        rows = map(mapping, sequence(self.characteristic("adversarial_attack").get("transfers")))
        return {str(row.get("crafted_on")): row for row in rows}

    @cached_property
    def neighbour_counts(self) -> tuple[str, ...]:
        """The values of K, as the keys of the results, ascending."""
        chance = mapping(self.characteristic("data_representation").get("chance_jaccard"))
        found = set(chance)
        for pair in self.representation_pairs:
            found |= set(mapping(pair.get("neighbours")))
        return tuple(sorted((k for k in found if str(k).isdigit()), key=int))

    @property
    def neighbours_shown(self) -> str | None:
        """The one K that summaries show: the middle one."""
        counts = self.neighbour_counts
        return counts[len(counts) // 2] if counts else None

    def speed_up(self, deployment: Deployment, against: Deployment | None = None) -> float | None:
        """Median single-stream latency of the reference over the deployment's; offline rates if need be."""
        base = against or self.reference_deployment
        if base is None:
            return None
        return quotient(base.latency("p50"), deployment.latency("p50")) or quotient(
            deployment.samples_per_second, base.samples_per_second
        )

    def size_ratio(self, deployment: Deployment) -> float | None:
        base = self.reference_deployment
        return None if base is None else quotient(deployment.bytes, base.bytes)


def tasks_of(results: Json) -> tuple[TaskView, ...]:
    return tuple(TaskView(str(name), mapping(entry)) for name, entry in mapping(results.get("tasks")).items())


def _ordered(entries: Json, reference: str) -> tuple[Deployment, ...]:
    """The reference first, then its model, then models from large to small; second runs come last."""
    parts = {name: _parts(name, mapping(entry)) for name, entry in entries.items()}
    reference_model, _, reference_backend = parts.get(reference, ("", "", ""))
    sizes: dict[str, float] = {}
    for name, entry in entries.items():
        parameters = number(mapping(mapping(entry).get("artifact")).get("parameters")) or 0.0
        sizes[parts[name][0]] = max(parameters, sizes.get(parts[name][0], 0.0))

    appearance = list(dict.fromkeys(part[0] for part in parts.values()))

    def place(name: str) -> tuple[Any, ...]:
        model, form, backend = parts[name]
        kind = mapping(entries[name]).get("replicate_kind")
        form_place = FORMAT_ORDER.index(form) if form in FORMAT_ORDER else len(FORMAT_ORDER)
        return (
            {"seed": 1, "execution": 2}.get(str(kind), 0),
            model != reference_model,
            -sizes[model],
            appearance.index(model),
            backend != reference_backend,
            backend,
            name != reference,
            form_place,
            form,
            name,
        )

    several = len({backend for _, _, backend in parts.values()}) > 1
    ordered = []
    for index, name in enumerate(sorted(entries, key=place), start=1):
        model, form, backend = (words(part) for part in parts[name])
        again = AGAIN if mapping(entries[name]).get("replicate_kind") == "execution" else ""
        shown = short_format(form)
        variant = shown or model
        short = (f"{model}/{shown}" if shown else model) + (f"@{backend}" if several and backend else "") + again
        ordered.append(Deployment(name, index, short, variant, model, form, backend, mapping(entries[name])))
    return tuple(ordered)


def short_format(name: str) -> str:
    """A format in tables; one that is not known here by its whole name."""
    return ALL[name].short if name in ALL else name


def _parts(name: str, entry: Json) -> tuple[str, str, str]:
    """Model, format and backend, of the entry or, where it is silent, of the name."""
    base = name.split("#")[0]
    before, _, backend = base.partition("@")
    model, _, form = before.partition("/")
    return (
        str(entry.get("model") or model),
        str(entry.get("format") or form),
        str(entry.get("backend") or backend),
    )
