"""`store`: what a store holds, how large it is, and what no run needs any more."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.errors import UserError
from harness.store.objects import folder_of, objects_of

app = typer.Typer(
    help="See what a store holds, how large it is, and remove what no run of it needs.", no_args_is_help=True
)


def _folder(given: str | Path) -> Path:
    if not str(given).strip():  # an empty shell variable, which a path would take for the folder that one is in
        raise UserError("--store: is empty; give a folder or s3://BUCKET/PREFIX")
    return folder_of(given)


StoreFolder = Annotated[
    Path,
    typer.Option(
        "--store",
        envvar="SCALEMODEL_STORE",
        parser=_folder,
        metavar="PATH|s3://BUCKET/PREFIX",
        help="Where finished steps and runs are kept.",
    ),
]
DEFAULT_STORE = Path("runs")


@app.command("list")
def list_(store: StoreFolder = DEFAULT_STORE) -> None:
    """List the kinds of steps that are kept, and the runs."""
    from harness.cli import bucket_content, store_content

    if objects := objects_of(store):
        bucket_content.list_content(objects)
    else:
        store_content.list_content(store)


@app.command()
def size(store: StoreFolder = DEFAULT_STORE) -> None:
    """Tell how much disk the steps and runs take, and how much is free."""
    from harness.cli import bucket_content, store_content

    if objects := objects_of(store):
        bucket_content.tell_size(objects, store)
    else:
        store_content.tell_size(store)


@app.command()
def prune(
    store: StoreFolder = DEFAULT_STORE,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it; without this it is only told.")] = False,
) -> None:
    """Remove the steps that no run needs: remove the folders of runs that you are done with first.

    Begun runs count as well, and those whose folder is elsewhere (`--output`), as long as that has not been moved.
    Reports need no step. Of a bucket remove the objects runs/NAME.* first; its caches stay as they are.
    """
    from harness.cli import bucket_content, store_content

    if objects := objects_of(store):
        bucket_content.prune_bucket(store, objects, remove=yes)
    else:
        store_content.prune_store(store, remove=yes)
