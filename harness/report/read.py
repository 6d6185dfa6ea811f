"""Read the results of a run folder, or say in one line why that cannot be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import UserError

RESULTS_FILE = "results.json"
RESULTS_VERSION = 1
LARGEST_BYTES = 1 << 30


def read_results(run: Path) -> dict[str, Any]:
    """The results of a run folder (or of a results file named itself).

    Raises:
        UserError: nothing there, not readable, truncated, no results, or of another version.
    """
    path = run / RESULTS_FILE if run.is_dir() else run
    if not run.exists():
        raise UserError(f"{run}: no such run folder; `scalemodel run CONFIG` makes one")
    if not path.exists():
        raise UserError(
            f"{run}: no {RESULTS_FILE} in it; the run is not finished, `scalemodel run` goes on with it"
        )
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise UserError(f"{path}: {path.stat().st_size:,} bytes is too large for results")
        results = json.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 at byte {error.start}; `scalemodel run` writes it anew") from None
    except RecursionError:
        raise UserError(f"{path}: nested too deeply for results") from None
    except ValueError as error:
        # the message alone, on one line: a JSONDecodeError also names line and column
        where = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "its numbers"
        raise UserError(
            f"{path}: damaged or truncated JSON at {where}; remove it and `scalemodel run` writes it anew"
        ) from None
    return _validated(results, path)


def _validated(results: object, path: Path) -> dict[str, Any]:
    if not isinstance(results, dict):
        raise UserError(f"{path}: holds a {type(results).__name__}, not the results of a run")
    version = results.get("version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise UserError(f"{path}: has no version, so it is not the results of a run")
    if version != RESULTS_VERSION:
        way_out = "update scalemodel" if version > RESULTS_VERSION else "run the study again"
        raise UserError(
            f"{path}: results of version {version}, this scalemodel reads {RESULTS_VERSION}; {way_out}"
        )
    tasks = results.get("tasks")
    if not isinstance(tasks, Mapping) or not tasks:
        raise UserError(f"{path}: names no tasks, so there is nothing to report")
    for name, task in tasks.items():
        if not isinstance(task, Mapping):
            raise UserError(f"{path}: tasks.{name} is not a mapping")
        for key in ("reference", "deployments"):
            if key not in task:
                raise UserError(f"{path}: tasks.{name} has no {key}")
        deployments = task["deployments"]
        if not isinstance(deployments, Mapping) or not all(
            isinstance(d, Mapping) for d in deployments.values()
        ):
            raise UserError(f"{path}: tasks.{name}.deployments is not a mapping of deployments")
    return results
