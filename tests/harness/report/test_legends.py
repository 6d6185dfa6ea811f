"""What stands below a table explains columns that it shows, and no others."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest

from harness.report.blocks import About, Cell, Column, Row, Table, in_one_line
from harness.report.build import build_report
from harness.report.table_layout import lay_out
from harness.results.schema import CharacteristicResults
from tests.harness.report import synthetic_results as synthetic

WIDTHS = (50, 100, 10_000)
NO_COLUMNS = {"front"}
"""Explained too: what stands in cells."""


def tables(tree: dict[str, Any]) -> Iterator[Table]:
    for section in build_report(synthetic.run_of(tree), all_pairs=False).sections:
        yield from (block for block in section.blocks if isinstance(block, Table))


def explained(text: str) -> list[str]:
    """Of "over: sure less right. lost, found: ..." the words before the colons, which are in small letters."""
    found = re.findall(r"(?:^|[.;] )([a-z][\w ,-]*): ", text)
    return [word for words in found for word in re.split(r", and |, | and ", words)]


@pytest.mark.parametrize("name", [*synthetic.EVERY, *CharacteristicResults.model_fields])
def test_a_legend_is_of_columns_that_are_shown(name: str) -> None:
    tree = synthetic.EVERY[name]() if name in synthetic.EVERY else synthetic.whole()
    if name not in synthetic.EVERY:
        for task in tree["tasks"].values():
            task["characteristics"][name] = None
    for table, width in product(tables(tree), WIDTHS):
        layout = lay_out(table, width)
        shown = [in_one_line(table.columns[place].heading) for place in layout.widths]
        words = [word for text in table.shown_notes(layout.widths).values() for word in explained(text)]
        for word in words:
            assert word in NO_COLUMNS or any(word in one for one in shown), (table.title, word, shown)


def test_what_is_said_of_a_column_goes_with_it() -> None:
    columns = (Column("name"), Column("speed-\nup"), Column("size", optional=True))
    row = Row(tuple(Cell(text) for text in ("a", "2.0x", "1.0x")))
    note = ("Of 3 runs.", About(("speed-\nup",), "speed-up: of p50."), About(("size", "peak"), "size: of the file."))
    table = Table("", columns, (row,), (note, (About(("peak",), "peak: of memory."),)))
    assert list(table.shown_notes().values()) == ["Of 3 runs. speed-up: of p50. size: of the file."]
    assert list(table.shown_notes([0, 1]).values()) == ["Of 3 runs. speed-up: of p50."]
