"""One characteristic over stored outputs: arrays in, the result as JSON out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.special import softmax

from benchmarks.statistics.bootstrap import Floats
from benchmarks.statistics.confidence import maximum_probability, negative_energy
from harness.config.deployments import EXECUTION_REPLICATE
from harness.examples import QuestionExample, TextExample
from harness.steps.attack import read_attack
from harness.steps.context import Context
from harness.steps.transfer import read_answers, read_transfer
from harness.store.atomic import write_json
from harness.store.examples import read_examples
from harness.store.outputs import LOGITS, logits, matrix, numbers, read_outputs, strings

FILE = "comparison.json"


def run(context: Context) -> None:
    result = CHARACTERISTICS[context.options["characteristic"]](context)
    write_json(context.destination / FILE, asdict(result))


def _prediction_errors(context: Context) -> Any:
    from benchmarks.characteristics.prediction_errors import compare

    answering = context.options["task"] == "question-answering"
    gold = ("answerable", "exact") if answering else ("label", "correct")
    tables = _tables(context, "evaluation", "id", "group", "prediction", *gold, *LOGITS[answering])
    first = next(iter(tables.values()))
    correct = "exact" if answering else "correct"
    return compare(
        correct={name: numbers(table, correct).astype(bool) for name, table in tables.items()},
        predictions={
            name: strings(table, "prediction") if answering else numbers(table, "prediction")
            for name, table in tables.items()
        },
        probabilities={name: [softmax(row, axis=1) for row in logits(table)] for name, table in tables.items()},
        groups=strings(first, "group"),
        strata=_strata(first, answering),
        margin=context.options["margin"],
        overlap_margin=context.options["overlap_margin"],
        **_common(context),
    )


def _common(context: Context) -> dict[str, Any]:
    """What every characteristic that is computed from outputs takes alike."""
    options = context.options
    return {
        "reference": options["reference"],
        "floors": {name: [(a, b) for a, b in pairs] for name, pairs in options["floors"].items()},
        "resamples": options["resamples"],
        "seed": options["seed"],
    }


def _strata(table: pa.Table, answering: bool) -> dict[str, NDArray[np.bool_]]:
    if not answering:
        return {}
    answerable = numbers(table, "answerable").astype(bool)
    return {
        name: rows
        for name, rows in (("answerable", answerable), ("unanswerable", ~answerable))
        if 0 < rows.sum() < len(rows)
    }


def _calibration(context: Context) -> Any:
    from benchmarks.characteristics.calibration import brier_scores, compare

    answering = context.options["task"] == "question-answering"
    right = "exact" if answering else "correct"
    columns = ("group", right, *LOGITS[answering], *(() if answering else ("label",)))
    tables = _tables(context, "evaluation", *columns)
    brier = None
    if not answering:
        brier = {
            name: brier_scores(softmax(matrix(table, "logits").astype(np.float64), axis=1), numbers(table, "label"))
            for name, table in tables.items()
        }
    return compare(
        confidence={name: maximum_probability(logits(table)) for name, table in tables.items()},
        correct={name: numbers(table, right).astype(bool) for name, table in tables.items()},
        groups=strings(next(iter(tables.values())), "group"),
        reference=context.options["reference"],
        brier=brier,
        resamples=context.options["resamples"],
        seed=context.options["seed"],
    )


def _affected(context: Context) -> Any:
    """Whom the changes hit: slices of examples, and examples on which the others agree against the reference."""
    from benchmarks.characteristics import attributes, exemplars, slices
    from benchmarks.characteristics.affected import Affected, changed

    answering = context.options["task"] == "question-answering"
    right = "exact" if answering else "correct"
    tables = {
        name: table
        for name, table in _tables(
            context, "evaluation", "id", "group", "prediction", right, *LOGITS[answering]
        ).items()
        if not name.endswith(EXECUTION_REPLICATE)
    }
    reference = context.options["reference"]
    ids = strings(tables[reference], "id")
    by_id = {example.id: example for example in read_examples(context.input("examples"))}
    examples = [by_id[id_] for id_ in ids]
    confidence = {name: maximum_probability(logits(table)) for name, table in tables.items()}
    if answering:
        questions = [example for example in examples if isinstance(example, QuestionExample)]
        found = attributes.of_questions(
            [question.question for question in questions],
            [question.context for question in questions],
            [question.answers for question in questions],
            [question.answer_starts for question in questions],
            confidence[reference],
        )
        predictions = {name: strings(table, "prediction") for name, table in tables.items()}
    else:
        texts = [example for example in examples if isinstance(example, TextExample)]
        classes = matrix(tables[reference], "logits").shape[1]
        labels = context.options["labels"] or [str(label) for label in range(classes)]
        found = attributes.of_texts(
            [text.text for text in texts], [labels[text.label] for text in texts], confidence[reference]
        )
        names = np.asarray(labels)
        predictions = {name: names[numbers(table, "prediction")] for name, table in tables.items()}
    others = {name: said for name, said in predictions.items() if name != reference}
    correct = {name: numbers(table, right).astype(bool) for name, table in tables.items()}
    return Affected(
        changed=changed([str(id_) for id_ in ids], predictions, correct, reference),
        slices=slices.search(
            found,
            {name: said != predictions[reference] for name, said in others.items()},
            strings(tables[reference], "group"),
            resamples=context.options["resamples"],
            seed=context.options["seed"],
        ),
        exemplars=exemplars.find(
            predictions,
            correct,
            reference,
            [str(id_) for id_ in ids],
            confidence=confidence,
        ),
    )


def _data_representation(context: Context) -> Any:
    from benchmarks.characteristics.data_representation import compare

    tables = _tables(context, "evaluation", "group", "representation")
    return compare(
        representations={name: matrix(table, "representation") for name, table in tables.items()},
        groups=strings(next(iter(tables.values())), "group"),
        k=context.options["k"],
        overlap_margin=context.options["overlap_margin"],
        **_common(context),
    )


def _data_distribution(context: Context) -> Any:
    from benchmarks.characteristics.data_distribution import IN, OUT, compare

    answering = context.options["task"] == "question-answering"
    columns = ("group", "tokens", "representation", *LOGITS[answering])
    bank = _tables(context, "bank", "representation")
    evaluation = _tables(context, "evaluation", *columns)
    other = _tables(context, "out-of-distribution", *columns)
    first, first_other = next(iter(evaluation.values())), next(iter(other.values()))
    groups = strings(first, "group")
    calibration = half_of_groups(groups, context.options["seed"])
    return compare(
        bank={name: matrix(table, "representation") for name, table in bank.items()},
        calibration={name: matrix(table, "representation")[calibration] for name, table in evaluation.items()},
        in_distribution={name: matrix(table, "representation")[~calibration] for name, table in evaluation.items()},
        out_of_distribution={name: matrix(table, "representation") for name, table in other.items()},
        lengths={IN: numbers(first, "tokens")[~calibration], OUT: numbers(first_other, "tokens")},
        groups_in_distribution=groups[~calibration],
        groups_out_of_distribution=strings(first_other, "group"),
        k=context.options["k"],
        kept=context.options["kept"],
        baselines=_other_scores(evaluation, other, ~calibration),
        overlap_margin=context.options["overlap_margin"],
        **_common(context),
    )


def _other_scores(
    evaluation: Mapping[str, pa.Table], other: Mapping[str, pa.Table], judged: NDArray[np.bool_]
) -> dict[str, dict[str, tuple[Floats, Floats]]]:
    """What the outputs themselves tell of a point being in-distribution: how sure and how large they are."""
    in_logits = {
        name: [row for row, keep in zip(logits(t), judged, strict=True) if keep] for name, t in evaluation.items()
    }
    ood_logits = {name: logits(table) for name, table in other.items()}
    return {
        what: {name: (score(in_logits[name]), score(ood_logits[name])) for name in evaluation}
        for what, score in (("maximum probability", maximum_probability), ("energy", negative_energy))
    }


def half_of_groups(groups: NDArray[np.str_], seed: int) -> NDArray[np.bool_]:
    """(n,) whether an example sets the threshold rather than being judged: a seeded half of the groups."""
    names = np.unique(groups)
    chosen = np.random.default_rng(seed).permutation(len(names)) < len(names) / 2
    return chosen[np.searchsorted(names, groups)]


def _adversarial_attack(context: Context) -> Any:
    from benchmarks.characteristics.adversarial_attack import Answers, AttackResult, TransferResult, summarise

    def own_ids(results: Sequence[Any], source: str) -> list[Any]:
        """Two sources may use the same ids."""
        return [replace(result, id=f"{source}:{result.id}") for result in results]

    results: dict[str, list[AttackResult]] = {name: [] for name in context.options["deployments"]}
    random_swaps: dict[str, list[AttackResult]] = {}
    transfer: dict[str, dict[str, list[TransferResult]]] = {}
    answers: dict[str, dict[str, Answers]] = {}
    for role in context.step.needs:
        name, _, what = role.rpartition(" ")
        if name.endswith(" random"):
            swapped = random_swaps.setdefault(name.removesuffix(" random"), [])
            swapped += own_ids(read_attack(context.input(role)), what)
        elif what == "transfer":
            for attack, replayed in read_transfer(context.input(role)).items():
                attacked, _, source = attack.rpartition(" ")
                transfer.setdefault(name, {}).setdefault(attacked, []).extend(own_ids(replayed, source))
            for own, said in read_answers(context.input(role)).items():
                source = own.rpartition(" ")[2]
                answers.setdefault(name, {}).update({f"{source}:{id_}": one for id_, one in said.items()})
        else:
            results[name] += own_ids(read_attack(context.input(role)), what)
    return summarise(
        results,
        transfer,
        reference=context.options["reference"],
        resamples=context.options["resamples"],
        seed=context.options["seed"],
        random_swaps=random_swaps,
        answers=answers,
        margin=context.options["overlap_margin"],
        method=context.options["method"],
    )


def _explanation(context: Context) -> Any:
    from benchmarks.characteristics.explanation import compare
    from harness.steps.explanation import read_explanations

    names = context.options["deployments"]
    return compare(
        {name: read_explanations(context.input(f"{name} explanation")) for name in names},
        context.options["reference"],
        k=context.options["k"],
        resamples=context.options["resamples"],
        seed=context.options["seed"],
    )


def _tables(context: Context, role: str, *columns: str) -> dict[str, pa.Table]:
    return {name: read_outputs(context.input(f"{name} {role}"), *columns) for name in context.options["deployments"]}


CHARACTERISTICS: Mapping[str, Callable[[Context], Any]] = {
    "prediction_errors": _prediction_errors,
    "data_representation": _data_representation,
    "data_distribution": _data_distribution,
    "adversarial_attack": _adversarial_attack,
    "calibration": _calibration,
    "affected": _affected,
    "explanation": _explanation,
}
