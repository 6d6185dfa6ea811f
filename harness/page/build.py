"""The page of a run: the one screen, charts, the full report's tables and an explorer of changed examples."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from harness.page.charts import Chart, charts
from harness.page.explorer import Explorer, explorer
from harness.report.blocks import Finding, Findings, Section, in_one_line
from harness.report.build import build_report
from harness.report.findings.collect import findings_on
from harness.report.findings.phrases import SAID, gate_counts, plural
from harness.report.printable import printable
from harness.report.selection import only_tasks
from harness.report.summary.cautions import cautions
from harness.report.summary.explain import explanation
from harness.report.summary.recommendation import recommendation
from harness.report.summary.screen import ScreenColumn, legend, summary_columns, title, what_ran
from harness.report.summary.standings import Standing, standings
from harness.report.summary.surer import surer
from harness.report.values import words
from harness.report.view import TaskView, tasks_of
from harness.report.withheld import without_texts
from harness.results.gate_outcome import GateOutcome
from harness.results.read import RunResults


@dataclass(frozen=True)
class TaskPage:
    """One task's part of the page."""

    name: str
    title: str
    recommendation: list[str]
    surer: list[str]
    """What would have to be measured."""
    stands_out: list[Finding]
    columns: list[ScreenColumn]
    rows: list[Standing]
    charts: list[Chart]
    explorer: Explorer | None


def build_page(run: RunResults, folder: Path | None, *, gate: GateOutcome | None = None, texts: bool = True) -> str:
    """The page as HTML text.

    ``folder`` is the run's, for the texts of changed examples; None, or without ``texts``: there are none.

    Raises:
        UserError: the extra ``page`` is not installed, or the run's folder lacks what its examples need.
    """
    from jinja2 import Environment, PackageLoader

    run = run if texts else without_texts(run)
    tasks = tasks_of(run)
    environment = Environment(
        loader=PackageLoader("harness.page", "."), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["in_one_line"] = in_one_line
    environment.filters["shown"] = lambda text: printable(str(text))
    environment.filters["shown_lines"] = lambda text: "\n".join(map(printable, text.split("\n")))
    template = environment.get_template("page.html.j2")
    return template.render(
        study=words(run.results.study),
        description=words(run.results.description),
        ran=what_ran(run, tasks),
        cautions=cautions(tasks),
        gate=gate,
        gate_line=f"{SAID[gate.status]}: {gate_counts(gate)}" if gate else "",
        tasks=[_task(task, folder if texts else None) for task in tasks],
        legend=legend(tasks),
        explanation=explanation(tasks),
        report=_sections(run, tasks),
        plural=plural,
    )


def _task(task: TaskView, folder: Path | None) -> TaskPage:
    rows = standings(task)
    columns = [column for column in summary_columns(task) if any(column.cell(one) != "-" for one in rows)]
    return TaskPage(
        words(task.name),
        title(task),
        recommendation(task),
        surer(task),
        [finding for finding in findings_on(task) if finding.kind == "result"],
        columns,
        rows,
        charts(task),
        explorer(task, folder) if folder else None,
    )


def _sections(run: RunResults, tasks: tuple[TaskView, ...]) -> list[tuple[str, list[Section]]]:
    """The full report by task, without its findings, which stand with the task and among the cautions."""
    reports = {task.name: build_report(only_tasks(run, [task.name])) for task in tasks}
    return [
        (words(name), [one for one in map(_tables, report.sections) if one.blocks]) for name, report in reports.items()
    ]


def _tables(section: Section) -> Section:
    return replace(section, blocks=tuple(one for one in section.blocks if not isinstance(one, Findings)))
