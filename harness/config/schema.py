"""The JSON schema of config files, for the completion and checks of editors."""

from __future__ import annotations

from typing import Any

from harness.config.study import Study


def json_schema() -> dict[str, Any]:
    schema = Study.model_json_schema()
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "scalemodel study"
    schema["properties"]["parameters"] = {
        "type": "object",
        "description": "Values that strings of this file may name as ${name}; --set parameters.name=value changes one.",
        "additionalProperties": {"type": ["string", "number", "boolean"]},
    }
    return schema
