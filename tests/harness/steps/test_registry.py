"""Kinds of steps: what each defines, what planning imports of them, and step files that are not what they should be."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from harness.config.load import load_study
from harness.errors import UserError
from harness.planning.comparisons import comparisons
from harness.planning.plan import make_plan
from harness.planning.step import plan_step
from harness.planning.transfers import transfers
from harness.steps.registry import KINDS, read_step, step_kind
from harness.store.step import LOCATION, Step
from harness.store.steps import Store
from tests.harness.planning.test_plan import STUDY


class Everything(Store):
    """A store that has every step."""

    def has(self, kind: str, key: str) -> bool:
        return True


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Step]]:
    """By kind, those of a study of nearly all kinds."""
    path = tmp_path_factory.mktemp("study") / "study.yaml"
    path.write_text(STUDY)
    plan = make_plan(load_study(path))
    found: dict[str, list[Step]] = {}
    for task in plan.tasks:
        store = Everything(Path("nowhere"))
        last = [*transfers(task, store).values(), *comparisons(task, plan.study, store).values()]
        stages = (
            plan.examples,
            plan.checkpoints,
            plan.checkpoint_outputs,
            plan.artifacts,
            plan.verifications,
            plan.measurements,
        )
        for step in (*(step for stage in stages for step in stage), *plan.attacks, *plan.explanations, *last):
            found.setdefault(step.kind, []).append(step)
    return found


@pytest.mark.parametrize("name", KINDS)
def test_a_step_of_every_kind_survives_its_file(steps: dict[str, list[Step]], tmp_path: Path, name: str) -> None:
    kind = step_kind(name)
    assert kind.VERSION > 0 and all(isinstance(library, str) for library in kind.LIBRARIES)
    for step in steps.get(name, []):
        (tmp_path / "step.json").write_text(step.to_json())
        assert read_step(tmp_path / "step.json") == step


def test_the_study_has_steps_of_most_kinds(steps: dict[str, list[Step]]) -> None:
    others = {"prebuilt_artifact", "graph_outputs", "recipe", "sentence_encoder_artifact"}
    compared = ("pair_scores", "retrieval", "embedding_quantization", "reranking", "entities", "label_sets")
    of_other_tasks = {"search_speed", *(f"compare_{name}" for name in compared)}
    assert set(KINDS) - steps.keys() == others | of_other_tasks


def test_a_key_depends_on_every_option_but_on_where_things_lie(steps: dict[str, list[Step]]) -> None:
    for step, *_ in steps.values():
        assert _key(step) == step.key
        for name, field in type(step.options).model_fields.items():
            changed = _changed(getattr(step.options, name))
            if changed is not None:
                assert (_key(step, **{name: changed}) == step.key) == (LOCATION in field.metadata), (step.kind, name)


def _key(step: Step, **changes: Any) -> str:
    options = step.options.model_copy(update=changes)
    return plan_step(step_kind(step.kind), title="", group="", subject={}, options=options, inputs=step.inputs).key


def _changed(value: Any) -> Any:
    """Another value of the same type; None where there is none at hand."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str() | tuple():
            return value[:0] if value else None
        case BaseModel():
            name, part = next((name, new) for name, old in value if (new := _changed(old)) is not None)
            return value.model_copy(update={name: part})
    return None


def test_planning_imports_no_framework_and_no_runtime() -> None:
    plan = """
import sys
import harness.planning.comparisons
from harness.steps.registry import KINDS, step_kind
for name in KINDS:
    step_kind(name)
print(*{"torch", "transformers", "onnxruntime", "openvino", "optimum", "textattack", "scipy"} & sys.modules.keys())
"""
    done = subprocess.run([sys.executable, "-c", plan], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda step: step["options"].pop("seed"), "options.seed: field required"),
        (lambda step: step["options"].update(sed=1), r"options.sed: extra inputs are not permitted \('1' is given\)"),
        (lambda step: step["options"].update(seed="x"), r"options.seed: input should be a valid integer.*'x' is given"),
        (lambda step: step["options"]["deployment"].pop("threads"), "options.deployment.threads: field required"),
        (lambda step: step["options"]["settings"].update(x=1), "options.settings.x: "),
        (lambda step: step["inputs"].pop("artifact"), "inputs.artifact: field required"),
        (lambda step: step["inputs"].update(artifact="key"), "inputs.artifact: .*'key' is given"),
        (lambda step: step.update(kind="atack"), "kind: 'atack' is none of "),
        (lambda step: step.pop("key"), "key: field required"),
    ],
)
def test_a_step_file_that_is_wrong(steps: dict[str, list[Step]], tmp_path: Path, change: Any, message: str) -> None:
    step = json.loads(steps["attack"][0].to_json())
    change(step)
    file = tmp_path / "step.json"
    file.write_text(json.dumps(step))
    with pytest.raises(UserError, match=f"^{file}: {message}") as caught:
        read_step(file)
    assert "\n" not in str(caught.value)


def test_a_step_file_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "step.json"
    with pytest.raises(UserError, match="cannot be read"):
        read_step(file)
    for text in ("{", "[]", "3"):
        file.write_text(text)
        with pytest.raises(UserError, match=str(file)):
            read_step(file)
    done = subprocess.run(
        [sys.executable, "-m", "harness.execution.worker", str(tmp_path), str(file)], capture_output=True, text=True
    )
    assert done.returncode == 2 and done.stderr.startswith(f"scalemodel: {file}") and done.stderr.count("\n") == 1
