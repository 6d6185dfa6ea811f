"""docs/study.md: every snippet, put into the page's study at the place that it names, gives a study."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.config.characteristics import Attack
from harness.config.load import load_study
from harness.errors import UserError

GUIDE = Path(__file__).parents[3] / "docs" / "study.md"
FIRST, *SNIPPETS = re.findall(r"```yaml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL)


def put_into(study: dict[str, Any], snippet: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint takes the place of another, and is not mixed with it."""
    return study | {
        key: put_into(study[key], value)
        if isinstance(value, dict) and isinstance(study.get(key), dict) and key != "checkpoint"
        else value
        for key, value in snippet.items()
    }


@pytest.mark.parametrize("snippet", ["{}", *SNIPPETS], ids=lambda text: " ".join(text.split()[:6]))
def test_a_snippet_makes_a_study(snippet: str, tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(put_into(yaml.safe_load(FIRST), yaml.safe_load(snippet))), encoding="utf-8")
    assert load_study(path).study == "mine"


def test_the_attack_s_keys_and_defaults_are_all_told() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    for name, field in Attack.model_fields.items():
        assert f"`{name}`" in text or f"{name}:" in text, name
        if isinstance(field.default, int | float) and not isinstance(field.default, bool):
            row = next(line for line in text.splitlines() if line.startswith("|") and f"`{name}`" in line)
            assert f"{field.default}" in row.split("|")[2], name


@pytest.mark.parametrize(
    "page", ["README.md", "docs/performance.md", "docs/backends.md", "docs/exporting.md", "docs/gpu.md"]
)
def test_snippets_of_other_pages_are_parts_of_a_study(page: str, tmp_path: Path) -> None:
    for text in re.findall(
        r"```yaml\n(.*?)```", (GUIDE.parents[1] / page).read_text(encoding="utf-8"), flags=re.DOTALL
    ):
        snippet = yaml.safe_load(text)
        if "models" in snippet:  # of a task
            snippet = {"tasks": {"text-classification": {"recipe": {}, "reference": "bert", **snippet}}}
        path = tmp_path / "study.yaml"
        path.write_text(yaml.safe_dump(put_into(yaml.safe_load(FIRST), snippet)), encoding="utf-8")
        if "fp8" in text and find_spec("modelopt") is None:
            with pytest.raises(UserError, match="modelopt"):
                load_study(path)
        else:
            assert load_study(path).tasks
