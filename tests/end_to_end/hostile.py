"""A folder full of modules that must not be imported."""

from __future__ import annotations

from pathlib import Path

MODULES = (
    *("json", "random", "re", "signal", "socket", "subprocess", "tempfile", "typing"),
    *("numpy", "onnx", "onnxruntime", "openvino", "pydantic", "rich", "torch", "transformers", "typer", "yaml"),
    *("multiprocessing", "textattack", "harness", "exporters", "backends", "benchmarks", "configs"),
)


def lay_traps(folder: Path, *, marker: Path) -> None:
    """Write modules of well-known names, ours too, into ``folder``; each writes its name to ``marker`` and raises."""
    trap = f"open({str(marker)!r}, 'a').write(__name__ + '\\n')\nraise SystemExit('imported from the current folder')\n"
    for name in MODULES:
        (folder / f"{name}.py").write_text(trap)
