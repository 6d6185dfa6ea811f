"""OpenVINO on the CPU."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backends.backend import Availability, Backend
from backends.errors import BackendError, one_line
from backends.machine import installed
from backends.onnx_graph import Port, check_ports, model_file

PRECISION = {"onnx-bf16": "bf16"}
"""By format, f32 for all others: OpenVINO computes in bf16 by default where the CPU has it, whatever the graph says."""

TYPES = {"i64": "int64", "i32": "int32", "f32": "float"}
"""OpenVINO's names of element types, as ONNX Runtime says them."""


class OpenVinoCpu(Backend):
    """One inference request on one stream of ``threads``, in FP32 where the graph is not quantized."""

    name = "openvino-cpu"

    @classmethod
    def availability(cls) -> Availability:
        remedy = "install it with: pip install -e '.[cpu]'"
        versions = installed("openvino")
        try:
            import openvino
        except ImportError as error:
            return Availability(cls.name, False, f"openvino cannot be imported ({error})", remedy, versions)
        if "CPU" not in openvino.Core().available_devices:
            return Availability(cls.name, False, "OpenVINO finds no CPU plug-in", remedy, versions)
        return Availability(cls.name, True, "", "", versions)

    def _prepare(self) -> None:
        self._compiled: Any = None
        self._request: Any = None
        self._require(self.availability())

    def _load(self) -> None:
        import openvino

        path = model_file(self.name, self.artifact)
        core = openvino.Core()
        try:
            model = core.read_model(path)
        except Exception as error:
            raise BackendError(
                f"{self.name}: OpenVINO cannot read {path} ({one_line(error, at_most=160)}); "
                "export it again, or use onnxruntime-cpu"
            ) from error
        self.inputs = check_ports(
            self.name,
            path,
            [_port(port) for port in model.inputs],
            [_port(port) for port in model.outputs],
            self.outputs,
        )
        self._compiled = core.compile_model(
            model,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": PRECISION.get(self.format, "f32"),
                "PERFORMANCE_HINT": "LATENCY",
                "NUM_STREAMS": 1,
                "INFERENCE_NUM_THREADS": self.threads,
            },
        )
        self._ports = {name: self._compiled.output(name) for name in self.outputs}
        self._request = self._compiled.create_infer_request()

    def _infer(self, feeds: dict[str, NDArray[np.int64]]) -> dict[str, NDArray[np.float32]]:
        # The request reuses its output buffers, so outputs are copies (share_outputs stays off).
        results = self._request.infer(feeds, share_inputs=True)
        return {name: results[port].astype(np.float32, copy=False) for name, port in self._ports.items()}

    def _describe(self) -> dict[str, Any]:
        operators, precisions = Counter[str](), Counter[str]()
        for node in self._compiled.get_runtime_model().get_ordered_ops():
            information = node.get_rt_info()
            operators[information["layerType"].astype(str)] += 1
            precisions[information["runtimePrecision"].astype(str)] += 1
        return {
            "provider": "CPU",
            "precision_hint": str(self._compiled.get_property("INFERENCE_PRECISION_HINT").to_string()),
            "nodes": {"CPU": operators.total()},
            "kernels": {"CPU": dict(sorted(operators.items()))},
            "runtime_precisions": dict(sorted(precisions.items())),
            "left_to_cpu": {},
            "versions": installed("openvino"),
        }

    def _unload(self) -> None:
        self._request = self._compiled = None


def _port(port: Any) -> Port:
    shape = port.get_partial_shape()
    fixed = [axis.get_length() if axis.is_static else None for axis in shape] if shape.rank.is_static else []
    kind = port.get_element_type().get_type_name()
    return Port(
        name=port.get_any_name(),
        type={"i64": "int64", "i32": "int32", "f32": "float"}.get(kind, kind),
        shape=tuple(fixed),
    )
