"""`report`: a run's folder as a report on standard output."""

from __future__ import annotations

from pathlib import Path

from harness.config.slips import meant
from harness.errors import UserError
from harness.report.render import ReportFormat, render
from harness.report.withheld import without_texts
from harness.results.read import load_results


def show_report(
    run: Path | None, store: Path, format: ReportFormat, *, all_pairs: bool = False, texts: bool = True
) -> None:
    """Write the report of ``run`` (a folder, a study's name, or None for the latest) to standard output.

    Without ``texts`` no example's text or answer stands in it.
    """
    results = load_results(find_run(run, store))
    render(results if texts else without_texts(results), format=format, all_pairs=all_pairs)


def find_run(run: Path | None, store: Path) -> Path:
    if run is None:
        finished = runs(store)
        if not finished:
            raise UserError(f"{store}: holds no finished run; start with `scalemodel run quickstart`, or name a run")
        return finished[-1]
    if run.suffix in (".yaml", ".yml"):
        raise UserError(f"{run}: is a study, not a run; `scalemodel report {run.stem}` shows its latest run")
    if not run.exists() and run.parent == Path():  # the name of a study, or of a run in the store
        begun = sorted((path.parent for path in store.glob("*/config.json")), key=lambda folder: folder.stat().st_mtime)
        for folders in (runs(store), begun):
            named = [folder for folder in folders if str(run) in (folder.name, folder.name[:-9])]
            if named:
                return named[-1]
        if close := meant(str(run), sorted({folder.name[:-9] for folder in begun})):
            raise UserError(f"{run}: no such run in {store}; did you mean {close}?")
    return run


def runs(store: Path) -> list[Path]:
    """The finished runs of a store, the latest last."""
    if not store.is_dir():
        return []
    finished = [path.parent for path in store.glob("*/results.json")]
    return sorted(finished, key=lambda folder: (folder / "results.json").stat().st_mtime)
