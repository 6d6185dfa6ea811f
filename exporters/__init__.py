"""Checkpoints become artifacts: `exporters.export.export`. Knows no data set and no report."""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # ONNX Runtime reads it when it is imported, and sends otherwise
