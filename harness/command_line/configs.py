"""The studies that ship with scalemodel, and how a name on the command line becomes a file."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

SHIPPED = Path(str(files("configs")))


def shipped() -> list[Path]:
    return sorted(SHIPPED.glob("*.yaml"))


def find_config(given: Path) -> Path:
    """The file itself, or the shipped study of that name."""
    if not given.exists() and given.suffix == "" and given.parent == Path():
        named = SHIPPED / f"{given}.yaml"
        if named.is_file():
            return named
    return given
