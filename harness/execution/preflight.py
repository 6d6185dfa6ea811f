"""The checkpoints of a study that are on this machine, loaded once before anything is done with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

from exporters.tasks import TASKS
from harness.checkpoints.locate import source_folder
from harness.config.checkpoints import FolderCheckpoint, HubCheckpoint, PackageCheckpoint
from harness.errors import UserError
from harness.process import die_with_parent, import_transformers
from harness.steps import checkpoint
from harness.store.keys import key_of
from harness.store.step import Step, keyed


def check_checkpoints(steps: Sequence[Step], *, tell: Callable[[str], None] | None = None) -> list[str]:
    """Load what ``checkpoint`` steps name by a folder or a package, as a run will; returns what is on a hub.

    ``tell`` hears a line before each.

    In a process of its own, so that this one stays small. Seed replicates name one checkpoint several times: it is
    loaded once.

    Raises:
        UserError: a checkpoint will not do.
    """
    unseen: list[str] = []
    here: dict[str, tuple[Step, checkpoint.Options, FolderCheckpoint | PackageCheckpoint]] = {}
    for step in steps:
        if not isinstance(step.options, checkpoint.Options):
            continue
        source = step.options.source
        if isinstance(source, HubCheckpoint):
            unseen.append(source.hub)
        elif isinstance(source, FolderCheckpoint | PackageCheckpoint):
            here.setdefault(key_of(keyed(step.options.model_copy(update={"seed": 0}))), (step, step.options, source))
    if here:  # a pool starts a process before it has work
        with ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=die_with_parent) as loader:
            for step, options, source in here.values():
                if tell is not None:
                    tell(f"loading {step.subject['model']} ...")
                _try(loader, step, options, source_folder(source))
    return list(dict.fromkeys(unseen))


def _try(loader: ProcessPoolExecutor, step: Step, options: checkpoint.Options, folder: Path) -> None:
    task, model = step.subject["task"], step.subject["model"]
    place = f"tasks.{task}.models.{model}" if options.task in TASKS else f"tasks.{task}: the {model}"
    try:
        loader.submit(_load, folder, options).result()
    except UserError as error:
        raise UserError(f"{place}: {error}") from None
    except BrokenProcessPool:
        raise UserError(f"{place}: loading it ended the process, as it does where memory runs out") from None


def _load(folder: Path, options: checkpoint.Options) -> None:
    import_transformers()
    from harness.checkpoints.validate import validate_checkpoint

    validate_checkpoint(folder, task=options.task, labels=options.labels or None, allow_new_head=options.new_head)
