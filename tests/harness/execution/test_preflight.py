"""The process that loads checkpoints before a run: there when it is needed, and no longer than its parent."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

LOAD = """
import sys
from pathlib import Path

import psutil

from harness.execution.preflight import check_checkpoints
from harness.steps import checkpoint
from harness.store.step import Step

source = {sys.argv[1]: sys.argv[2]}
options = checkpoint.Options(task="question-answering", labels=(), source=source, digest="", new_head=False, seed=0)
subject = {"task": "t", "model": "m"}
step = Step("checkpoint", "key", "get it", "checkpoint", subject, options, checkpoint.Inputs())
print(check_checkpoints([step]), len(psutil.Process().children()), flush=True)
"""


def test_nothing_is_started_where_nothing_is_to_be_loaded() -> None:
    for kind, name in (("embedded", "tiny"), ("hub", "org/name")):
        done = subprocess.run([sys.executable, "-c", LOAD, kind, name], capture_output=True, text=True, check=True)
        assert done.stdout == f"{['org/name'] if kind == 'hub' else []} 0\n"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the kernel does not end it")
@pytest.mark.parametrize("killed_at", ["while it loads", pytest.param("once it is there", marks=pytest.mark.slow)])
def test_the_loader_dies_with_its_parent(tmp_path: Path, killed_at: str) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with subprocess.Popen([sys.executable, "-c", LOAD, "folder", str(tmp_path)], stderr=subprocess.PIPE) as parent:
        process = psutil.Process(parent.pid)
        while not (loaders := [child for child in process.children() if "spawn_main" in " ".join(child.cmdline())]):
            assert parent.poll() is None
        if killed_at == "while it loads":
            while loaders[0].memory_info().rss < 100 * 2**20:
                assert parent.poll() is None
        parent.kill()
    _, alive = psutil.wait_procs(loaders, timeout=60)
    assert not alive
