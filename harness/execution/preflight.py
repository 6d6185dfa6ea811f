"""The checkpoints of a study that are on this machine, loaded once before anything is done with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import cast

from exporters.tasks import TASKS
from harness.checkpoints.folder_check import read_config
from harness.checkpoints.labels import matching_labels, model_labels
from harness.checkpoints.locate import require_on_hub, source_folder
from harness.config.checkpoints import EmbeddedCheckpoint, FolderCheckpoint, HubCheckpoint, PackageCheckpoint
from harness.demo import files
from harness.errors import UserError, errors_at
from harness.inference.process import die_with_parent, import_transformers
from harness.steps import checkpoint
from harness.store.step import Step, key_of, keyed


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
        elif isinstance(source, EmbeddedCheckpoint):
            _check_embedded(step, step.options, source.embedded)
        elif isinstance(source, FolderCheckpoint | PackageCheckpoint):
            here.setdefault(key_of(keyed(step.options.model_copy(update={"seed": 0}))), (step, step.options, source))
    if here:
        with _loader() as load:
            for step, options, source in here.values():
                if tell is not None:
                    tell(f"loading {step.subject['model']} ...")
                _try(load, step, options, source_folder(source))
    return list(dict.fromkeys(unseen))


def _check_embedded(step: Step, options: checkpoint.Options, name: str) -> None:
    """Of a member of the family, which loads: only its classes may be others than the study's."""
    if options.new_head or not options.labels:
        return
    own = model_labels(read_config(files(name, options.task)[0].parent).get("id2label"))
    if len(own) > 1:
        with errors_at(_place(step, options)):
            matching_labels(f"the embedded model {name!r}", own, options.labels)


def check_hub(steps: Sequence[Step]) -> None:
    """Ask the hub for the models that ``checkpoint`` steps name there, before any work is done that needs them.

    Raises:
        UserError: the hub has no such model, or cannot be reached.
    """
    named = [step.options.source for step in steps if isinstance(step.options, checkpoint.Options)]
    for source in dict.fromkeys(source for source in named if isinstance(source, HubCheckpoint)):
        require_on_hub(source)


Load = Callable[[Path, checkpoint.Options], str | None]
"""Loads a checkpoint and says why it will not do, if it does not. Raises `EOFError` where that ends the process."""


@contextmanager
def _loader() -> Iterator[Load]:
    context = get_context("spawn")
    ours, theirs = context.Pipe()  # a pool would need semaphores, which a container may not have
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    theirs.close()

    def load(folder: Path, options: checkpoint.Options) -> str | None:
        try:
            ours.send((folder, options))
            return cast("str | None", ours.recv())
        except (BrokenPipeError, ConnectionResetError):
            raise EOFError from None

    try:
        yield load
    finally:
        ours.close()
        process.kill()
        process.join()


def _try(load: Load, step: Step, options: checkpoint.Options, folder: Path) -> None:
    try:
        reason = load(folder, options)
    except EOFError:
        reason = "loading it ended the process, as it does where memory runs out"
    if reason is not None:
        raise UserError(f"{_place(step, options)}: {reason}")


def _place(step: Step, options: checkpoint.Options) -> str:
    task, model = step.subject["task"], step.subject["model"]
    return f"tasks.{task}.models.{model}" if options.task in TASKS else f"tasks.{task}: the {model}"


def _serve(connection: Connection) -> None:
    die_with_parent()
    import_transformers()
    from harness.checkpoints.validate import validate_checkpoint

    with suppress(EOFError):  # the parent has no more
        while True:
            folder, options = connection.recv()
            reason = None
            try:
                validate_checkpoint(
                    folder, task=options.task, labels=options.labels or None, allow_new_head=options.new_head
                )
            except UserError as error:
                reason = str(error)
            connection.send(reason)
