"""A study whose store is a bucket ends as on one machine's disk, whatever is killed and wherever it goes on."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.driver import command, scalemodel, started
from tests.end_to_end.test_scaling import STUDY, free_port, is_up, needs_ray, node, steps_in, wait_until
from tests.s3 import BUCKET, needs_s3, served

pytestmark = [needs_s3, pytest.mark.nightly, pytest.mark.timeout(1200)]
STORE = f"s3://{BUCKET}/studies"


@pytest.fixture
def server() -> Iterator[dict[str, str]]:
    with served() as environment:
        yield environment


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("study") / "small.yaml"
    file.write_text(STUDY)
    return file


@pytest.fixture(scope="module")
def expected(study: Path) -> bytes:
    """What the study finds alone on one machine."""
    alone = scalemodel("run", study, "--store", study.parent / "alone", "--quiet")
    assert alone.returncode == 0, alone.stderr
    return results(study.parent / "alone")


def results(store: Path, name: str = "results.json") -> bytes:
    (file,) = store.glob(f"*/{name}")
    return file.read_bytes()


def files_of(server: dict[str, str]) -> Any:
    import s3fs

    return s3fs.S3FileSystem(
        endpoint_url=server["AWS_ENDPOINT_URL"],
        key=server["AWS_ACCESS_KEY_ID"],
        secret=server["AWS_SECRET_ACCESS_KEY"],
        use_listings_cache=False,
    )


def cache_in(home: Path) -> Path:
    (folder,) = (home / "scalemodel").iterdir()
    return folder


def test_a_killed_run_goes_on_from_an_empty_cache_and_is_reused_elsewhere(
    study: Path, expected: bytes, server: dict[str, str], tmp_path: Path
) -> None:
    run = ("run", study, "--store", STORE, "--quiet")
    home = tmp_path / "one"
    killed = {**os.environ, **server, "XDG_CACHE_HOME": str(home)}
    with subprocess.Popen(command(*run), env=killed, stdout=subprocess.DEVNULL) as driver:
        wait_until(lambda: (home / "scalemodel").is_dir() and steps_in(cache_in(home)) >= 5)
        driver.send_signal(signal.SIGKILL)
    done = steps_in(cache_in(home))
    shutil.rmtree(home)
    again = scalemodel(*run, cwd=None, **server, XDG_CACHE_HOME=str(home))
    assert again.returncode == 0, again.stderr
    assert results(cache_in(home)) == expected
    log = next(cache_in(home).glob("*/steps"))
    assert len(list(log.iterdir())) <= steps_in(cache_in(home)) - done + 1  # what was done was not done again

    other = tmp_path / "two"
    shown = scalemodel("report", "--store", STORE, cwd=None, **server, XDG_CACHE_HOME=str(other))
    assert shown.returncode == 0 and "small" in shown.stdout, shown.stderr
    shutil.rmtree(other)
    reused = scalemodel(*run, cwd=None, **server, XDG_CACHE_HOME=str(other))
    assert reused.returncode == 0, reused.stderr
    assert not list(cache_in(other).glob("*/steps/*"))  # no step was done
    for name in ("results.json", "performance.json"):
        assert results(cache_in(other), name) == results(cache_in(home), name)

    prune = ("store", "prune", "--yes", "--store", STORE)
    early = scalemodel(*prune, cwd=None, **server, XDG_CACHE_HOME=str(home))
    assert early.returncode == 2 and "killed less than 15 minutes ago" in early.stderr
    files = files_of(server)
    files.rm(f"{STORE}/leases", recursive=True)  # as if they had passed
    kept = scalemodel(*prune, cwd=None, **server, XDG_CACHE_HOME=str(home))
    assert kept.returncode == 0 and "nothing to remove" in kept.stderr
    everything = files.find(f"{STORE}/steps")
    listed = scalemodel("store", "list", "--store", STORE, cwd=None, **server, XDG_CACHE_HOME=str(home))
    assert re.search(rf"^all +{len(everything)} ", listed.stdout, re.MULTILINE)
    files.rm(f"{STORE}/runs", recursive=True)
    emptied = scalemodel(*prune, cwd=None, **server, XDG_CACHE_HOME=str(home))
    assert emptied.returncode == 0 and "freed " in emptied.stderr and files.find(f"{STORE}/steps") == []
    put_back = scalemodel(*run, cwd=None, **server, XDG_CACHE_HOME=str(other))
    assert put_back.returncode == 0, put_back.stderr
    assert files.find(f"{STORE}/steps") == everything and results(cache_in(other)) == expected


def test_two_machines_at_once_end_with_the_same_steps(
    study: Path, expected: bytes, server: dict[str, str], tmp_path: Path
) -> None:
    """Timings are never the same twice: where they are, one has taken the other's."""
    homes = [tmp_path / "one", tmp_path / "two"]
    runs = [
        subprocess.Popen(
            command("run", study, "--store", STORE, "--quiet"),
            env={**os.environ, **server, "XDG_CACHE_HOME": str(home)},
            stdout=subprocess.DEVNULL,
        )
        for home in homes
    ]
    assert [run.wait() for run in runs] == [0, 0]
    one, two = map(cache_in, homes)
    assert results(one) == results(two) == expected
    assert results(one, "performance.json") == results(two, "performance.json")


@needs_ray
def test_a_cluster_without_a_shared_folder(
    study: Path, expected: bytes, server: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The node has a cache of its own, as another machine."""
    port, client = free_port(), free_port()
    head = ("--head", "--port", str(port), "--ray-client-server-port", str(client), "--include-dashboard", "false")
    for name, value in server.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "node"))
    with tempfile.TemporaryDirectory(prefix="ray-") as short, node(tmp_path, *head, "--temp-dir", short):
        wait_until(lambda: is_up(port), 120)
        ended = started(
            "run",
            study,
            "--store",
            STORE,
            "--quiet",
            "--executor",
            "ray",
            cwd=None,
            **server,
            RAY_ADDRESS=f"127.0.0.1:{port}",
            XDG_CACHE_HOME=str(tmp_path / "driver"),
        )
    assert ended.returncode == 0, ended.stderr
    assert results(cache_in(tmp_path / "driver")) == expected
    assert steps_in(cache_in(tmp_path / "node")) > 10


def test_a_bucket_that_is_not_there(server: dict[str, str], tmp_path: Path) -> None:
    refused = scalemodel(
        "run", "quickstart", "--store", "s3://elsewhere/studies", cwd=None, **server, XDG_CACHE_HOME=str(tmp_path)
    )
    assert refused.returncode == 2 and refused.stdout == ""
    assert refused.stderr == "scalemodel: --store s3://elsewhere/studies: there is no bucket elsewhere; make it first\n"
