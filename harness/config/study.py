"""A study, as its YAML file says it: pydantic models, strict and frozen."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from harness.config.names import BackendName, FormatName, Name, TaskName
from harness.config.performance import Performance
from harness.config.policy import Policy
from harness.config.strict import Strict
from harness.config.tasks import TaskSettings


class Study(Strict):
    """One study: its models, formats, backends, and what is measured and compared."""

    study: Name
    description: str = ""
    seed: Annotated[int, Field(ge=0)] = 0
    formats: Annotated[tuple[FormatName, ...], Field(min_length=1)] = (
        "onnx-fp32",
        "onnx-fp16",
        "onnx-int8-dynamic",
        "onnx-int8-static",
    )
    backends: Annotated[tuple[BackendName, ...], Field(min_length=1)] = ("onnxruntime-cpu",)
    backend_options: dict[BackendName, dict[str, Any]] = Field(default={})
    """Settings of the runtimes, by backend: docs/backends.md names them. Checked by the backend itself."""
    threads: Annotated[int | None, Field(gt=0)] = None
    """Threads inside a deployment; None takes the cores this process may use."""
    token_budget: Annotated[int | None, Field(ge=16)] = None
    """Tokens a batch, padding counted, over examples sorted by length. None takes 1,024 on a CPU, 16,384 on a GPU."""
    performance: Performance | None = Performance()
    tasks: Annotated[dict[TaskName, TaskSettings], Field(min_length=1)]
    timeout_minutes: Annotated[float, Field(gt=0)] = 120
    """A step that neither ends nor tells of progress for so long is ended and reported as failed."""
    gate: Annotated[Policy | None, Field(exclude=True)] = None
    """What `run` holds the results against at its end (docs/ci.md): a policy, or the path of one from this file. It
    judges results and makes none: with another policy it is the same run."""


def json_schema() -> dict[str, Any]:
    """JSON schema of config files, for the completion and checks of editors."""
    schema = Study.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "scalemodel study"
    schema["properties"]["gate"]["anyOf"].append({"type": "string"})
    schema["properties"]["parameters"] = {
        "type": "object",
        "description": "Values that strings of this file may name as ${name}; --set parameters.name=value changes one.",
        "additionalProperties": {"type": ["string", "number", "boolean"]},
    }
    return schema
