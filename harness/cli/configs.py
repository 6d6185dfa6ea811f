"""The studies that ship with scalemodel, and how a name on the command line becomes a file."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from harness.config.slips import meant
from harness.errors import UserError

SHIPPED = Path(str(files("configs")))


def shipped() -> list[Path]:
    return sorted(SHIPPED.rglob("*.yaml"), key=shipped_name)


def shipped_name(path: Path) -> str:
    """Of a study that ships: its path in the folder of them, such as ``paper/published``."""
    return path.relative_to(SHIPPED).with_suffix("").as_posix()


def find_config(given: Path) -> Path:
    """The file itself, or the shipped study of that name.

    Raises:
        UserError: there is neither.
    """
    if given.exists():
        return given
    named = [path for path in shipped() if shipped_name(path) == given.as_posix()]
    if named:
        return named[0]
    close = _close(given)
    hint = f"did you mean {close}?" if close else "`scalemodel list configs` names those that ship"
    raise UserError(f"{given}: no such config file; {hint}")


def _close(given: Path) -> str | None:
    """A file beside where it should be, or the name of one that ships."""
    beside = sorted(path.name for path in given.parent.glob("*") if path.suffix in (".yaml", ".yml"))
    if name := meant(given.name, beside):
        return str(given.with_name(name))
    names = [shipped_name(path) for path in shipped()]
    several = [name for name in names if name.startswith(f"{given.stem}/")]
    return " or ".join(several) or meant(given.with_suffix("").as_posix(), names) or meant(given.stem, names)
