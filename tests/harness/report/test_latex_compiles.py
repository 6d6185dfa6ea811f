r"""What `--format latex` writes, typeset: every table, of whatever names, in a document that takes them by `\input`."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import pytest
from rich.console import Console

from harness.report.blocks import Cell, Column, Report, Row, Section, Table
from harness.report.latex import to_latex
from harness.report.render import render
from tests.harness.report import synthetic_results as synthetic

pytestmark = pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex (texlive-latex-extra)")

DOCUMENT = r"""
\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage{booktabs,adjustbox}
\begin{document}
\input{tables}
\listoftables
\end{document}
"""
NAMES = (
    *("a_b", "100 %", "R&D", "#1", "$5", "{x}", r"\end{tabular}", "x^2 ~ y", "<b>|", "[1] first", "*star", "--full"),
    *("\"quoted\" 'so' `as` it is", "-0.5 ± 0.1 → ∞ \u00d7 2 ≤ 3", "Łódź, straße, đa, Ŋ, ŉ, ħ", "e\u0301"),
    *(
        "…—\u2018\u2019“”„€™†•",
        "日本語のメモ",
        "модель",
        "μ ≈ Ω",
        "🙂",
        "שלום",
        "\x1b[31m",
        "\u202e",
        "a\u00a0b\u00adc",
    ),
)


def typeset(folder: Path, tables: str) -> str:
    """Run pdfLaTeX twice, which reads the captions back; the log."""
    (folder / "tables.tex").write_text(tables, encoding="utf-8")
    (folder / "paper.tex").write_text(DOCUMENT, encoding="utf-8")
    command = ["pdflatex", "-draftmode", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "paper.tex"]
    for _ in range(2):
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=300)
        log = (folder / "paper.log").read_text(encoding="utf-8", errors="replace")
        assert done.returncode == 0, log[-2000:]
    return log


def test_names_of_every_kind(tmp_path: Path) -> None:
    rows = tuple(Row((Cell(name, "bad" if i % 2 else None), Cell(name)), name) for i, name in enumerate(NAMES))
    latin = "".join(chr(code) for code in range(0xA1, 0x250))
    rows += tuple(Row((Cell(latin[start : start + 20]), Cell("")), "") for start in range(0, len(latin), 20))
    tables = tuple(Table(name, (Column(name), Column(name)), rows, (name,)) for name in NAMES)
    log = typeset(tmp_path, to_latex(Report("names", "", (Section("Names", tables),))))
    assert "Missing character" not in log and "undefined" not in log


@pytest.mark.parametrize("name", synthetic.EVERY)
def test_reports(name: str, tmp_path: Path) -> None:
    stream = io.StringIO()
    render(synthetic.run_of(synthetic.EVERY[name]()), format="latex", console=Console(file=stream))
    log = typeset(tmp_path, stream.getvalue())
    assert "Missing character" not in log and "undefined" not in log
