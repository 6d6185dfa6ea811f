"""What an option of a backend is worth: ``python -m tests.performance.backend_option ARTIFACT... --set NAME=VALUE``.

ARTIFACT: folders of deployable artifacts (their manifests tell format and task). Each is opened twice on ``--backend``,
with the option and without; both answer the same batches in turns, in one process, on one thread unless ``--threads``
says more (pools of threads that spin would disturb each other). For every shape it prints milliseconds without the
option, and the median of the ratios of pairs (lowest to highest).

Nothing here passes or fails; figures go to docs/performance.md with machine and date.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from statistics import median

import numpy as np
import yaml
from rich.console import Console
from rich.table import Table

from backends.backend import Backend
from backends.host.machine import environment
from backends.registry import open_backend

SHAPES = ((1, 32), (1, 128), (8, 128), (1, 512))
PAIRS = 30


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("artifacts", type=Path, nargs="+")
    parser.add_argument("--set", required=True, dest="option", help="such as skip_layer_norm_fusion=false")
    parser.add_argument("--backend", default="onnxruntime-cpu")
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args()
    name, _, value = chosen.option.partition("=")
    cpu = environment()["cpu"]
    table = Table(
        "artifact",
        "rows x tokens",
        "default, ms",
        f"{chosen.option}: times as fast",
        title=f"{cpu['model']}, threads: {chosen.threads}, {chosen.backend}",
    )
    for artifact in chosen.artifacts:
        with (
            _opened(artifact, chosen.backend, chosen.threads, {}) as default,
            _opened(artifact, chosen.backend, chosen.threads, {name: yaml.safe_load(value)}) as changed,
        ):
            for shape in SHAPES:
                before, ratios = _in_turns(default, changed, shape)
                spread = f"{median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
                table.add_row(artifact.name, "{} x {}".format(*shape), f"{before:.2f}", spread)
    Console(width=110).print(table)


def _opened(artifact: Path, backend: str, threads: int, options: dict[str, object]) -> Backend:
    manifest = json.loads((artifact / "manifest.json").read_text())
    return open_backend(
        backend,
        artifact,
        format=manifest["format"],
        task=manifest["task"],
        pooling=manifest["pooling"],
        threads=threads,
        options=options,
    )


def _in_turns(default: Backend, changed: Backend, shape: tuple[int, int]) -> tuple[float, list[float]]:
    """Median milliseconds of the default, and by how much the other is faster in each pair."""
    feeds = {name: np.ones(shape, dtype=np.int64) for name in default.inputs}
    feeds["input_ids"] = np.random.default_rng(0).integers(1000, 20_000, shape, dtype=np.int64)
    times: dict[Backend, list[float]] = {default: [], changed: []}
    for backend in times:
        backend.infer(feeds)
    for _ in range(PAIRS):
        for backend, taken in times.items():
            began = time.perf_counter()
            backend.infer(feeds)
            taken.append(time.perf_counter() - began)
    ratios = [one / other for one, other in zip(times[default], times[changed], strict=True)]
    return 1000 * median(times[default]), ratios


if __name__ == "__main__":
    main()
