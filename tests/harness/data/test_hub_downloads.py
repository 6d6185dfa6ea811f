"""Data sets of the hub, fetched by `datasets` and the hub's client from a stand-in over HTTP.

They read their environment when they are imported, so that each of these reads in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hub import Hub, Repository, serving
from tests.published import publish_data

NAME = "rajpurkar/squad_v2"
READ = """
import json, sys
from harness.config.data import HubSource
from harness.data.hub import read_hub_questions
from harness.errors import UserError

for source in json.loads(sys.argv[1]):
    try:
        print(json.dumps([example.id for example in read_hub_questions(HubSource(**source))]))
    except UserError as error:
        print(json.dumps(str(error)))
"""


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with serving() as hub:
        publish_data(hub, tmp_path / "data", size=20)
        yield hub


def read(hub: Hub, cache: Path, *sources: dict[str, str], **environment: str) -> list[Any]:
    """Of each source the ids of its examples, or the line that says what was wrong."""
    asked = [{"hub": NAME, "split": "validation", **source} for source in sources or ({},)]
    done = subprocess.run(
        [sys.executable, "-c", READ, json.dumps(asked)],
        env={**os.environ, **hub.environment(cache), "HF_DATASETS_DISABLE_PROGRESS_BARS": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.slow
def test_a_branch_that_moves_and_a_commit_that_does_not(hub: Hub, tmp_path: Path) -> None:
    first, cache = hub.repositories[f"datasets/{NAME}"].head, tmp_path / "cache"
    (before,) = read(hub, cache)
    assert len(before) == 20
    publish_data(hub, tmp_path / "later", size=30)
    second = hub.repositories[f"datasets/{NAME}"].head
    latest, pinned = read(hub, cache, {}, {"revision": first})
    assert len(latest) == 30 and pinned == before
    hub.asked.clear()
    offline = read(hub, cache, {"revision": first}, {"revision": second}, HF_HUB_OFFLINE="1")
    assert not hub.asked
    # `datasets` alone would give what it cached last for either.
    (refused,) = (answer for answer in offline if isinstance(answer, str))
    (given,) = (answer for answer in offline if not isinstance(answer, str))
    assert given == (latest if first in refused.partition(", not ")[2] else before)
    assert "the cache holds commit" in refused


def test_what_a_hub_refuses_is_one_line(hub: Hub, tmp_path: Path) -> None:
    for name, gated, busy in (("gated", True, False), ("busy", False, True)):
        commits = hub.repositories[f"datasets/{NAME}"].commits
        hub.repositories[f"datasets/org/{name}"] = Repository(commits, gated, busy)
    sources = (
        {"split": "no-such-split"},
        {"revision": "v9"},
        {"hub": "org/none"},
        {"hub": "org/gated"},
        {"hub": "org/busy"},
    )
    for said, line in zip(
        (
            "no-such-split",
            "v9",
            "org/none",
            "ask for access on its page, then log in with `hf auth login`",
            "429",
        ),
        read(hub, tmp_path / "cache", *sources),
        strict=True,
    ):
        assert said in line and "or name a local file with `squad:` or `table:`" in line
        assert len(line.splitlines()) == 1
        assert ("wait some minutes" in line) == (said == "429")


def test_offline_nothing_is_asked(hub: Hub, tmp_path: Path) -> None:
    (line,) = read(hub, tmp_path / "cache", HF_HUB_OFFLINE="1")
    assert "the hub is not asked (HF_HUB_OFFLINE, or no network)" in line and not hub.asked


@pytest.mark.slow
def test_a_download_that_is_cut_off_goes_on(hub: Hub, tmp_path: Path) -> None:
    hub.cut_after = 1000
    (line,) = read(hub, tmp_path / "cache")
    assert "cannot be loaded from the hub" in line
    hub.cut_after = None
    assert len(read(hub, tmp_path / "cache")[0]) == 20
