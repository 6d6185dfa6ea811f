"""Cautions about a study that may say so, but hardly means it: lines for `validate`, no errors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

from backends.registry import backend_class
from harness.checkpoints.positions import positions
from harness.checkpoints.prebuilt import prebuilt_file
from harness.config.names import TaskName
from harness.config.study import Study
from harness.config.tasks import TaskSettings
from harness.data.beir import AbsentDocuments
from harness.data.left_out import left_out
from harness.errors import UserError
from harness.examples.records import Example, Query, TextExample
from harness.planning.context import this_machine
from harness.planning.examples import attacked_examples, data_place, data_sources
from harness.planning.plan import Plan, TaskPlan
from harness.report.findings.phrases import plural
from harness.steps import examples as examples_step
from harness.steps import prebuilt_artifact
from harness.store.step import Step
from harness.tasks.task import task_for

FEW_EXAMPLES = 50
"""With fewer, 95 % intervals of a share reach over a quarter of its range."""

ENOUGH_OF_EACH = 8
"""Texts for each class: among so many, a class that is no rarer than the others is missing once in 3,000 times."""


def cautions(plan: Plan, examples: Mapping[str, int], negative: Set[str]) -> Iterator[str]:
    """``examples``: how many there are, by the key of their step; ``negative``: of which some have no answer."""
    study = plan.study
    yield from _formats(study)
    yield from _threads(study)
    for planned in plan.tasks:
        yield from _few(planned, examples)
        yield from _attacked(planned, examples)
        yield from _null_answers(planned, negative)
        yield from _unreadable(planned)
    taken_in = {planned.name: _max_positions(planned) for planned in plan.tasks}
    shortest = {name: pair for name, task in study.tasks.items() if (pair := _shortest(name, task, taken_in[name]))}
    for name, (model, takes) in shortest.items():
        yield from _longest_text(name, study.tasks[name], model, takes)
    if shortest:
        yield from _fixed_shapes(study, *min(shortest.values(), key=lambda pair: pair[1]))


def data_cautions(plan: Plan, loaded: Sequence[tuple[Step, Sequence[Example]]]) -> Iterator[str]:
    """What the examples that were read say about each other; ``loaded``: those of steps that are not stored yet.

    Raises:
        UserError: no relevant document of any query is in the corpus.
    """
    yield from _label_cautions(plan, loaded)
    for step, examples in loaded:
        yield from _sampled(step, len(examples))
    for planned in plan.tasks:
        yield from _bank(planned)
    read = {step.key: examples for step, examples in loaded}
    for planned in plan.tasks:
        by_role = {role: read.get(step.key, ()) for role, step in planned.examples.items()}
        if by_role.get("corpus"):
            yield from _absent_documents(planned, by_role["evaluation"], by_role["corpus"])
        for role, examples in by_role.items():
            if any(isinstance(one, Query) and one.relevant for one in examples):
                yield from _queries_left_out(planned, role)


def _sampled(step: Step, count: int) -> Iterator[str]:
    """A sample that is larger than what there is; ``count``: how many were read."""
    assert isinstance(step.options, examples_step.Options)
    source = step.options.source
    sources = source if isinstance(source, tuple) else (source,)
    samples = [one.sample for one in sources if one.sample is not None]
    if len(samples) == len(sources) and count < sum(samples):
        place = data_place(step.subject["task"], step.subject["role"])
        yield f"{place}.sample: {sum(samples):,}, but there are {plural(count, 'example')}: all are taken"


def _bank(planned: TaskPlan) -> Iterator[str]:
    data = planned.task.data
    if "bank" in data.model_fields_set and data.out_of_distribution is None:
        yield f"tasks.{planned.name}.data.bank: {data.bank:,}, but nothing uses it without data.out_of_distribution"


def _absent_documents(planned: TaskPlan, queries: Sequence[Example], corpus: Sequence[Example]) -> Iterator[str]:
    place, absent = f"tasks.{planned.name}.data.corpus", AbsentDocuments.of(queries, {one.id for one in corpus})
    if absent is None or not absent.ids:
        return
    if len(absent.ids) == absent.relevant:
        raise UserError(
            f"{place}: holds none of the {plural(absent.relevant, 'relevant document')}, such as {absent.ids[0]!r}; "
            "name the corpus that the qrels are of"
        )
    yield f"{place}: {absent.sentence}; name the corpus that the qrels are of"


def _queries_left_out(planned: TaskPlan, role: str) -> Iterator[str]:
    for absent in left_out(data_sources(planned.task)[role]):
        one, several = ("judged query", "judged queries") if absent.judged else ("query", "queries")
        yield (
            f"{data_place(planned.name, role)}: {len(absent.ids)} of {plural(absent.of, one, several)}, such as "
            f"{absent.ids[0]!r}, {absent.reason}"
        )


def _label_cautions(plan: Plan, examples: Iterable[tuple[Step, Sequence[Example]]]) -> Iterator[str]:
    """For every data set whose labels look as if they counted from 1: then each of its texts has a wrong class.

    The last of the classes would be an error, if it occurred; what can be seen is that the first does not.
    """
    labels_of: dict[str, tuple[str, ...]] = {task.name: task.task.labels or () for task in plan.tasks}
    for step, read in examples:
        labels = labels_of[step.subject["task"]]
        example_labels = {example.label for example in read if isinstance(example, TextExample)}
        if len(read) >= ENOUGH_OF_EACH * len(labels) and 1 in example_labels and 0 not in example_labels:
            yield (
                f"{data_place(step.subject['task'], step.subject['role'])}: no text has the label 0, which is "
                f"{labels[0]!r}: where integer labels count from 1, every text has the class behind its own; count "
                "from 0, or write the names"
            )


def _formats(study: Study) -> Iterator[str]:
    models = [model for task in study.tasks.values() for model in task.models.values()]
    if "formats" in study.model_fields_set and all(model.artifact or model.formats for model in models):
        yield "formats: no model is exported to them: each is a finished file, or names its own"


def _threads(study: Study) -> Iterator[str]:
    cores = this_machine().cores
    if study.threads is not None and study.threads > cores:
        yield f"threads: {study.threads}, but this process may use {cores} cores: threads will wait for each other"


def _few(planned: TaskPlan, examples: Mapping[str, int]) -> Iterator[str]:
    count = examples[planned.examples["evaluation"].key]
    if count < FEW_EXAMPLES:
        many = "example" if count == 1 else "examples"
        place = f"tasks.{planned.name}.data.evaluation"
        yield f"{place}: {count} {many}: no comparison of deployments can rest on so few; give some hundreds"


def _attacked(planned: TaskPlan, examples: Mapping[str, int]) -> Iterator[str]:
    attack = planned.task.characteristics.attack
    if attack is None or "sample" not in attack.model_fields_set:
        return
    most = max(examples[step.key] for step in attacked_examples(planned.examples))
    if attack.sample > most:
        place = f"tasks.{planned.name}.characteristics.attack.sample"
        yield f"{place}: {attack.sample}, but there are {most} texts: all are taken"


def _null_answers(planned: TaskPlan, negative: Set[str]) -> Iterator[str]:
    decoding = planned.task.question_answering
    if decoding is None:
        return
    place, some = f"tasks.{planned.name}.question_answering", planned.examples["evaluation"].key in negative
    if some and decoding.version_2_with_negative is False:
        yield f"{place}.version_2_with_negative: false, but some evaluation questions have none: these will be wrong"
    if (
        not some
        and decoding.version_2_with_negative is None
        and "null_score_diff_threshold" in decoding.model_fields_set
    ):
        yield (
            f"{place}.null_score_diff_threshold: {decoding.null_score_diff_threshold:g}, but every evaluation "
            'question has an answer: then "" is none, unless you say version_2_with_negative: true'
        )


def _unreadable(planned: TaskPlan) -> Iterator[str]:
    """For every finished file that a backend of the study does not read, or computes otherwise."""
    for each in planned.deployments:
        artifact = planned.task.models[each.deployment.model].artifact
        if artifact is None or artifact.onnx is None:
            continue
        backend, file = backend_class(each.deployment.backend), prebuilt_file(artifact)
        reason = (backend.cannot_read(file) if backend.availability().available else None) or (
            backend.computes_otherwise(file)
        )
        if reason is not None:
            yield f"tasks.{planned.name}.models.{each.deployment.model}.artifact: {reason}"


def _max_positions(planned: TaskPlan) -> dict[str, int | None]:
    """How many tokens each finished file takes, where it tells."""
    return {
        step.subject["model"]: step.options.declared.max_positions
        for step in planned.artifacts
        if isinstance(step.options, prebuilt_artifact.Options)
    }


def _shortest(name: TaskName, task: TaskSettings, taken_in: Mapping[str, int | None]) -> tuple[str, int] | None:
    """The model of those that tell that takes the fewest tokens, and how many."""
    takes = {model: taken_in.get(model) or positions(name, task, model) for model in task.models}
    known = [(model, most) for model, most in takes.items() if most is not None]
    return min(known, key=lambda pair: pair[1], default=None)


def _longest_text(name: TaskName, task: TaskSettings, model: str, takes: int) -> Iterator[str]:
    cut = task_for(name, question_answering=task.question_answering, max_length=task.max_length)
    if cut.max_tokens > takes:
        yield (
            f"tasks.{name}.{cut.length_setting}: {cut.max_tokens}, but {model} takes {takes} tokens: a longer "
            f"text fails it; say {takes} or less"
        )


def _fixed_shapes(study: Study, model: str, takes: int) -> Iterator[str]:
    sweep = study.performance and study.performance.sweep
    if sweep and (beyond := [length for length in sweep.length if length > takes]):
        yield (
            f"performance.sweep.length: {', '.join(map(str, beyond))}, but {model} takes {takes} tokens: dashes will "
            "stand there"
        )
