"""The exception of the package, and what several measures raise it for."""

from collections.abc import Iterable


class BenchmarkError(Exception):
    """Bad input to a measure. The message is one line that names the thing, the value and the way out."""


def require_reference(reference: str, deployments: Iterable[str]) -> None:
    """Raise `BenchmarkError` unless ``reference`` is one of ``deployments``."""
    names = list(deployments)
    if reference not in names:
        raise BenchmarkError(f"reference {reference!r} is none of the deployments: {', '.join(names)}")
