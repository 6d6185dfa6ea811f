"""A study of one family, up to the verification of every deployment, in this process: one import for all its steps."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from exporters.onnx.graph import read_model, write_model
from harness.config.load import load_study
from harness.errors import status_of
from harness.execution.run import load_missing_examples
from harness.planning.plan import make_plan
from harness.steps.context import Context
from harness.steps.registry import step_kind
from harness.store.step import Step
from harness.store.steps import Store
from tests.exporters.packing_functions import with_packing_functions
from tests.families.checkpoints import LABELS, texts, write_checkpoint

FORMATS = (
    "torch-fp32",
    "onnx-fp32",
    "onnx-fused",
    "onnx-packed",
    "onnx-fp16",
    "onnx-fused-fp16",
    "onnx-packed-fp16",
    "onnx-bf16",
    "onnx-int8-dynamic",
    "onnx-int8-static",
    "onnx-int8-tensorrt",
    "onnx-int4",
)
"""Those that a backend for CPUs takes, and those of `FOR_GPUS`."""

ON_CPUS = ("torch-cpu", "onnxruntime-cpu", "openvino-cpu")

FOR_GPUS = {
    "onnx-packed": ("onnxruntime-cuda", "onnx-fused"),
    "onnx-packed-fp16": ("onnxruntime-cuda", "onnx-fused-fp16"),
    "onnx-int8-tensorrt": ("onnxruntime-tensorrt", "onnx-int8-static"),
}
"""Formats that no backend for CPUs takes: a backend that does, and the format within whose limits ONNX Runtime computes
them on the CPU, once the packing operators are functions."""

_STUDY = """
study: family
formats: [{formats}]
backends: [{backends}]
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


Outcomes = dict[tuple[str, str], str]
"""What became of each deployment, by format and backend: empty, or why it failed.

By format and "" what the plan leaves out, with its reason.
"""


def verify_family(name: str, folder: Path, formats: Sequence[str] = FORMATS) -> Outcomes:
    """Of the family ``name``, in ``folder``, which is empty and the current one."""
    (folder / "checkpoint").mkdir()
    write_checkpoint(name, folder / "checkpoint")
    rows = [f"{text},{LABELS[index % len(LABELS)]}" for index, text in enumerate(texts(24))]
    (folder / "texts.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    backends = [*ON_CPUS, *sorted({FOR_GPUS[format][0] for format in formats if format in FOR_GPUS})]
    (folder / "study.yaml").write_text(
        _STUDY.format(formats=", ".join(formats), backends=", ".join(backends), labels=", ".join(LABELS))
    )
    plan = make_plan(load_study(folder / "study.yaml"))
    store = Store(folder / "store")
    load_missing_examples(plan, store).write(store)
    failed: dict[str, str] = {}

    def attempt(step: Step) -> None:
        cause = next((failed[ref.key] for ref in step.inputs.refs if ref.key in failed), None)
        reason = _do(step, store) if cause is None else cause
        if reason is not None:
            failed[step.key] = reason

    for step in (*plan.checkpoints, *plan.checkpoint_outputs, *plan.artifacts):
        attempt(step)
    (task,) = plan.tasks
    found: Outcomes = {(format, ""): reason for (_, format), reason in task.refused.items()}
    for planned in task.deployments:
        deployment, step = planned.deployment, planned.verification
        if deployment.backend not in ON_CPUS:
            if deployment.format not in FOR_GPUS:
                continue
            if planned.artifact.key not in failed:
                step = _on_the_cpu(step, store.path(planned.artifact.kind, planned.artifact.key))
        attempt(step)
        found[deployment.format, deployment.backend] = failed.get(step.key, "")
    return found


def _on_the_cpu(verification: Step, artifact: Path) -> Step:
    """The verification of a deployment on a GPU, on `onnxruntime-cpu`; the artifact is made fit for it."""
    options: Any = verification.options
    _, format = FOR_GPUS[options.deployment.format]
    if "packed" in options.deployment.format:
        write_model(with_packing_functions(read_model(artifact)), artifact)
    here = {"backend": "onnxruntime-cpu", "backend_options": {}, "format": format}
    deployment = options.deployment.model_copy(update=here)
    return replace(verification, options=options.model_copy(update={"deployment": deployment}))


def _do(step: Step, store: Store) -> str | None:
    destination = store.begin(step)
    try:
        step_kind(step.kind).run(Context(step, store, destination, io.StringIO()))
    except Exception as error:  # as the worker: whatever it is becomes a status and a reason
        return ": ".join(status_of(error))
    store.commit(step, destination)
    return None
