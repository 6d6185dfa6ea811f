from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from harness.report.render import render
from tests.harness.report.synthetic_results import run_of


@pytest.fixture
def printed() -> Callable[..., str]:
    """The report of a tree of results as text, as a pipe would get it."""

    def text(results: dict[str, Any], *, width: int = 80, **options: Any) -> str:
        stream = io.StringIO()
        render(run_of(results), width=width, console=Console(file=stream, width=width), **options)
        return stream.getvalue()

    return text
