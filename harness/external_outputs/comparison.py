"""Outputs from elsewhere as results of the same layout that a run writes, so that the same report tells them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.characteristics.data_representation import DataRepresentation
from benchmarks.characteristics.prediction_errors import PredictionErrors
from benchmarks.statistics.bootstrap import RESAMPLES
from benchmarks.statistics.equivalence import Floor
from exporters.files import sha256
from harness.data.checks import short
from harness.errors import UserError
from harness.external_outputs.confidence import calibration
from harness.external_outputs.examples import ComparedExamples, find_examples, with_groups
from harness.external_outputs.judging import Judgement, answerable, by_label, judge, with_labels
from harness.external_outputs.matching import check_rows, match
from harness.external_outputs.read import (
    ErrorIds,
    Judged,
    Output,
    PredictedAnswers,
    PredictedClasses,
    Probabilities,
    Representations,
)
from harness.results.deployments import DeploymentResult, OutputFile
from harness.results.read import RunResults
from harness.results.schema import (
    RESULTS_VERSION,
    CharacteristicResults,
    ComparisonSettings,
    DataFacts,
    Results,
    TaskResults,
)
from harness.tasks.question_answering import QuestionAnsweringTask
from harness.tasks.text_classification import TextClassificationTask

UNKNOWN = "unknown"
"""The task, where neither gold data nor predictions tell it."""

FloorKind = Literal["execution", "seed"]


@dataclass(frozen=True, eq=False)
class NamedOutputs:
    """Everything that is known under one name."""

    name: str
    judged: Judged | None = None
    representations: Representations | None = None
    probabilities: Probabilities | None = None

    @property
    def outputs(self) -> tuple[Output, ...]:
        every = (self.judged, self.representations, self.probabilities)
        return tuple(output for output in every if output is not None)

    @property
    def can_be_wrong(self) -> bool:
        """Whether there is something that can be right or wrong."""
        return self.judged is not None or self.probabilities is not None

    def predictions_of(self, examples: ComparedExamples) -> Judged | None:
        """What was said about the examples, with how probable it was.

        Raises:
            UserError: probabilities of another number of examples, or of what is not a class.
        """
        probabilities = self.probabilities
        if probabilities is None:
            return self.judged
        if probabilities.ids is None:
            check_rows(examples, probabilities)
            probabilities = replace(probabilities, ids=tuple(examples.index))
        ids = probabilities.ids or ()
        if self.judged is None:
            by_id = dict(zip(ids, probabilities.most_probable, strict=True))
            return PredictedClasses(probabilities.path, by_id, None, None, probabilities)
        if not isinstance(self.judged, PredictedClasses):
            raise UserError(
                f"{probabilities.path}: probabilities are of classes, but {self.judged.path} holds {self.judged.kind}"
            )
        missing = next((id for id in self.judged.by_id if id not in set(ids)), None)
        if missing is not None:
            raise UserError(
                f"{probabilities.path}: has no row for {short(missing)} of {self.judged.path}; give one for each"
            )
        return replace(self.judged, probabilities=probabilities)


@dataclass(frozen=True)
class Settings:
    """What else a comparison depends on."""

    gold: Path | None = None
    ids: Path | None = None
    examples: int | None = None
    common: bool = False
    floors: Mapping[str, FloorKind] | None = None
    """The names that are the reference once more: run again (execution), or trained again (seed)."""
    resamples: int = RESAMPLES
    seed: int = 0


def sources_of(named: Sequence[tuple[str, Output]]) -> tuple[NamedOutputs, ...]:
    """Files under their names, in the order of the names; a name may have predictions and representations.

    Raises:
        UserError: a name has two files of one sort, or there is only one name.
    """
    sources: dict[str, NamedOutputs] = {}
    for name, output in named:
        source = sources.get(name, NamedOutputs(name))
        if isinstance(output, Representations):
            other: Output | None = source.representations
            what = "hold its representations"
            sources[name] = replace(source, representations=output)
        elif isinstance(output, Probabilities):
            in_table = isinstance(source.judged, PredictedClasses) and source.judged.probabilities
            other = source.probabilities or in_table or None
            what = "hold its probabilities"
            sources[name] = replace(source, probabilities=output)
        else:
            other = source.judged
            what = "tell what it got right"
            sources[name] = replace(source, judged=output)
        if other is not None:
            raise UserError(f"{name}: {other.path} and {output.path} both {what}; give one of them another name")
    if len(sources) < 2:
        raise UserError(
            f"{', '.join(sources)}: one name alone; give the outputs of the reference and of at least one other"
        )
    return tuple(sources.values())


def compare(sources: Sequence[NamedOutputs], settings: Settings) -> RunResults:
    """The results of comparing every source with the first, the reference, as `harness.report.render` takes them.

    Raises:
        UserError: the files do not fit each other or the gold data, or the reference lacks what others have.
    """
    floors = settings.floors or {}
    _check_reference(sources, floors)
    outputs = [output for source in sources for output in source.outputs]
    every = find_examples(outputs, settings.gold, settings.ids, settings.examples)
    judged_outputs = {source.name: one for source in sources if (one := source.predictions_of(every)) is not None}
    rows = [source.representations for source in sources if source.representations is not None]
    matched = match(every, [*judged_outputs.values(), *rows], common=settings.common)
    examples = with_groups(with_labels(matched.examples, list(judged_outputs.values())), outputs)
    judgements = {name: judge(one, examples) for name, one in judged_outputs.items()}
    probabilities = _probabilities(judged_outputs, examples)
    representations = {
        source.name: source.representations.rows
        if matched.rows is None
        else source.representations.rows[[*matched.rows]]
        for source in sources
        if source.representations is not None
    }
    reference = sources[0].name
    task = TaskResults(
        reference=reference,
        family="external",
        notes=_notes(sources, examples, matched.left_out, judged=any(one.quality for one in judgements.values())),
        data={"evaluation": _data(examples)},
        deployments={
            source.name: _deployment(source, reference, floors.get(source.name), judgements) for source in sources
        },
        characteristics=CharacteristicResults.known(
            prediction_errors=_prediction_errors(judgements, probabilities, examples, reference, settings),
            calibration=calibration(
                judged_outputs, judgements, examples, reference, resamples=settings.resamples, seed=settings.seed
            ),
            data_representation=_data_representation(representations, examples, settings),
        ),
        failures=[],
    )
    results = Results(
        version=RESULTS_VERSION,
        study="outputs from elsewhere",
        description=f"{reference} against {', '.join(source.name for source in sources[1:])}",
        environment=None,
        settings=ComparisonSettings(resamples=settings.resamples, seed=settings.seed),
        tasks={_task(examples, judged_outputs): task},
    )
    return RunResults(results, None)


def _check_reference(sources: Sequence[NamedOutputs], floors: Mapping[str, FloorKind]) -> None:
    reference, others = sources[0], sources[1:]
    for missing, kept, what in (
        (not reference.can_be_wrong, [s.name for s in others if s.can_be_wrong], "predictions or error ids"),
        (reference.representations is None, [s.name for s in others if s.representations], "representations"),
    ):
        if missing and kept:
            raise UserError(
                f"{reference.name}: has no {what}, but {', '.join(kept)} has, and all are compared with the "
                f"reference; add {reference.name}=FILE for it, or put another name first"
            )
    for name in floors:
        if name not in {source.name for source in others}:
            known = ", ".join(source.name for source in others)
            raise UserError(f"{name}: is no floor of the reference {reference.name}; name one of {known}")


def _prediction_errors(
    judgements: Mapping[str, Judgement],
    probabilities: Mapping[str, Sequence[NDArray[np.float64]]],
    examples: ComparedExamples,
    reference: str,
    settings: Settings,
) -> PredictionErrors | None:
    from benchmarks.characteristics.prediction_errors import compare

    if not judgements:
        return None
    can_be_answered = answerable(examples)
    strata = {} if can_be_answered is None else {"answerable": can_be_answered, "unanswerable": ~can_be_answered}
    strata = {name: rows for name, rows in strata.items() if 0 < rows.sum() < len(rows)}
    correct = {name: judgement.correct for name, judgement in judgements.items() if judgement.correct is not None}
    return compare(
        correct=correct or None,
        predictions=_codes(judgements),
        probabilities=probabilities,
        groups=examples.groups,
        strata=strata,
        classes=strata or by_label(examples),
        reference=reference,
        resamples=settings.resamples,
        seed=settings.seed,
        floors=_noise(list(judgements), reference, settings),
    )


def _probabilities(
    judged_outputs: Mapping[str, Judged], examples: ComparedExamples
) -> dict[str, list[NDArray[np.float64]]]:
    """Of the names that have them, for every example (classes,), in the order of the first one's classes.

    Raises:
        UserError: two names have not the same classes.
    """
    probabilities = {
        name: one.probabilities
        for name, one in judged_outputs.items()
        if isinstance(one, PredictedClasses) and one.probabilities is not None
    }
    if not probabilities:
        return {}
    ids, first = tuple(examples.index), next(iter(probabilities.values()))
    for one in probabilities.values():
        if set(one.classes) != set(first.classes):
            raise UserError(
                f"{one.path}: has the classes {short(', '.join(one.classes))}, but {first.path} has "
                f"{short(', '.join(first.classes))}; name them alike everywhere"
            )
    return {name: list(one.of(ids, first.classes)) for name, one in probabilities.items()}


def _noise(names: Sequence[str], reference: str, settings: Settings) -> dict[str, Floor]:
    """The floor of every name that is none itself: seeds where there are some."""
    kinds = {name: kind for name, kind in (settings.floors or {}).items() if name in names}
    seeds = tuple(name for name, kind in kinds.items() if kind == "seed")
    again = tuple(name for name, kind in kinds.items() if kind == "execution")
    if not seeds and not again:
        return {}
    floor = Floor("seed", seeds) if seeds else Floor("execution", again[:1])
    return {name: floor for name in names if name != reference and name not in kinds}


def _codes(judgements: Mapping[str, Judgement]) -> dict[str, NDArray[np.intp]] | None:
    """Predictions as numbers, equal where they are: an array of texts is as wide as its longest everywhere.

    None where one of them tells its errors only.
    """
    codes: dict[str, int] = {}
    codes_by_name = {}
    for name, judgement in judgements.items():
        if judgement.predictions is None:
            return None
        codes_by_name[name] = np.array(
            [codes.setdefault(said, len(codes)) for said in judgement.predictions], dtype=np.intp
        )
    return codes_by_name


def _data_representation(
    representations: Mapping[str, NDArray[np.float32]], examples: ComparedExamples, settings: Settings
) -> DataRepresentation | None:
    from benchmarks.characteristics.data_representation import compare
    from harness.config.characteristics import Representation

    if not representations:
        return None
    return compare(
        representations=representations,
        groups=examples.groups,
        k=Representation().k,
        resamples=settings.resamples,
        seed=settings.seed,
        floors=_noise(list(representations), next(iter(representations)), settings),
    )


def _task(examples: ComparedExamples, judged_outputs: Mapping[str, Judged]) -> str:
    kinds = {type(one) for one in judged_outputs.values()}
    if examples.answers is not None or PredictedAnswers in kinds:
        return QuestionAnsweringTask.name
    return TextClassificationTask.name if examples.labels is not None or PredictedClasses in kinds else UNKNOWN


def _data(examples: ComparedExamples) -> DataFacts:
    can_be_answered = answerable(examples)
    labels = Counter(examples.labels[id] for id in examples.index) if examples.labels else Counter[str]()
    return DataFacts(
        source=Path(examples.source).name,
        examples=examples.size,
        groups=len(np.unique(examples.groups)),
        mean_tokens=None,
        answerable=None if can_be_answered is None else float(np.mean(can_be_answered)),
        commonest_label=max(labels.values()) / examples.size if labels else None,
    )


def _deployment(
    source: NamedOutputs, reference: str, floor: FloorKind | None, judgements: Mapping[str, Judgement]
) -> DeploymentResult:
    return DeploymentResult(
        # A second run is one of the reference's artifact.
        model=reference if floor == "execution" else source.name,
        format=None,
        backend=None,
        status="ok",
        reason=None,
        step=None,
        command=None,
        replicate_of=None if floor is None else reference,
        replicate_kind=floor,
        random=False,
        pruned_of=None,
        claimed=None,
        artifact=None,
        verification=None,
        quality=judgements[source.name].quality if source.name in judgements else None,
        runtime=None,
        sources=[
            OutputFile(file=str(output.path), kind=output.kind, sha256=sha256(output.path)) for output in source.outputs
        ],
    )


def _notes(
    sources: Sequence[NamedOutputs], examples: ComparedExamples, left_out: Mapping[str, int], *, judged: bool
) -> list[str]:
    """``judged``: whether it is known what is right."""
    notes = ["These outputs come from files: no model was run, so speed, memory and formats are unknown."]
    if not judged and any(source.can_be_wrong for source in sources):
        notes.append(
            "There are no labels: predictions are held against the reference's alone, errors and score are unknown. "
            "--gold, or a column `label` beside classes, tells what is right."
        )
    if not examples.grouped:
        notes.append(
            "Groups are unknown: examples are taken as independent; where they are not, intervals are too narrow. "
            "A column `group` in a table of predictions, --gold or --ids tells them."
        )
    if left_out:
        counts = ", ".join(f"{count:,} of {source}" for source, count in left_out.items())
        notes.append(f"Compared are the {examples.size:,} examples that all files have. Left out: {counts}.")
    silent = [source.name for source in sources if isinstance(source.judged, ErrorIds)]
    if silent:
        speaking = any(isinstance(source.judged, PredictedAnswers | PredictedClasses) for source in sources)
        names = "all" if len(silent) == len(sources) else ", ".join(silent)
        notes.append(
            f"Error ids ({names}) tell what was wrong, not what was said: how many predictions differ is unknown"
            + (", between the others too." if speaking else ".")
        )
    return notes
