"""Versions of files and operator sets that ONNX Runtime is too old for, found by a model of a single node."""

from __future__ import annotations

from pathlib import Path

from backends.errors import one_line


def too_new(path: Path) -> str | None:
    """What ONNX Runtime says of the versions that the file at ``path`` is stamped with; None: it takes them."""
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper

    stamped = onnx.load(str(path), load_external_data=False)
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "versions", values[:1], values[1:])
    probe = helper.make_model(graph, ir_version=stamped.ir_version, opset_imports=stamped.opset_import)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # what fails is raised
    try:
        onnxruntime.InferenceSession(probe.SerializeToString(), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises several kinds
        sets = ", ".join(f"{entry.domain or 'ai.onnx'} {entry.version}" for entry in stamped.opset_import)
        return (
            f"ONNX Runtime {onnxruntime.__version__} does not take {path}, of IR version {stamped.ir_version} and "
            f"operator sets {sets} ({one_line(error)}): write it with an older ir_version or opset, or "
            "use a newer onnxruntime"
        )
    return None
