"""Needs of a study on the hub: fetched into the caches of the hub's own clients, and found there again offline.

The folder is ``hub`` and ``datasets``, as `huggingface_hub` and `datasets` keep them, and a manifest for each study.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from exporters.files import sha256
from harness.checkpoints.locate import download, downloaded_names
from harness.config.checkpoints import HubCheckpoint
from harness.config.data import HubSource
from harness.config.strict import Strict
from harness.config.study import Study
from harness.data.hub_client import HUB, HUB_SECONDS, reporting_hub_errors
from harness.errors import UserError
from harness.store.atomic import write_json

DEFAULT_REVISION = "main"

Need = HubCheckpoint | HubSource


class Repository(Strict):
    """A model, or the split of a data set."""

    kind: Literal["model", "dataset"]
    hub: str
    revision: str
    """As the study asks for it."""
    split: str | None = None
    commit: str


class File(Strict):
    bytes: int
    sha256: str


class FetchManifest(Strict):
    """What was fetched for a study. The files of a model are those of its snapshot, of a data set its Arrow files."""

    version: Literal[1] = 1
    study: str
    repositories: tuple[Repository, ...]
    files: dict[str, File]
    """By path below the folder."""


@dataclass(frozen=True)
class Size:
    """What the hub says before anything is fetched."""

    kind: Literal["model", "dataset"]
    hub: str
    revision: str
    commit: str
    bytes: int
    """Of a data set: of all its files, of which only some may be needed."""


def needs(study: Study) -> list[Need]:
    """What a study names of the hub, each once."""
    return list(dict.fromkeys(_needs_of(study)))


def sizes(wanted: list[Need]) -> list[Size]:
    """Asks the hub, for each repository once. Raises `UserError` for what it has not, or does not give."""
    sizes_by_repository: dict[tuple[str, str, str], Size] = {}
    for need in wanted:
        kind, _, revision, _ = _key(need)
        if (kind, need.hub, revision) in sizes_by_repository:
            continue
        info = _info(need, revision)
        bytes_of = {file.rfilename: int(file.size or 0) for file in info.siblings or ()}
        names = downloaded_names(list(bytes_of)) if kind == "model" else bytes_of
        size = sum(bytes_of[name] for name in names)
        sizes_by_repository[kind, need.hub, revision] = Size(kind, need.hub, revision, str(info.sha), size)
    return list(sizes_by_repository.values())


def fetch(study: str, wanted: list[Need], folder: Path) -> Path:
    """Download what is not in ``folder`` yet, check it, and write the manifest, whose path is returned.

    The clients' caches have to be those of ``folder``. A download that was cut off goes on where it was.

    Raises:
        UserError: the hub does not give it, or what came is not what the hub says that it has.
    """
    repositories, files = [], {}
    for need in wanted:
        commit, places = _fetch_model(need, folder) if isinstance(need, HubCheckpoint) else _fetch_data(need, folder)
        kind, hub, revision, split = _key(need)
        repositories.append(Repository(kind=kind, hub=hub, revision=revision, split=split, commit=commit))
        for place in places:
            files[str(place.relative_to(folder))] = File(bytes=place.stat().st_size, sha256=sha256(place))
    manifest = FetchManifest(study=study, repositories=tuple(repositories), files=files)
    write_json(manifest_file(study, folder), manifest.model_dump(mode="json"))
    return manifest_file(study, folder)


def require_fetched(study: Study, folder: Path) -> None:
    """Raise `UserError` unless ``folder`` holds, whole, all that the study needs of the hub."""
    wanted = needs(study)
    if not wanted:
        return
    again = f"`scalemodel fetch` the study with --to {folder} where there is a network"
    file = manifest_file(study.study, folder)
    try:
        manifest = FetchManifest.model_validate(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise UserError(
            f"--offline {folder}: nothing was fetched there for {study.study} ({file.name}): {again}"
        ) from None
    except (OSError, ValueError, ValidationError):
        raise UserError(f"{file} is no manifest of this version: {again}") from None
    known = {(each.kind, each.hub, each.revision, each.split) for each in manifest.repositories}
    for need in wanted:
        key = _key(need)
        if key not in known:
            raise UserError(f"--offline {folder}: {key[1]!r} at {key[2]!r} was not fetched: {again}")
    for name, expected in manifest.files.items():
        place = folder / name
        if not place.is_file():
            raise UserError(f"--offline {folder}: {name} is missing, its manifest names it: copy it too, or {again}")
        if place.stat().st_size != expected.bytes or sha256(place) != expected.sha256:
            raise UserError(
                f"--offline {folder}: {name} is not its manifest's file (SHA-256): copy it again, or {again}"
            )


def manifest_file(study: str, folder: Path) -> Path:
    return folder / f"fetched-{study}.json"


def _needs_of(value: Any) -> Iterator[Need]:
    if isinstance(value, HubCheckpoint):
        yield value
    elif isinstance(value, HubSource):
        yield HubSource(hub=value.hub, split=value.split, revision=value.revision)
    elif isinstance(value, BaseModel):
        yield from _needs_of(value.__dict__)
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _needs_of(each)
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _needs_of(each)


def _key(need: Need) -> tuple[Literal["model", "dataset"], str, str, str | None]:
    """Kind, name, revision and split, as the study asks for them: what a `Repository` is known by."""
    return _kind(need), need.hub, need.revision or DEFAULT_REVISION, getattr(need, "split", None)


def _kind(need: Need) -> Literal["model", "dataset"]:
    return "model" if isinstance(need, HubCheckpoint) else "dataset"


def _info(need: Need, revision: str) -> Any:
    from huggingface_hub import HfApi

    with reporting_hub_errors(need.hub, revision):
        return HfApi().repo_info(
            need.hub, repo_type=_kind(need), revision=revision, timeout=HUB_SECONDS, files_metadata=True
        )


def _fetch_model(need: HubCheckpoint, folder: Path) -> tuple[str, list[Path]]:
    snapshot = download(need)
    _check(need, snapshot)
    reference = snapshot.parent.parent / "refs" / need.revision  # by which the client finds the commit offline
    return snapshot.name, [*_files(snapshot), *([reference] if reference.is_file() else [])]


def _fetch_data(need: HubSource, folder: Path) -> tuple[str, list[Path]]:
    from huggingface_hub.file_download import repo_folder_name

    from harness.data.hub import cached_folder, load_hub

    made = cached_folder(load_hub(need))
    repository = folder / HUB / repo_folder_name(repo_id=need.hub, repo_type="dataset")
    _check(need, repository / "snapshots" / made.name)
    return made.name, _files(made)


def _files(folder: Path) -> list[Path]:
    return sorted(place for place in folder.rglob("*") if place.is_file() and place.suffix != ".lock")


def _check(need: Need, snapshot: Path) -> None:
    """Hold the files of a snapshot against what the hub says of them: SHA-256 of large ones, else git's SHA-1.

    What is not the same is removed, so that it is fetched again.
    """
    from huggingface_hub.utils.sha import git_hash

    said = {file.rfilename: file for file in _info(need, snapshot.name).siblings or ()}
    for place in _files(snapshot):
        file = said.get(str(place.relative_to(snapshot)))
        if file is None:
            continue
        if file.lfs is not None:
            whole = sha256(place) == file.lfs.sha256
        else:
            whole = git_hash(place.read_bytes()) == file.blob_id
        if not whole:
            place.resolve().unlink()
            place.unlink(missing_ok=True)
            raise UserError(
                f"{need.hub}: {file.rfilename} came otherwise than the hub has it (its SHA does not fit) and "
                "was removed: fetch again"
            )
