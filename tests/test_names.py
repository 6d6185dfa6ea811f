"""A name that says which class is meant."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("harness", "exporters", "backends", "benchmarks", "configs", "tools")
OF_EVERY_STEP = {"Options", "Inputs"}  # a module of harness/steps is read by these names: docs/extending.md


def test_a_class_name_stands_once() -> None:
    places = defaultdict(list)
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    places[node.name].append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert len(places) > 500
    twice = {name: where for name, where in places.items() if len(where) > 1}
    assert {name for name in twice if name not in OF_EVERY_STEP} == set(), twice
    for name in OF_EVERY_STEP:
        assert all(where.startswith("harness/steps/") for where in twice[name])
