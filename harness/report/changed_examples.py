"""The examples whose prediction changed, with both answers: what the counts are made of."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.examples.records import Example
from harness.report.blocks import Block, Facts, Prose, Section
from harness.report.findings.phrases import joined_first, plural
from harness.report.summary.standings import standings
from harness.report.values import words
from harness.report.view import TaskView
from harness.store.examples import read_examples_of
from harness.store.outputs import read_columns
from harness.store.run_folder import CONFIG, examples_in, outputs_in

TEXT_WIDTH = 400
"""Characters of a text that are shown."""
NO_ANSWER = "(no answer)"
KINDS = {
    "newly_wrong": "newly wrong",
    "newly_right": "newly right",
    "wrong_otherwise": "wrong before and after, with another answer",
    "right_otherwise": "right before and after, with another answer",
}


def changed_examples(task: TaskView, folder: Path, count: int, *, all_deployments: bool) -> list[Section]:
    """Up to ``count`` changed examples a deployment, newly wrong ones first.

    ``folder``: the run's. Without ``all_deployments`` only of the deployment that the summary lists first among those
    that changed anything.

    Raises:
        UserError: the run's folder has no outputs or no examples, or nobody compared predictions.
    """
    affected = task.characteristics.affected
    if affected is None:
        raise UserError(
            f"--changed: which predictions of {task.name} changed cannot be shown: "
            + ("outputs from elsewhere bring no texts" if task.external else "none were compared")
        )
    changes = affected.changed
    listed = [one.deployment for one in standings(task) if one.deployment.name in changes]
    changed = [d for d in listed if any(getattr(changes[d.name], kind) for kind in KINDS)]
    if not changed:
        return [Section(f"Changed: {words(task.name)}", (Prose(("No deployment changed a prediction.",)),))]
    examples, labels = evaluation_examples(folder, task.name), class_names(folder, task.name)
    before = predictions(folder, task.name, task.reference)
    sections = []
    for d in changed if all_deployments else changed[:1]:
        after = predictions(folder, task.name, d.name)
        ids = [(kind, id_) for kind in KINDS for id_ in getattr(changes[d.name], kind)]
        blocks: list[Block] = [
            Facts(_facts(examples.get(id_), f"{id_} ({KINDS[kind]})", before.get(id_), after.get(id_), labels))
            for kind, id_ in ids[:count]
        ]
        if more := len(ids) - count:
            blocks += [Prose((f"{plural(more, 'more changed prediction')}.",))] if more > 0 else []
        sections.append(Section(f"Changed: {words(task.name)}, {d.short}", tuple(blocks)))
    if len(changed) > len(sections):
        others = [d.short for d in changed[len(sections) :]]
        hint = f"{joined_first(others)} changed predictions too: --deployment NAME, or '*' for all."
        sections.append(Section("", (Prose((hint,)),)))
    return sections


def _facts(
    example: Example | None, which: str, before: Any, after: Any, labels: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    facts = [("example", words(which))]
    if example is not None:
        facts += [(name, _cut(text)) for name, text in example.parts.items()]
        facts.append(("gold", gold_text(example, labels)))
    return (*facts, ("reference", answer_text(before, labels)), ("here", answer_text(after, labels)))


def gold_text(example: Example, labels: Sequence[str]) -> str:
    return " | ".join(dict.fromkeys(words(one) for one in example.gold(labels))) or NO_ANSWER


def answer_text(prediction: Any, labels: Sequence[str]) -> str:
    if isinstance(prediction, int) and 0 <= prediction < len(labels):
        return words(labels[prediction])
    return NO_ANSWER if prediction == "" else _cut(str(prediction))


def _cut(text: str) -> str:
    text = words(text)
    return text if len(text) <= TEXT_WIDTH else text[: TEXT_WIDTH - 1] + "…"


def evaluation_examples(folder: Path, task: str) -> Mapping[str, Example]:
    file = _there(examples_in(folder, task, "evaluation"))
    return {example.id: example for example in read_examples_of(file)}


def class_names(folder: Path, task: str) -> list[str]:
    """Names of the classes, as the run's study has them."""
    study = json.loads(_there(folder / CONFIG).read_text(encoding="utf-8"))["study"]
    return study["tasks"][task].get("labels") or []


def predictions(folder: Path, task: str, deployment: str) -> dict[str, Any]:
    table = read_columns(_there(outputs_in(folder, task, deployment, "evaluation")), "id", "prediction")
    return dict(zip(table["id"].to_pylist(), table["prediction"].to_pylist(), strict=True))


def _there(file: Path) -> Path:
    if not file.is_file():
        raise UserError(
            f"{file}: is not there, so its texts cannot be shown; `scalemodel run` with its study puts it back"
        )
    return file
