"""A server of S3 on this machine, as a process of its own, with one bucket."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from harness.store.objects import folder_of
from harness.store.steps import Store

BUCKET = "shared"
needs_s3 = pytest.mark.skipif(
    any(find_spec(name) is None for name in ("s3fs", "moto", "flask_cors")), reason="s3fs or moto is not installed"
)


@contextlib.contextmanager
def served() -> Iterator[dict[str, str]]:
    """What the environment of a process has that is to use it."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    environment = {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 120
        while True:
            with socket.socket() as asked:
                if asked.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert time.monotonic() < end and server.poll() is None, "the server does not come"
            time.sleep(0.1)
        import s3fs

        s3fs.S3FileSystem(endpoint_url=url, key="somebody", secret="secret").mkdir(BUCKET)
        yield environment
    finally:
        server.kill()
        server.wait()


def machine(bucket: str, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store as a machine has it that keeps its cache in ``cache``."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    return Store(folder_of(bucket))
