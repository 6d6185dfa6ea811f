"""Checkpoints become artifacts. Knows no data set and no report."""

import os

TYPE_CHECKING = False  # as in typing, which would have to be imported
if TYPE_CHECKING:
    from exporters.artifact import export as export
    from exporters.errors import ExportError as ExportError
    from exporters.formats import FORMATS as FORMATS
    from exporters.manifest import read_manifest as read_manifest

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # ONNX Runtime reads it when it is imported, and sends otherwise

__all__ = [
    "FORMATS",
    "ExportError",
    "export",
    "read_manifest",
]

_PLACES = {
    "FORMATS": "formats",
    "ExportError": "errors",
    "export": "artifact",
    "read_manifest": "manifest",
}
"""Modules are imported when something of them is asked for: none of them is light."""


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
