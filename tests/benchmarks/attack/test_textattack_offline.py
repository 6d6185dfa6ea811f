"""In a process of its own: importing TextAttack must not need what this process has already."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import logging, os, socket
def refuse(*_, **__):
    raise AssertionError("a connection was asked for")
socket.socket.connect = socket.getaddrinfo = refuse
logging.getLogger("mine").addHandler(logging.NullHandler())
import transformers
before = dict(os.environ)
from tests.benchmarks.attack.textattack_search import attack_by_textattack
[result] = attack_by_textattack(
    lambda texts: [[0.9, 0.1] if "bad" in text else [0.2, 0.8] for text in texts],
    [("1", "a good film with a plot", 1)],
    candidates=lambda text, spans: [["bad"] if text[a:b] == "good" else [] for a, b in spans])
assert result.status == "succeeded", result
changed = {key for key in {*before, *os.environ} if before.get(key) != os.environ.get(key)}
assert not changed & {"HF_HOME", "XDG_CACHE_HOME", "HF_HUB_OFFLINE", "NLTK_DATA", "TA_CACHE_DIR"}, changed
assert logging.getLogger("mine").handlers and not logging.getLogger("mine").disabled
"""


@pytest.mark.nightly
def test_no_connection_nothing_at_home_and_the_process_as_it_was(tmp_path):
    home, temporary = tmp_path / "home", tmp_path / "temporary"
    home.mkdir()
    temporary.mkdir()
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("NLTK", "HF_", "XDG", "TA_"))},
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "PYTHONPATH": str(Path(__file__).parents[3]),
    }
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert not list(home.iterdir())
    assert not list(temporary.glob("scalemodel-*"))
