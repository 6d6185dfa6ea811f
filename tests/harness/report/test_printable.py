"""What steers a terminal is shown as its escape; text of every language stays what it is."""

from __future__ import annotations

import pytest

from harness.report.printable import printable, say

SHOWN = {
    "\x1b[31mred": "\\x1b[31mred",
    "bell\x07": "bell\\x07",
    "\x9b2J": "\\x9b2J",
    "\x85": "\\x85",
    "\x7f\x08\x00": "\\x7f\\x08\\x00",
    "over\rwritten": "over\\rwritten",
    "\u202eexe.txt\u202c": "\\u202eexe.txt\\u202c",
    "\u2066isolated\u2069": "\\u2066isolated\\u2069",
    "hid\u200bden\ufeff": "hid\\u200bden\\ufeff",
    "no-utf-8-\udcff": "no-utf-8-\\udcff",
    "\u2028": "\\u2028",
}


@pytest.mark.parametrize("text", SHOWN)
def test_what_steers_is_shown(text: str) -> None:
    assert printable(text) == SHOWN[text] == printable(SHOWN[text])


@pytest.mark.parametrize(
    "text", ["", "two\nlines\tand\r\na tab", "日本語 é", "שלום", "क\u200cष", "👩\u200d💻", "a\u00a0b"]
)
def test_text_stays(text: str) -> None:
    assert printable(text) == text


def test_a_line_on_each_stream(capsys: pytest.CaptureFixture[str]) -> None:
    say("out \x1b[2J")
    say("error \x07", error=True)
    assert capsys.readouterr() == ("out \\x1b[2J\n", "error \\x07\n")
