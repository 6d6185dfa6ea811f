"""Artifact -> outputs: the runtimes that serve a model, batching, and probes of memory and machine.

Start at `backends.registry.open_backend`. Runtimes are imported only by the backend that needs them.
"""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # ONNX Runtime reads it when it is imported, and sends otherwise
