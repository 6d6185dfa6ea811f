"""`fetch` and `--offline`: what a study needs of the hub, for a machine without a network."""

from __future__ import annotations

import os
from pathlib import Path

from rich.filesize import decimal

from harness.cli.configs import find_config
from harness.config.load import load_study
from harness.config.study import Study
from harness.data.hub_client import DATASETS, HUB
from harness.errors import UserError
from harness.execution.disk_space import free_bytes
from harness.report.printable import say


def fetch_study(config: Path, overrides: list[str], tasks: list[str], to: Path | None) -> None:
    folder = _use(to or Path(os.environ.get("HF_HOME", "~/.cache/huggingface")))
    study = load_study(find_config(config), overrides, tasks=tasks)
    from harness.execution.fetched import fetch, needs, sizes

    wanted = needs(study)
    if not wanted:
        say(f"{study.study} needs nothing of the hub")
        return
    repository_sizes = sizes(wanted)
    for each in repository_sizes:
        most = "at most " if each.kind == "dataset" else ""
        say(f"{each.kind} {each.hub} at {each.revision} ({each.commit[:12]}): {most}{decimal(each.bytes)}")
    total = sum(each.bytes for each in repository_sizes)
    say(f"in all at most {decimal(total)}; {folder} has {decimal(free_bytes(folder))} free")
    manifest = fetch(study.study, wanted, folder)
    say(f"fetched, and listed in {manifest}; without a network: scalemodel run {config} --offline {folder}")


def go_offline(folder: Path | None) -> None:
    """Have the hub's clients read ``folder`` and ask no network. To be called before they are imported."""
    if folder is None:
        return
    if not folder.is_dir():
        raise UserError(f"--offline {folder} is no folder: give the one that `scalemodel fetch --to` wrote")
    _use(folder)
    os.environ["HF_HUB_OFFLINE"] = "1"


def require_offline(study: Study, folder: Path | None) -> None:
    """Raise `UserError` where the study is to be run from ``folder``, and that lacks what it needs of the hub."""
    if folder is not None:
        from harness.execution.fetched import require_fetched

        require_fetched(study, folder.expanduser().absolute())


def _use(folder: Path) -> Path:
    """Not HF_HOME: whoever is logged in has the token there."""
    place = folder.expanduser().absolute()
    os.environ |= {"HF_HUB_CACHE": str(place / HUB), "HF_DATASETS_CACHE": str(place / DATASETS)}
    return place
