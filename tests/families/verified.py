"""A study of one family, up to the verification of every deployment, in this process: one import for all its steps."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from harness.config.load import load_study
from harness.errors import status_of
from harness.execution.run import load_missing_examples
from harness.planning.plan import make_plan
from harness.steps.context import Context
from harness.steps.registry import step_kind
from harness.store.step import Step
from harness.store.steps import Store
from tests.families.checkpoints import LABELS, texts, write_checkpoint

FORMATS = (
    "torch-fp32",
    "onnx-fp32",
    "onnx-fused",
    "onnx-fp16",
    "onnx-bf16",
    "onnx-int8-dynamic",
    "onnx-int8-static",
    "onnx-int4",
)
"""Those that a backend for CPUs takes."""

_STUDY = """
study: family
formats: [{formats}]
backends: [torch-cpu, onnxruntime-cpu, openvino-cpu]
threads: 1
performance: null
tasks:
  text-classification:
    reference: model
    labels: [{labels}]
    max_length: 64
    pooling: mean
    models: {{model: {{checkpoint: {{folder: checkpoint}}}}}}
    data: {{train: {{table: texts.csv}}, evaluation: {{table: texts.csv}}}}
    characteristics: {{distribution: {{k: 5}}}}
"""


Found = dict[tuple[str, str], str]
"""What became of each deployment, by format and backend: empty, or why it failed.

By format and "" what the plan leaves out, with its reason.
"""


def verify_family(name: str, folder: Path, formats: Sequence[str] = FORMATS) -> Found:
    """Of the family ``name``, in ``folder``, which is empty and the current one."""
    (folder / "checkpoint").mkdir()
    write_checkpoint(name, folder / "checkpoint")
    rows = [f"{text},{LABELS[index % len(LABELS)]}" for index, text in enumerate(texts(24))]
    (folder / "texts.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    (folder / "study.yaml").write_text(_STUDY.format(formats=", ".join(formats), labels=", ".join(LABELS)))
    plan = make_plan(load_study(folder / "study.yaml"))
    store = Store(folder / "store")
    load_missing_examples(plan, store).write(store)
    failed: dict[str, str] = {}
    for step in (*plan.checkpoints, *plan.checkpoint_outputs, *plan.artifacts, *plan.verifications):
        cause = next((failed[ref.key] for ref in step.inputs.refs if ref.key in failed), None)
        reason = _do(step, store) if cause is None else cause
        if reason is not None:
            failed[step.key] = reason
    (task,) = plan.tasks
    found: Found = {(format, ""): reason for (_, format), reason in task.refused.items()}
    for planned in task.deployments:
        deployment = planned.deployment
        found[deployment.format, deployment.backend] = failed.get(planned.verification.key, "")
    return found


def _do(step: Step, store: Store) -> str | None:
    destination = store.begin(step)
    try:
        step_kind(step.kind).run(Context(step, store, destination, io.StringIO()))
    except Exception as error:  # as the worker: whatever it is becomes a status and a reason
        return ": ".join(status_of(error))
    store.commit(step, destination)
    return None
