"""A store in a bucket: steps and runs as objects, each written in one piece, beside a folder that caches them.

<prefix>/steps/<kind>/<key>.tar     a step's folder; written once, so that all who share the bucket have the same one
<prefix>/runs/<name>.tar            the folder of a run that has ended
<prefix>/runs/<name>.json           the plan of a run, begun or ended: which steps it needs
<prefix>/leases/<who>               that somebody uses the bucket; see `harness.store.leases`

Steps need no lock: S3 makes an object only where there is none yet (`If-None-Match: *`), whole or not at all.
"""

from __future__ import annotations

import errno
import os
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.store.atomic import write_text
from harness.store.step import key_of

SCHEME = "s3://"
PACKED = ".tar"
_URL = ".url"
"""File of a cache that says whose it is."""


def folder_of(store: str | Path) -> Path:
    """The folder of a store, which may be given as a URL: then it is this machine's cache of the bucket.

    Raises:
        UserError: it is no URL of S3, the bucket cannot be reached, or the cache cannot be made.
    """
    if "://" not in str(store):
        return Path(store)
    url = str(store).rstrip("/")
    bucket = url.removeprefix(SCHEME).partition("/")[0]
    if not url.startswith(SCHEME) or not bucket:
        raise UserError(f"--store {store}: give a folder or {SCHEME}BUCKET/PREFIX")
    Objects(url).check()
    server = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    home = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    folder = home / "scalemodel" / f"{bucket}-{key_of([url, server])[:8]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / _URL, url)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror}); set XDG_CACHE_HOME to another") from None
    return folder


def objects_of(folder: Path) -> Objects | None:
    """What the folder of a store is a cache of; None where it is the store itself."""
    try:
        return Objects((folder / _URL).read_text(encoding="utf-8"))
    except OSError:
        return None


@dataclass(frozen=True)
class Listed:
    bytes: int
    changed: float
    """By the bucket's clock; seconds since 1970."""


class Objects:
    """Folders as objects below ``url``, by names such as ``steps/outputs/0123``, and texts, by names with a suffix.

    Every method raises a `UserError` where the bucket cannot be reached.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    @cached_property
    def _files(self) -> Any:
        try:
            import s3fs
        except ModuleNotFoundError:
            raise UserError(f"--store {self.url}: s3fs is not installed; pip install 'scalemodel[s3]'") from None
        return s3fs.S3FileSystem(use_listings_cache=False)

    def check(self) -> None:
        """Raise a `UserError` where there is no such bucket, or it may not be read."""
        bucket = self.url.removeprefix(SCHEME).partition("/")[0]
        with self._as_user_error():
            try:
                self._files.ls(self.url)
            except FileNotFoundError:  # of an empty prefix as well
                try:
                    self._files.ls(bucket)
                except FileNotFoundError:
                    raise UserError(f"--store {self.url}: there is no bucket {bucket}; make it first") from None

    def has(self, name: str) -> bool:
        with self._as_user_error():
            return bool(self._files.exists(self._object(name)))

    def fetch(self, name: str, folder: Path) -> bool:
        """Whether there is such an object; unpacked into ``folder``, which is made, as far as it is not damaged."""
        folder.mkdir(parents=True)
        file = folder.with_name(f"{folder.name}.tar")
        try:
            with self._as_user_error():
                self._files.get_file(self._object(name), str(file))
        except FileNotFoundError:
            return False
        try:
            with tarfile.open(file) as packed:
                packed.extractall(folder, filter="data")
        except (tarfile.TarError, EOFError):
            pass
        finally:
            file.unlink()
        return True

    def keep(self, folder: Path, name: str, file: Path, *, replace: bool = False) -> bool:
        """Make an object of ``folder``, packed in ``file``; whether there was none yet, or it was to be replaced."""
        try:
            with tarfile.open(file, "w") as packed:
                packed.add(folder, arcname=".")
            with self._as_user_error():
                self._files.put_file(str(file), self._object(name), mode="overwrite" if replace else "create")
        except FileExistsError:
            return False
        finally:
            file.unlink(missing_ok=True)
        return True

    def remove(self, name: str) -> None:
        with self._as_user_error():
            self._files.rm_file(self._object(name))

    def write(self, name: str, text: str) -> None:
        with self._as_user_error():
            self._files.pipe_file(f"{self.url}/{name}", text.encode())

    def read(self, name: str) -> str:
        with self._as_user_error():
            content: bytes = self._files.cat_file(f"{self.url}/{name}")
        return content.decode()

    def listed(self, folder: str) -> dict[str, Listed]:
        """All below ``folder``, by name with the suffix."""
        with self._as_user_error():
            facts_by_path = self._files.find(f"{self.url}/{folder}", detail=True)
        root = f"{self.url.removeprefix(SCHEME)}/"
        return {
            path.removeprefix(root): Listed(facts["size"], facts["LastModified"].timestamp())
            for path, facts in facts_by_path.items()
            if facts["type"] == "file"  # not the folder itself, which is found where its first object comes meanwhile
        }

    def delete(self, names: Iterable[str]) -> None:
        """Objects by name with the suffix, many in a request; one that is not there is as good as deleted."""
        with self._as_user_error():
            if paths := [f"{self.url}/{name}" for name in names]:
                self._files.rm(paths)

    def runs(self) -> list[str]:
        """The names of the runs whose folder is there."""
        return [Path(name).stem for name in self.listed("runs") if name.endswith(PACKED)]

    def _object(self, name: str) -> str:
        return f"{self.url}/{name}{PACKED}"

    @contextmanager
    def _as_user_error(self) -> Iterator[None]:
        """What a server, the network or the credentials have against it is of many types, none of them ours."""
        try:
            yield
        except (UserError, FileNotFoundError, FileExistsError):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.ENOSPC:
                raise
            reason = " ".join(str(error).split()) or type(error).__name__
            raise UserError(
                f"--store {self.url}: {reason}; the server and the credentials are those of AWS_ENDPOINT_URL and "
                "AWS_ACCESS_KEY_ID, or of AWS's own files"
            ) from None
