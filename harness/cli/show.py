"""`report`: a run's folder as a report on standard output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from harness.config.slips import meant
from harness.errors import UserError
from harness.gate.model_card import model_index
from harness.gate.tidy import write_tidy
from harness.page.build import build_page
from harness.report.blocks import Facts, Report, Section
from harness.report.build import build_report
from harness.report.changed_examples import changed_examples
from harness.report.printable import say
from harness.report.render import ReportFormat, render, render_part
from harness.report.selection import only_deployments, only_sections, only_tasks
from harness.report.summary.cautions import cautions
from harness.report.summary.explain import explanation
from harness.report.summary.screen import print_screen
from harness.report.summary.standings import Sort
from harness.report.view import tasks_of
from harness.report.withheld import without_texts
from harness.results.gate_outcome import GateOutcome, load_gate
from harness.results.read import RunResults, folder_of, load_results
from harness.store.atomic import reporting_unwritable, write_text
from harness.store.steps import Store


@dataclass(frozen=True)
class Shown:
    """What of a run is shown, and how."""

    format: ReportFormat = "terminal"
    """Markdown and JSON hold the full report, LaTeX its tables."""
    full: bool = False
    all_pairs: bool = False
    """Matrices of all deployments, however many there are."""
    tasks: Sequence[str] = ()
    deployments: Sequence[str] = ()
    """Patterns of their names."""
    sections: Sequence[str] = ()
    changed: int | None = None
    """How many changed examples a deployment, with both answers."""
    cautions: bool = False
    explain: bool = False
    sort: Sort = "verdict"
    html: Path | None = None
    """Where a page is written, instead of anything on standard output."""
    table: Path | None = None
    """Where the tidy table of figures is written, likewise; both may be."""
    model_card: str | None = None
    """The full name of the deployment whose model card's `model-index` is shown."""
    texts: bool = True
    """Whether any example's text or answer may stand there."""


def show_report(run: Path | None, store: Path, shown: Shown) -> None:
    """Write what is wanted of ``run`` (a folder, a study's name, or None for the latest) to standard output.

    Raises:
        UserError: there is no such run, task, deployment or section; or texts are both wanted and withheld.
    """
    folder = find_run(run, store)
    if shown.changed is not None and not shown.texts:
        raise UserError("--changed: shows texts, which --no-texts leaves out; take one of them")
    run_results = only_deployments(only_tasks(load_results(folder), shown.tasks), shown.deployments)
    place = folder_of(folder)
    gate = load_gate(place)
    if _written(run_results, shown, place, gate):
        return
    if shown.changed is not None:
        render_part(_changed(run_results, place, shown))
    else:
        show_results(
            run_results if shown.texts else without_texts(run_results), shown, gate if folder.is_dir() else None
        )


def show_results(run: RunResults, shown: Shown, gate: GateOutcome | None = None) -> None:
    """Write what is wanted of results to standard output, or as a page; none of their examples' texts are at hand."""
    if _written(run, shown, None, gate):
        return
    if shown.cautions and shown.explain:
        raise UserError("--cautions, --explain: take one of them")
    if shown.model_card is not None:
        print(model_index(run, shown.model_card), end="")
    elif shown.cautions:
        caution_list = cautions(tasks_of(run))
        facts = Facts(
            tuple((f"{i}", f"{one.text} {one.next_step}".strip()) for i, one in enumerate(caution_list, start=1))
        )
        render_part(
            Report("Cautions", "" if caution_list else "None.", (Section("", (facts,)),) if caution_list else ())
        )
    elif shown.explain:
        render_part(Report("How to read the screen", "", (Section("", (Facts(tuple(explanation(tasks_of(run)))),)),)))
    elif shown.sections:
        if shown.format == "json":
            raise UserError("--section: JSON is always whole; leave it out, or take another --format")
        render_part(only_sections(build_report(run, all_pairs=shown.all_pairs), shown.sections), format=shown.format)
    elif shown.format != "terminal" or shown.full or shown.all_pairs:
        render(run, format=shown.format, all_pairs=shown.all_pairs)
    else:
        print_screen(Console(), run, gate=gate, sort=shown.sort)


def _written(run: RunResults, shown: Shown, folder: Path | None, gate: GateOutcome | None) -> bool:
    """Write the files that are wanted; whether any is."""
    if shown.html is not None:
        write_page(shown.html, build_page(run, folder, gate=gate, texts=shown.texts))
    if shown.table is not None:
        write_tidy(run, shown.table)
        say(f"table: {shown.table}", error=True)
    return shown.html is not None or shown.table is not None


def write_page(file: Path, text: str) -> None:
    with reporting_unwritable(f"--html {file}"):
        write_text(file, text)
    say(f"page: {file}", error=True)


def _changed(run: RunResults, folder: Path, shown: Shown) -> Report:
    sections = [
        section
        for task in tasks_of(run)
        for section in changed_examples(task, folder, shown.changed or 0, all_deployments=bool(shown.deployments))
    ]
    return Report("Changed predictions", "", tuple(sections))


def find_run(run: Path | None, store: Path) -> Path:
    if run is None:
        finished = runs(store)
        if not finished:
            raise UserError(f"{store}: holds no finished run; start with `scalemodel run quickstart`, or name a run")
        return finished[-1]
    if run.suffix in (".yaml", ".yml"):
        raise UserError(f"{run}: is a study, not a run; `scalemodel report {run.stem}` shows its latest run")
    if not run.exists() and run.parent == Path():  # the name of a study, or of a run in the store
        finished = runs(store)
        begun = sorted((path.parent for path in store.glob("*/config.json")), key=lambda folder: folder.stat().st_mtime)
        for folders in (finished, begun):
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
    Store(store).fetch_runs()
    finished = [path.parent for path in store.glob("*/results.json")]
    return sorted(finished, key=lambda folder: (folder / "results.json").stat().st_mtime)
