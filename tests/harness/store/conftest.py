"""A bucket of a server on this machine, which the process is told of, and a prefix in it for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.s3 import BUCKET, served


@pytest.fixture(scope="module")
def server() -> Iterator[dict[str, str]]:
    with served() as environment:
        yield environment


@pytest.fixture
def bucket(server: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in server.items():
        monkeypatch.setenv(name, value)
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    return f"s3://{BUCKET}/{tmp_path.name}"
