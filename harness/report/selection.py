"""Parts of a run or of its report: some tasks, some deployments, some sections."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from harness.config.slips import meant
from harness.errors import UserError
from harness.report.blocks import Report, Section
from harness.results.read import RunResults
from harness.results.schema import TaskResults


def only_tasks(run: RunResults, names: Sequence[str]) -> RunResults:
    """The tasks of these names; all where there are no names.

    Raises:
        UserError: the run has no task of a name.
    """
    for name in names:
        _require(name, run.results.tasks, "--task", "the run's tasks are")
    return _with(run, {name: task for name, task in run.results.tasks.items() if not names or name in names})


def only_deployments(run: RunResults, patterns: Sequence[str]) -> RunResults:
    """The deployments whose name matches a pattern such as ``*/onnx-int8-*``, with the reference and its replicates.

    Raises:
        UserError: a pattern matches none.
    """
    if not patterns:
        return run
    every = [name for task in run.results.tasks.values() for name in task.deployments]
    for pattern in patterns:
        if not any(is_named(name, pattern) for name in every):
            close = near_pattern(pattern, every, is_named)
            hint = f"did you mean {close}?" if close else f"the deployments are {', '.join(short_names(every))}"
            raise UserError(f"--deployment {pattern}: matches none; {hint}")
    return _with(run, {name: _kept(task, patterns) for name, task in run.results.tasks.items()})


def only_sections(report: Report, names: Sequence[str]) -> Report:
    """The sections whose title is ``prediction-errors`` for "Prediction errors", of every task.

    Raises:
        UserError: the report has no section of a name.
    """
    known = list(dict.fromkeys(section_name(section) for section in report.sections if section.blocks))
    for name in names:
        _require(name, known, "--section", "the sections of this report are")
    kept = [one for one in report.sections if not one.blocks or section_name(one) in names]
    # a task's heading stays where something of it does
    last = {i for i, one in enumerate(kept) if not one.blocks and (i + 1 == len(kept) or not kept[i + 1].blocks)}
    return replace(report, sections=tuple(one for i, one in enumerate(kept) if i not in last))


def section_name(section: Section) -> str:
    return re.sub(r"\W+", "-", section.title.partition(":")[0].lower()).strip("-")


def _kept(task: TaskResults, patterns: Sequence[str]) -> TaskResults:
    kept = {
        name: one
        for name, one in task.deployments.items()
        if name == task.reference or one.replicate_of == task.reference or any(is_named(name, p) for p in patterns)
    }
    return task.model_copy(update={"deployments": kept})


def is_named(name: str, pattern: str) -> bool:
    """The whole name, or as tables have it: without the backend, and without "onnx-"."""
    return any(fnmatchcase(one, pattern) for one in (name, name.partition("@")[0], _short(name)))


def near_pattern(pattern: str, names: Sequence[str], matches: Callable[[str, str], bool]) -> str | None:
    """A pattern that some of the names match, where words of ``pattern`` are in none of them but close to one.

    With all of these words mended, or else all names with the first of them. ``matches`` is given a name and a pattern.
    """
    parts = list(dict.fromkeys(part for name in names for part in re.split("[/@]", name)))
    slips = [word for word in re.split(r"[*?/@\[\]]+", pattern) if word and not any(word in name for name in names)]
    mended = {word: close for word in slips if (close := meant(word, parts))}
    whole = pattern
    for word, close in mended.items():
        whole = whole.replace(word, close)
    offers = [whole, *(offer for close in mended.values() for offer in (f"{close}/*", f"*{close}*"))] if mended else []
    return next((offer for offer in offers if any(matches(name, offer) for name in names)), None)


def short_names(names: Iterable[str]) -> list[str]:
    """As tables have them, without backends: each is a pattern of its deployments."""
    return list(dict.fromkeys(map(_short, names)))


def _short(name: str) -> str:
    return name.partition("@")[0].replace("/onnx-", "/")


def _with(run: RunResults, tasks: dict[str, TaskResults]) -> RunResults:
    return replace(run, results=run.results.model_copy(update={"tasks": tasks}))


def _require(name: str, known: Iterable[str], option: str, introduction: str) -> None:
    if name not in (options := list(known)):
        raise UserError(f"{option} {name}: there is none; {_near(name, options, introduction)}")


def _near(name: str, options: Sequence[str], introduction: str) -> str:
    close = meant(name, options)
    return f"did you mean {close}?" if close else f"{introduction} {', '.join(options)}"
