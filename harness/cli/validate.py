"""`validate`: everything that can be wrong before the first step starts, and what the run would do."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import partial
from itertools import product
from pathlib import Path

from backends.registry import availability, unsupported_reason
from harness.cli.cautions import cautions, data_cautions
from harness.cli.configs import find_config
from harness.cli.estimates import ahead
from harness.cli.fetch import go_offline, require_offline
from harness.cli.run import check_gate
from harness.config.deployments import formats_of
from harness.config.load import load_study
from harness.config.study import Study
from harness.config.task_registry import task_class
from harness.examples.records import has_no_answer
from harness.execution.preflight import check_checkpoints
from harness.execution.run import load_missing_examples
from harness.planning.plan import make_plan
from harness.report.findings.phrases import plural
from harness.report.printable import say
from harness.store.steps import Store


def validate_study(
    config: Path, overrides: list[str], tasks: list[str], store: Path, offline: Path | None = None
) -> None:
    go_offline(offline)
    path, kept = find_config(config), Store(store)
    kept.check_readable()
    study = load_study(path, overrides, tasks=tasks)
    require_offline(study, offline)
    plan = make_plan(study)
    check_gate(plan, str(path))
    tell = partial(say, error=True)
    nowhere = Store(Path("/nonexistent"))  # so that every data set is read
    loaded = load_missing_examples(plan, nowhere, tell=tell).missing
    examples = {step.key: len(read) for step, read in loaded}
    negative = {step.key for step, read in loaded if any(has_no_answer(example) for example in read)}
    unseen = check_checkpoints(plan.checkpoints, tell=tell)
    say(f"{path}: valid")
    for task in plan.tasks:
        formats = Counter(planned.deployment.format for planned in task.deployments)
        say(f"{task.name}: {plural(len(task.task.models), 'model')}, {plural(len(task.deployments), 'deployment')}")
        say(f"  formats: {', '.join(f'{name} x{count}' for name, count in formats.items())}")
        say(f"  data: {', '.join(f'{role} {examples[step.key]:,}' for role, step in task.examples.items())}")
    for line in (*cautions(plan, examples, negative), *data_cautions(plan, loaded)):
        say(f"caution: {line}")
    for task in plan.tasks:
        for (model, format), reason in task.refused.items():
            say(f"left out: {format} of {model}: {reason}")
        for name, reason in task_class(task.name).left_out.items():
            say(f"left out: {name.replace('_', ' ')} of {task.name}: {reason}")
    for line in _not_served(study):
        say(line)
    for name in study.backends:
        verdict = availability(name)
        if not verdict.available:
            say(f"not on this machine: {name}: {verdict.reason}; {verdict.remedy}")
    if unseen:
        say(f"not looked at, since they come from a hub: {', '.join(unseen)}")
    steps = (step for name, stage in plan.stages().items() if name != "examples" for step in stage)
    kinds = Counter(step.kind.replace("_", " ") for step in steps)
    say(f"steps: {', '.join(f'{count} {kind}' for kind, count in kinds.items())}")
    say(ahead(plan, kept))


def _not_served(study: Study) -> list[str]:
    """A line for the formats that backends of the study refuse for one reason."""
    formats = dict.fromkeys(
        format for task in study.tasks.values() for model in task.models.values() for format in formats_of(study, model)
    )
    refused: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for backend, format in product(study.backends, formats):
        if reason := unsupported_reason(backend, format):
            refused[backend, reason].append(format)
    alike: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for (backend, reason), left_out in refused.items():
        alike[", ".join(left_out), reason].append(backend)
    return [f"left out: {names} on {', '.join(backends)}: {reason}" for (names, reason), backends in alike.items()]
