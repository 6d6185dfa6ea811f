"""Studies from config to report: the only package that knows the others. docs/python.md has its use."""

TYPE_CHECKING = False  # as in typing, which would have to be imported
if TYPE_CHECKING:
    from harness.config.load import load_study as load_study
    from harness.demo import write_checkpoint as write_checkpoint
    from harness.errors import UserError as UserError
    from harness.gate.tidy import write_tidy as write_tidy
    from harness.report.render import render as render
    from harness.results.read import load_results as load_results
    from harness.results.run import run as run

__all__ = [
    "UserError",
    "load_results",
    "load_study",
    "render",
    "run",
    "write_checkpoint",
    "write_tidy",
]

_PLACES = {
    "load_study": "config.load",
    "run": "results.run",
    "load_results": "results.read",
    "render": "report.render",
    "write_tidy": "gate.tidy",
    "write_checkpoint": "demo",
    "UserError": "errors",
}
"""Modules are imported when something of them is asked for: none of them is light."""


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
