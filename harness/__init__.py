"""Studies from config to report: the only package that knows the others. docs/python.md has its use."""

TYPE_CHECKING = False  # as in typing, which would have to be imported
if TYPE_CHECKING:
    from harness.config.load import load_study as load_study
    from harness.errors import UserError as UserError
    from harness.report.render import render as render
    from harness.results.read import load_results as load_results
    from harness.results.run import run as run

__all__ = [
    "UserError",
    "load_results",
    "load_study",
    "render",
    "run",
]

_PLACES = {
    "load_study": "config.load",
    "run": "results.run",
    "load_results": "results.read",
    "render": "report.render",
    "UserError": "errors",
}
"""Modules are imported when something of them is asked for: none of them is light."""


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
