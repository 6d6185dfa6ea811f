"""`validate`: everything that can be wrong before the first step starts, and what the run would do."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from harness.command_line.configs import find_config
from harness.config.load import load_study
from harness.execution.run import load_missing_examples
from harness.plan import make_plan
from harness.store.steps import Store


def validate_study(config: Path, overrides: list[str]) -> None:
    path = find_config(config)
    study = load_study(path, overrides)
    plan = make_plan(study)
    nowhere = Store(Path("/nonexistent"))  # so that every data set is read
    examples = {step.key: len(read) for step, read in load_missing_examples(plan, nowhere).missing}
    print(f"{path}: valid")
    for task in plan.tasks:
        formats = Counter(planned.deployment.format for planned in task.deployments)
        print(f"{task.name}: {len(task.task.models)} models, {len(task.deployments)} deployments")
        print(f"  formats: {', '.join(f'{name} x{count}' for name, count in formats.items())}")
        print(f"  data: {', '.join(f'{role} {examples[step.key]:,}' for role, step in task.examples.items())}")
    steps = [*plan.checkpoints, *plan.artifacts, *plan.measurements, *plan.attacks]
    print(f"steps: {', '.join(f'{count} {kind}' for kind, count in Counter(step.kind for step in steps).items())}")
