"""The tables of a report as LaTeX, for a paper, with booktabs and adjustbox, which keeps them within the page.

`\\input` them one by one, or all. The engine is pdfLaTeX, or LuaLaTeX and XeLaTeX, which have every character that
their font has; what pdfLaTeX has not, beyond Latin letters, it typesets as a code point, U+65E5.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from harness.report.blocks import Cell, Report, Table, in_one_line
from harness.report.printable import printable

_SPECIAL = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "$": r"\$",
        "&": r"\&",
        "#": r"\#",
        "%": r"\%",
        "_": r"\_",
        "^": r"\textasciicircum{}",
        "~": r"\textasciitilde{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "|": r"\textbar{}",
        "[": "{[}",  # after a row's end it would begin an optional argument
        "\u00b1": r"$\pm$",
        "\u00d7": r"$\times$",
        "\u2192": r"$\rightarrow$",
        "\u2212": "$-$",
        "\u2264": r"$\leq$",
        "\u2265": r"$\geq$",
        "\u221e": r"$\infty$",
    }
)
_LATIN = "\u00a0-\u0125\u0128-\u0137\u0139-\u013e\u0141-\u0148\u014a-\u0165\u0168-\u017e"
"""What pdfLaTeX knows of Latin letters, with T1 (t1enc.dfu and ts1enc.dfu)."""
_BEYOND = re.compile(
    rf"[^\x00-\x7f{_LATIN}\u0218-\u021b\u2013\u2014\u2018-\u201a\u201c-\u201e\u2020-\u2022\u2026\u20ac\u2122]+"
)
PREAMBLE = r"""% needs \usepackage[T1]{fontenc} and \usepackage{booktabs,adjustbox}
\providecommand{\beyondlatin}[2]{\ifdefined\Umathchar #1\else #2\fi}
"""
_MINUS = re.compile(r"(?<![\w.)}-])-(?=\d)")


def to_latex(report: Report) -> str:
    """Every table of the report, a float each; texts that are no tables are left out."""
    lines = PREAMBLE.splitlines()
    task = ""  # the same tables come once a task
    for section in report.sections:
        if not section.blocks:
            task = f"{section.title}: "
        for table in section.blocks:
            if isinstance(table, Table):
                title = f"{task}{table.title or section.title}"
                lines += ["", f"% {printable(' '.join(section.title.split()))}", *_float(table, title)]
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Text that LaTeX typesets as it is."""
    words = unicodedata.normalize("NFC", printable(" ".join(text.split()))).translate(_SPECIAL)
    words = _BEYOND.sub(lambda match: rf"\beyondlatin{{{match[0]}}}{{{_code_points(match[0])}}}", words)
    return _MINUS.sub("$-$", words.replace("--", "-{-}")).replace("\u2013", "--")


def _code_points(text: str) -> str:
    return " ".join(f"U+{ord(character):04X}" for character in text)


def _float(table: Table, title: str) -> Iterable[str]:
    yield r"\begin{table}"
    yield r"\centering"
    yield rf"\caption{{{escape(title)}}}"
    yield r"\begin{adjustbox}{max width=\linewidth}"
    yield rf"\begin{{tabular}}{{{''.join('r' if column.right else 'l' for column in table.columns)}}}"
    yield r"\toprule"
    yield _line(escape(in_one_line(column.heading)) for column in table.columns)
    yield r"\midrule"
    group = ""
    for row in table.rows:
        if row.group != group:
            group = row.group
            yield rf"\multicolumn{{{len(table.columns)}}}{{l}}{{\textit{{{escape(group)}}}}} \\"
        yield _line(_cell(cell) for cell in row.cells)
    yield r"\bottomrule"
    yield r"\end{tabular}"
    yield r"\end{adjustbox}"
    if notes := table.shown_notes().values():
        yield rf"\par\footnotesize {escape(' '.join(notes))}"
    yield r"\end{table}"


def _line(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


def _cell(cell: Cell) -> str:
    text = escape(cell.text)
    return rf"\textbf{{{text}}}" if cell.level == "bad" and text else text
