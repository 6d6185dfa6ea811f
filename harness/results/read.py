"""Read the results of a run folder with its timings, or say in one line why that cannot be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import UserError

RESULTS_FILE = "results.json"
PERFORMANCE_FILE = "performance.json"
"""Timings lie in a file of their own, so that all the rest can be compared byte for byte."""
RESULTS_VERSION = 2
LARGEST_BYTES = 1 << 30
ANEW = "remove it and `scalemodel run` writes it anew"


def read_results(run: Path) -> dict[str, Any]:
    """The results of a run folder, each deployment's timings put under its ``performance``.

    ``run`` may also be a results file itself; its neighbour with the timings is read where it exists.

    Raises:
        UserError: nothing there, not readable, truncated, no results, or of another version.
    """
    path = run / RESULTS_FILE if run.is_dir() else run
    if not run.exists():
        raise UserError(f"{run}: no such run folder; `scalemodel run CONFIG` makes one")
    if not path.exists():
        if not (run / "config.json").exists():
            raise UserError(f"{run}: is no run folder; `scalemodel list runs --store STORE` names those of a store")
        raise UserError(f"{run}: no {RESULTS_FILE} in it; the run is not finished, `scalemodel run` goes on with it")
    results = _validated(_read(path), path)
    timings = path.with_name(PERFORMANCE_FILE)
    if timings.exists():
        _put_timings(results, _of_this_version(_read(timings), timings))
    return results


def _read(path: Path) -> object:
    try:
        size = path.stat().st_size
        if size > LARGEST_BYTES:
            raise UserError(f"{path}: {size:,} bytes is too large for results; is it a scalemodel run?")
        return json.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 at byte {error.start}; {ANEW}") from None
    except RecursionError:
        raise UserError(f"{path}: nested too deeply for results; {ANEW}") from None
    except json.JSONDecodeError as error:
        raise UserError(f"{path}: damaged or truncated JSON at line {error.lineno}; {ANEW}") from None
    except ValueError:  # an integer of more digits than Python converts
        raise UserError(f"{path}: a number too long to be a result; {ANEW}") from None


def _put_timings(results: dict[str, Any], performance: Mapping[str, Any]) -> None:
    for name, task in results["tasks"].items():
        timings = _mapping(_mapping(performance.get("tasks")).get(name))
        for deployment, entry in task["deployments"].items():
            if isinstance(timings.get(deployment), Mapping):
                entry["performance"] = timings[deployment]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _of_this_version(results: object, path: Path) -> dict[str, Any]:
    if not isinstance(results, dict):
        raise UserError(f"{path}: holds a {type(results).__name__}, not the results of a run; {ANEW}")
    version = results.get("version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise UserError(f"{path}: has no version, so it is not the results of a run; {ANEW}")
    if version != RESULTS_VERSION:
        way_out = "update scalemodel" if version > RESULTS_VERSION else "run the study again"
        raise UserError(f"{path}: results of version {version}, this scalemodel reads {RESULTS_VERSION}; {way_out}")
    return results


def _validated(content: object, path: Path) -> dict[str, Any]:
    results = _of_this_version(content, path)
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
        if not isinstance(deployments, Mapping) or not all(isinstance(d, Mapping) for d in deployments.values()):
            raise UserError(f"{path}: tasks.{name}.deployments is not a mapping of deployments")
    return results
