"""`store`: what a store holds, how large it is, and what no run needs any more."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from harness.errors import UserError
from harness.store.objects import folder_of

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
    from harness.cli.store_content import list_content

    list_content(store)


@app.command()
def size(store: StoreFolder = DEFAULT_STORE) -> None:
    """Tell how much disk the steps and runs take, and how much is free."""
    from harness.cli.store_content import tell_size

    tell_size(store)


@app.command()
def prune(
    store: StoreFolder = DEFAULT_STORE,
    yes: Annotated[bool, typer.Option("--yes", help="Remove it; without this it is only told.")] = False,
) -> None:
    """Remove the steps that no run needs: remove the folders of runs that you are done with first.

    Begun runs count as well, and those whose folder is elsewhere (`--output`), as long as that has not been moved.
    Reports need no step.
    """
    from harness.cli.store_content import prune_store

    prune_store(store, remove=yes)
