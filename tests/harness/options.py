"""Options of a small deployment of text classification, to be changed by a test."""

from __future__ import annotations

from typing import Any

from harness.inference.options import DeploymentOptions, TaskOptions


def deployment_options(**changes: Any) -> DeploymentOptions:
    """By default FP32 on ONNX Runtime with one thread; ``max_length`` and ``question_answering`` are the task's."""
    task: dict[str, Any] = {"name": "text-classification", "max_length": 64}
    task |= {name: changes.pop(name) for name in ("name", "max_length", "question_answering") if name in changes}
    given: dict[str, Any] = {"backend": "onnxruntime-cpu", "format": "onnx-fp32", "pooling": "cls"}
    given |= {"threads": 1, "token_budget": 512}
    return DeploymentOptions(task=TaskOptions(**task), **given | changes)
