"""Check that ONNX Runtime takes a file that was just written: a graph that it refuses is no artifact."""

from __future__ import annotations

from pathlib import Path

from exporters.errors import ExportError, one_line


def require_loadable(path: Path, format: str) -> None:
    """Load ``path`` as it stands, without optimisation. Raises `ExportError` with what is wrong in its graph.

    An operator that has a kernel for GPUs alone, or for OpenVINO, is none: types and shapes are checked before kernels
    are looked for.
    """
    import onnxruntime
    from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented as NoKernel

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4  # what fails is raised
    try:
        onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except NoKernel:
        return
    except Exception as error:  # onnxruntime raises several kinds
        reason = one_line(str(error).rpartition("failed:")[2])
        raise ExportError(
            f"the graph of {format} does not load in ONNX Runtime ({reason}): use another format of this model"
        ) from error
