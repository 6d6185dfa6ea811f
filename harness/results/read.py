"""Read the results of a run folder with its timings, or say in one line why that cannot be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from harness.errors import UserError
from harness.results.schema import RESULTS_VERSION, PerformanceResults, Results
from harness.results.timings import DeploymentPerformance
from harness.store.record import Record, first_fault
from harness.store.run_folder import RESULTS

RESULTS_FILE = RESULTS
PERFORMANCE_FILE = "performance.json"
"""Timings lie in a file of their own, so that all the rest can be compared byte for byte."""
LARGEST_BYTES = 1 << 30
LARGEST_FIGURE = 1e40
"""Beyond what float32 holds, of which the figures of a run are made."""
ANEW = "remove it and `scalemodel run` writes it anew"

R = TypeVar("R", bound=Record)


@dataclass(frozen=True)
class RunResults:
    """Both files of a run."""

    results: Results
    performance: PerformanceResults | None
    """None: nothing was timed, or the file is not there."""

    def timings(self, task: str) -> Mapping[str, DeploymentPerformance]:
        """By deployment, those of a task that were timed."""
        return {} if self.performance is None else self.performance.tasks.get(task, {})


def folder_of(run: Path) -> Path:
    """The run's folder; ``run`` may also be the results file in it."""
    return run if run.is_dir() else run.parent


def load_results(run: Path) -> RunResults:
    """The results of a run folder.

    ``run`` may also be a results file itself; its neighbour with the timings is read where it exists. Or a report in
    JSON, as `--format json` writes it, which holds both.

    Raises:
        UserError: nothing there, not readable, truncated, of another version, or a field that is missing, unknown or
            of another type.
    """
    path = run / RESULTS_FILE if run.is_dir() else run
    if not run.exists():
        raise UserError(f"{run}: no such run folder; `scalemodel run CONFIG` makes one")
    if not path.exists():
        if not (run / "config.json").exists():
            raise UserError(f"{run}: is no run folder; `scalemodel list runs --store STORE` names those of a store")
        raise UserError(f"{run}: no {RESULTS_FILE} in it; the run is not finished, `scalemodel run` goes on with it")
    text, content = _read(path)
    if isinstance(content, dict) and "report_version" in content:
        results, performance = content.get("results"), content.get("performance")
        timed = None if performance is None else _parsed(path, json.dumps(performance), performance, PerformanceResults)
        return RunResults(_parsed(path, json.dumps(results), results, Results), timed)
    timings = path.with_name(PERFORMANCE_FILE)
    timed = _parsed(timings, *_read(timings), PerformanceResults) if timings.exists() else None
    return RunResults(_parsed(path, text, content, Results), timed)


def _read(path: Path) -> tuple[str, Any]:
    """A file's text, and what it holds."""
    try:
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise UserError(f"{path}: {size:,} bytes is too large for results; is it a scalemodel run?")
        text = path.read_bytes().decode("utf-8")
        return text, json.loads(text, parse_float=_figure, parse_int=_figure)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 at byte {error.start}; {ANEW}") from None
    except RecursionError:
        raise UserError(f"{path}: nested too deeply for results; {ANEW}") from None
    except json.JSONDecodeError as error:
        raise UserError(f"{path}: damaged or truncated JSON at line {error.lineno}; {ANEW}") from None
    except ValueError as error:
        raise UserError(f"{path}: {error}; {ANEW}") from None


def _parsed(path: Path, text: str, content: object, root: type[R]) -> R:
    """``text`` of ``path`` as results, ``content`` being what it holds."""
    try:
        _require_version(content, path)
        return root.model_validate_json(text)
    except ValidationError as error:
        raise UserError(f"{path}: {first_fault(error, f'results of version {RESULTS_VERSION}')}; {ANEW}") from None
    except ValueError as error:
        raise UserError(f"{path}: {error}; {ANEW}") from None


def _figure(written: str) -> float:
    """Raises ValueError for a number that none of a run's can be, and whose square may be infinite."""
    value = float(written)
    if abs(value) > LARGEST_FIGURE:
        raise ValueError(f"{written if len(written) <= 24 else written[:20] + '...'} is too large for a result")
    return int(value) if written.lstrip("-").isdigit() else value


def _require_version(content: object, path: Path) -> None:
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds a {type(content).__name__}, not the results of a run; {ANEW}")
    version = content.get("version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise UserError(f"{path}: has no version, so it is not the results of a run; {ANEW}")
    if version != RESULTS_VERSION:
        way_out = "update scalemodel" if version > RESULTS_VERSION else "run the study again"
        raise UserError(f"{path}: results of version {version}, this scalemodel reads {RESULTS_VERSION}; {way_out}")
