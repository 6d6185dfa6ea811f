"""A stand-in of the Hugging Face hub over HTTP, as far as `huggingface_hub` and `datasets` ask it for files.

Folders are its repositories. As the hub does, it answers a large file with a redirect to another place (with the ETag
and the size in headers of their own), a small one itself, a renamed repository with a relative redirect, and takes up
a download in the middle.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

LARGE = (".bin", ".safetensors", ".parquet", ".h5", ".msgpack")
"""Suffixes of what the hub keeps in LFS."""


def fetch_model(named: tuple[str, str]) -> None:
    """Print the folder of a model's revision, in a process of its own: the client reads its environment once."""
    from harness.checkpoints.locate import require_on_hub, source_folder
    from harness.config.checkpoints import HubCheckpoint
    from harness.errors import UserError

    name, revision = named
    source = HubCheckpoint(hub=name, revision=revision)
    try:
        require_on_hub(source)
        print("there", flush=True)
        print(source_folder(source))
    except UserError as error:
        sys.exit(str(error))


@dataclass
class Repository:
    """``commits`` are the files by name, the last commit is that of ``main``."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    gated: bool = False
    busy: bool = False
    """Answers 429."""

    @property
    def head(self) -> str:
        return next(reversed(self.commits))

    def commit(self, files: Mapping[str, bytes]) -> str:
        """A new commit on ``main``."""
        content = repr([len(self.commits), sorted(files.items())]).encode()
        name = hashlib.sha1(content).hexdigest()
        self.commits[name] = dict(files)
        return name


class Hub:
    """``url`` is what `HF_ENDPOINT` is to be. Repositories are ``models/OWNER/NAME`` and ``datasets/OWNER/NAME``."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.renamed: dict[str, str] = {}
        self.asked: list[str] = []
        """Method, path and range of every request."""
        self.cut_after: int | None = None
        """Bytes after which a large file's download is cut off, and at once from then on; None: never."""
        self.damaged = False
        """Give other bytes, as many, for large files."""
        self.url = ""

    def publish(self, name: str, folder: Path) -> str:
        """Put the files of a folder on ``main``; returns the commit."""
        files = {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
        return self.repositories.setdefault(name, Repository()).commit(files)

    def environment(self, cache: Path) -> dict[str, Any]:
        """For a process that is to ask this hub, and keep what it gets in ``cache``."""
        return {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(cache),
            "HF_HUB_DISABLE_XET": "1",
            "HF_UPDATE_DOWNLOAD_COUNTS": "0",  # else it is told to another host
        }


@contextmanager
def serving() -> Iterator[Hub]:
    hub = Hub()

    class Handler(_Handler):
        of = hub

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hub.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    of: Hub

    def log_message(self, *arguments: Any) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(b"")

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def _answer(self, body: bytes) -> None:
        hub, path = self.of, unquote(urlsplit(self.path).path)
        hub.asked.append(" ".join([self.command, path, *filter(None, [self.headers.get("Range")])]))
        if path == "/":
            return self._send(200, b"the hub")
        if found := re.fullmatch("/large/([0-9a-f]{64})", path):
            return self._large(found[1])
        if found := re.fullmatch(
            r"/api/(models|datasets)/(.+?)(?:/(revision|tree|paths-info|auth-check)(?:/(.+))?)?", path
        ):
            kind, name, what, rest = found.groups()
        elif found := re.fullmatch(r"/(datasets/)?(.+?)/(resolve)/(.+)", path):
            kind, name, what, rest = "datasets" if found[1] else "models", *found.groups()[1:]
        else:
            return self._send(404, b"")
        key = f"{kind}/{name}"
        if key in hub.renamed:
            return self._send(307, b"", {"Location": self.path.replace(name, hub.renamed[key].partition("/")[2], 1)})
        repository = hub.repositories.get(key)
        if repository is None:
            return self._send(401, b"", {"X-Error-Code": "RepoNotFound"})
        if repository.busy:
            return self._send(429, b"", {"Retry-After": "1"})
        if repository.gated and what in ("resolve", "auth-check"):
            return self._send(403, b"", {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted."})
        revision, _, file = (rest or "main").partition("/")
        commit = repository.head if revision == "main" else revision
        if commit not in repository.commits:
            return self._send(404, b"", {"X-Error-Code": "RevisionNotFound"})
        files = repository.commits[commit]
        if what in (None, "revision", "auth-check"):
            blobs = "blobs" in parse_qs(urlsplit(self.path).query)
            siblings = [{"rfilename": each} | (_sizes(content) if blobs else {}) for each, content in files.items()]
            for sibling in siblings if blobs else ():
                if not sibling["rfilename"].endswith(LARGE):
                    sibling.pop("lfs")
            gated = "manual" if repository.gated else False
            return self._json({"id": name, "sha": commit, "siblings": siblings, "gated": gated, "private": False})
        if what == "tree":
            return self._json(_entries(files, file, recursive="recursive=True" in self.path))
        if what == "paths-info":
            form = parse_qs(body.decode())
            asked = form.get("paths") or json.loads(body)["paths"]
            return self._json([entry for path in asked for entry in _entry(files, path.strip("/"))])
        return self._file(commit, files, file)

    def _file(self, commit: str, files: dict[str, bytes], name: str) -> None:
        told = {"X-Repo-Commit": commit}
        if name not in files:
            return self._send(404, b"", told | {"X-Error-Code": "EntryNotFound"})
        content = files[name]
        if not name.endswith(LARGE):
            return self._send(200, content, told | {"ETag": f'"{_git(content)}"'})
        sha256 = hashlib.sha256(content).hexdigest()
        linked = {"X-Linked-Etag": f'"{sha256}"', "X-Linked-Size": str(len(content))}
        self._send(302, b"", told | linked | {"Location": f"{self.of.url}/large/{sha256}"})

    def _large(self, sha256: str) -> None:
        hub = self.of
        content = next(
            content
            for repository in hub.repositories.values()
            for files in repository.commits.values()
            for content in files.values()
            if hashlib.sha256(content).hexdigest() == sha256
        )
        if hub.damaged:
            content = bytes(len(content))
        if span := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            start, end = int(span[1]), int(span[2] or len(content) - 1)
            told = {"Content-Range": f"bytes {start}-{end}/{len(content)}"}
            return self._send(206, content[start : end + 1], told, cut_after=hub.cut_after)
        self._send(200, content, {"Accept-Ranges": "bytes"}, cut_after=hub.cut_after)

    def _json(self, content: Any) -> None:
        self._send(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def _send(
        self, status: int, content: bytes, headers: Mapping[str, str] | None = None, *, cut_after: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(content[:cut_after])
        if cut_after is not None and cut_after < len(content):
            self.of.cut_after = 0
            self.close_connection = True


def _git(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def _sizes(content: bytes) -> dict[str, Any]:
    lfs = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "pointerSize": 134}
    return {"size": len(content), "blobId": _git(content), "lfs": lfs}


def _entry(files: dict[str, bytes], path: str) -> list[dict[str, Any]]:
    """What the hub says of a file or a folder; nothing where there is none."""
    if path in files:
        content = files[path]
        entry: dict[str, Any] = {"type": "file", "path": path, "size": len(content), "oid": _git(content)}
        if path.endswith(LARGE):
            entry["lfs"] = {
                "size": len(content),
                "oid": hashlib.sha256(content).hexdigest(),
                "pointerSize": 134,
            }
        return [entry]
    if any(name.startswith(f"{path}/") for name in files):
        return [{"type": "directory", "path": path, "size": 0, "oid": _git(path.encode())}]
    return []


def _entries(files: dict[str, bytes], folder: str, *, recursive: bool) -> list[dict[str, Any]]:
    within = f"{folder}/" if folder else ""
    names = [name for name in files if name.startswith(within)]
    folders = {within + name[len(within) :].partition("/")[0] for name in names if "/" in name[len(within) :]}
    shown = names if recursive else [name for name in names if "/" not in name[len(within) :]]
    return [entry for path in [*sorted(folders), *shown] for entry in _entry(files, path)]
