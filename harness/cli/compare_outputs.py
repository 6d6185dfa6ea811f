"""`compare-outputs`: files from elsewhere as a report on standard output."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from harness.cli.show import Shown, show_results
from harness.data.checks import short
from harness.errors import UserError
from harness.external_outputs.comparison import FloorKind, Settings, compare, sources_of
from harness.external_outputs.read import read_output

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def compare_outputs(outputs: Sequence[str], settings: Settings, shown: Shown) -> None:
    """Write the report of comparing the files in ``outputs`` (NAME=FILE, the first the reference)."""
    named = [_named(output) for output in outputs]
    results = compare(sources_of([(name, read_output(path)) for name, path in named]), settings)
    show_results(results, shown)


def floors_of(again: Sequence[str], other_seed: Sequence[str]) -> dict[str, FloorKind]:
    """The kind of floor that each name stands for. Raises UserError for one that is said to be both."""
    both = set(again) & set(other_seed)
    if both:
        name = min(both)
        raise UserError(f"{name}: is named by --execution-floor and by --seed-floor; it can be only one of them")
    return {**dict.fromkeys(again, "execution"), **dict.fromkeys(other_seed, "seed")}


def _named(output: str) -> tuple[str, Path]:
    name, equals, file = output.partition("=")
    if not equals or not file:
        raise UserError(f"{output}: is not NAME=FILE; say whose outputs the file holds, as in large={output or 'FILE'}")
    if not NAME.fullmatch(name):
        raise UserError(
            f"{short(name)}: is no name; take up to 64 letters, digits, '.', '_' and '-', a letter or digit first"
        )
    return name, Path(file)
