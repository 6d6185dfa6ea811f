"""The studies that ship with scalemodel, and how a name on the command line becomes a file."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from harness.config.slips import meant
from harness.errors import UserError

SHIPPED = Path(str(files("configs")))


def shipped() -> list[Path]:
    return sorted(SHIPPED.glob("*.yaml"))


def find_config(given: Path) -> Path:
    """The file itself, or the shipped study of that name.

    Raises:
        UserError: there is neither.
    """
    if given.exists():
        return given
    if given.suffix == "" and given.parent == Path():
        named = SHIPPED / f"{given}.yaml"
        if named.is_file():
            return named
    close = _close(given)
    hint = f"did you mean {close}?" if close else "`scalemodel list configs` names those that ship"
    raise UserError(f"{given}: no such config file; {hint}")


def _close(given: Path) -> str | None:
    """A file beside where it should be, or the name of one that ships."""
    beside = sorted(path.name for path in given.parent.glob("*") if path.suffix in (".yaml", ".yml"))
    if name := meant(given.name, beside):
        return str(given.with_name(name))
    return meant(given.stem, [path.stem for path in shipped()])
