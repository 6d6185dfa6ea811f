"""Results to content: the order of the report's sections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.report.blocks import Block, Finding, Findings, Prose, Report, Section, Table
from harness.report.findings.collect import findings_on
from harness.report.sections.characteristics import characteristics
from harness.report.sections.closing import failures, how_to_read
from harness.report.sections.headline import headline
from harness.report.sections.performance import performance
from harness.report.sections.side_effects import side_effects
from harness.report.sections.verification import verification
from harness.report.values import words
from harness.report.view import TaskView, tasks_of
from harness.results.read import RunResults


def build_report(run: RunResults, *, all_pairs: bool = False) -> Report:
    """Everything that a report says; ``all_pairs`` draws matrices of all deployments, however many."""
    tasks = tasks_of(run)
    sections = [headline(run.results.environment, tasks)]
    sections += [_what_stands_out(task, several=len(tasks) > 1) for task in tasks]
    for task in tasks:
        if not task.deployments:
            sections.append(Section(words(task.name), (Prose(("There are no deployments.",)),)))
            continue
        if len(tasks) > 1:
            sections.append(Section(words(task.name), ()))
        sections += filter(None, (performance(task), verification(task)))
        sections += [side_effects(task), *characteristics(task, all_pairs=all_pairs)]
    failed = failures(tasks)
    sections += [failed] if failed else []
    sections.append(how_to_read(tasks))
    results, sections = run.results, _each_note_once(sections)
    return Report(f"scalemodel: {words(results.study)}", words(results.description), tuple(sections))


def _each_note_once(sections: Sequence[Section]) -> list[Section]:
    """A legend stands at the first of the tables that it is of."""
    earlier_texts: set[str] = set()
    kept = []
    for section in sections:
        blocks = []
        for block in section.blocks:
            if isinstance(block, Table):
                new = {note: text for note, text in block.shown_notes().items() if text not in earlier_texts}
                earlier_texts.update(new.values())
                block = replace(block, notes=tuple(new))
            blocks.append(block)
        kept.append(replace(section, blocks=tuple(blocks)))
    return kept


def all_findings(run: RunResults) -> dict[str, tuple[Finding, ...]]:
    """By task, the most important first."""
    return {task.name: findings_on(task) for task in tasks_of(run)}


def _what_stands_out(task: TaskView, *, several: bool) -> Section:
    findings = findings_on(task)
    block: Block = Findings(findings) if findings else Prose(("Nothing: no rule applied to these results.",))
    return Section(f"What stands out: {words(task.name)}" if several else "What stands out", (block,))
