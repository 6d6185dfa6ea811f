"""Artifact -> outputs: the runtimes that serve a model, batching, and probes of memory and machine.

Runtimes are imported only by the backend that needs them.
"""

import os

TYPE_CHECKING = False  # as in typing, which would have to be imported
if TYPE_CHECKING:
    from backends.batching import infer_all as infer_all
    from backends.errors import BackendError as BackendError
    from backends.registry import BACKENDS as BACKENDS
    from backends.registry import availability as availability
    from backends.registry import open_backend as open_backend
    from backends.registry import unsupported_reason as unsupported_reason

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # ONNX Runtime reads it when it is imported, and sends otherwise

__all__ = [
    "BACKENDS",
    "BackendError",
    "availability",
    "infer_all",
    "open_backend",
    "unsupported_reason",
]

_PLACES = {
    "BACKENDS": "registry",
    "BackendError": "errors",
    "availability": "registry",
    "infer_all": "batching",
    "open_backend": "registry",
    "unsupported_reason": "registry",
}
"""Modules are imported when something of them is asked for: none of them is light."""


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
