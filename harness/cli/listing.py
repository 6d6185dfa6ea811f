"""`list`: what there is to choose from, one a line, in columns that a shell can cut."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import get_args

import yaml

from harness.cli.configs import shipped, shipped_name
from harness.cli.show import runs
from harness.errors import UserError
from harness.report.printable import say
from harness.report.view import tasks_of
from harness.results.read import load_results


def list_what(what: str, store: Path) -> None:
    for line in _LISTS[what](store):
        say(line)


def print_schema(of: str) -> None:
    """The JSON schema of config files ("study"), or of a run's files ("results")."""
    if of == "results":
        from harness.results.schema import json_schema
    else:
        from harness.config.study import json_schema
    say(json.dumps(json_schema(), indent=2))


def _configs(_: Path) -> Iterable[str]:
    for path in shipped():
        description = yaml.safe_load(path.read_text(encoding="utf-8")).get("description", "")
        yield f"{shipped_name(path):<24} {' '.join(description.split())}"


def _runs(store: Path) -> Iterable[str]:
    folders = runs(store)
    if not folders:
        say(f"{store}: holds no finished run", error=True)
    for folder in folders:
        file = folder / "results.json"
        finished = datetime.fromtimestamp(file.stat().st_mtime).strftime("%Y-%m-%d %H:%M")
        yield f"{folder!s:<40} {finished}  {_deployments_by_task(file)}"


def _deployments_by_task(results: Path) -> str:
    """How many deployments of a run there are by task, and how many failed."""
    try:
        tasks = tasks_of(load_results(results.parent))
    except UserError:
        return "not readable by this version"
    counts = []
    for task in tasks:
        own = [one for one in task.deployments if one.replicate_kind != "execution"]  # a rerun is no deployment
        failed = sum(not one.ok for one in own)
        counts.append(f"{task.name} {len(own)}" + (f" ({failed} failed)" if failed else ""))
    return ", ".join(counts)


def _formats(_: Path) -> Iterable[str]:
    from exporters.formats import ALL

    for format in ALL.values():
        yield f"{format.name:<24} {format.summary}"


def _backends(_: Path) -> Iterable[str]:
    from backends.registry import BACKENDS

    yield from BACKENDS


def _models(_: Path) -> Iterable[str]:
    from harness.config.checkpoints import Architecture
    from harness.demo.weights import MODELS, tasks_of

    for architecture in get_args(Architecture):
        yield _model(f"checkpoint: {{random: {architecture}}}", "any task, for speed only")
    for head, names in MODELS.items():
        for name in names:
            yield _model(f"checkpoint: {{embedded: {name}}}", ", ".join(tasks_of(head, name)))
    yield _model("checkpoint: {folder: PATH}", "what save_pretrained wrote")
    yield _model("checkpoint: {hub: OWNER/NAME}", "fetched from the hub when the study runs")
    yield _model("checkpoint: {package: NAME, subfolder: PATH}", "a folder inside an installed Python package")
    yield _model("checkpoint: {cut: MODEL, layers: [0, 2]}", "some layers of another model, as before training")
    yield _model('checkpoint: {pruned: MODEL, sparsity: "2:4"}', "another model, as trained, without some weights")
    yield _model("checkpoint: {pruned: MODEL, heads: 0.5}", "another model, as trained, without some heads")
    yield _model("artifact: {onnx: FILE}", "a finished ONNX file (docs/prebuilt-artifacts.md)")
    yield _model("artifact: {tensorrt: FILE}", "a TensorRT engine, on the GPU it was built for")


def _model(written: str, about: str) -> str:
    return f"{written:<46}{about}"


_LISTS = {
    "configs": _configs,
    "runs": _runs,
    "formats": _formats,
    "backends": _backends,
    "models": _models,
}
