"""What differs between the same study's runs in two environments, deployment by deployment."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from harness.report.summary.standings import standings
from harness.run_comparison.behaviour import compare_behaviour
from harness.run_comparison.runs import FinishedRun, RunPair, read_pair
from harness.store.outputs import read_columns
from harness.store.run_folder import outputs_in
from harness.tasks.columns import matrix

VERSIONS = ("transformers", "torch", "onnx", "onnxruntime", "openvino", "optimum-onnx")
SHARE = 0.01
"""Of a deployment's answers that may change: near a tie, the last bit of a logit decides."""


@dataclass
class Differences:
    """Of one environment from another."""

    environment: str
    deployments: int = 0
    largest: tuple[float, str] = (0.0, "")
    """Root mean square difference of the representation, as a share of what the deployment's verification allows its
    outputs to be from its checkpoint's; and which deployment has it."""
    changed: list[int] = field(default_factory=list)
    """Answers that changed, a number a deployment."""
    examples: int = 0
    verdicts: int = 0
    """That are the same in both."""
    problems: list[str] = field(default_factory=list)


def differences(here: Path, there: Path) -> Differences:
    """Of the run in folder ``there`` from the one ``here``."""
    pair = read_pair(here, there)
    found = Differences(_environment(pair.b))
    _failures(pair, found)
    _outputs(pair, found)
    _answers(pair, found)
    _verdicts(pair, found)
    return found


def row(found: Differences) -> str:
    """A line of the table."""
    share, name = found.largest
    changed = f"{sum(found.changed)} of {found.examples}, at most {max(found.changed, default=0)} of one deployment"
    cells = (found.environment, str(found.deployments), f"{share:.2g} ({name})", changed, f"{found.verdicts} the same")
    return f"| {' | '.join(cells)} |"


def _environment(run: FinishedRun) -> str:
    environment = run.environment
    assert environment is not None
    versions = [f"{name} {environment.versions[name]}" for name in VERSIONS if name in environment.versions]
    return ", ".join([f"Python {environment.python}", *versions])


def _failures(pair: RunPair, found: Differences) -> None:
    for task in pair.tasks:
        failed = pair.a.failed(task)
        for name, deployment in pair.b.failed(task).items():
            if name not in failed:
                found.problems.append(f"{found.environment}: {task}: {name} failed: {deployment.result.reason}")


def _outputs(pair: RunPair, found: Differences) -> None:
    for one in pair.answered:
        found.deployments += 1
        paths = [outputs_in(folder, one.task, one.name, "evaluation") for folder in (pair.a.folder, pair.b.folder)]
        before, after = (matrix(read_columns(path, "representation"), "representation") for path in paths)
        verification = one.before.result.verification
        assert verification is not None and verification.tolerance is not None
        if (allowed := verification.tolerance.parity) is None:
            continue
        used = float(np.sqrt(np.mean((after - before) ** 2)) / np.std(before)) / allowed
        found.largest = max(found.largest, (used, one.name))
        if not used <= 1:
            found.problems.append(f"{found.environment}: {one.place}: {used:.2f} times what its gate allows")


def _answers(pair: RunPair, found: Differences) -> None:
    for one in compare_behaviour(pair):
        if one.answers is None:
            found.problems.append(f"{found.environment}: {one.answered.place}: {one.reason}")
            continue
        disagreement, examples = one.answers.changes.disagreement, one.answers.examples
        assert disagreement is not None and disagreement.value is not None
        share = disagreement.value
        found.changed.append(round(share * examples))
        found.examples += examples
        if share > SHARE:
            found.problems.append(f"{found.environment}: {one.answered.place}: {share:.1%} of its answers changed")


def _verdicts(pair: RunPair, found: Differences) -> None:
    for task in pair.tasks:
        before, after = (
            {one.deployment.name: (one.verdict, one.score, *one.characteristics) for one in standings(run.tasks[task])}
            for run in (pair.a, pair.b)
        )
        for name in before.keys() & after.keys():
            if before[name] == after[name]:
                found.verdicts += 1
            else:
                found.problems.append(f"{found.environment}: {task}: {name}: {before[name]} became {after[name]}")
