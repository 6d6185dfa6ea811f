"""OpenVINO on the CPU."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from backends.backend import Availability, Backend, RuntimeOptions
from backends.errors import BackendError, one_line
from backends.host.machine import installed
from backends.onnx_interface import Port, check_ports, model_file
from backends.openvino_operators import computed_otherwise

# OpenVINO tells its makers of every import. Where this package is not found it takes a stub, and tells nothing.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

TYPES = {"i64": "int64", "i32": "int32", "f32": "float"}
"""OpenVINO's names of element types, as ONNX Runtime says them."""


MATMULS = ("FullyConnected", "MatMul", "ScaledDotProductAttention", "MHA")
PRECISIONS = {"f32": "fp32", "f16": "fp16", "bf16": "bf16", "i8": "int8", "u8": "int8"}
"""OpenVINO's names of layers and precisions in the graph that it runs."""


PRECISION = {"onnx-bf16": "bf16"}
"""By format; f32 for all others."""


class OpenVinoOptions(RuntimeOptions):
    precision: Literal["f32", "bf16", "f16"] | None = None
    """What the matmuls compute in that are not quantized; None: `PRECISION` of the format. OpenVINO's own default is
    bf16 where the CPU has it, whatever the graph says."""
    performance: Literal["latency", "throughput"] = "latency"
    """OpenVINO's hint, by which it chooses what `streams` leaves open."""
    streams: Annotated[int, Field(ge=1)] = 1
    """Parts that ``threads`` are divided into. One request runs on one stream: more pay only for requests at once."""


class OpenVinoCpu(Backend):
    """One inference request on one stream of ``threads``."""

    name = "openvino-cpu"
    packages = ("openvino",)
    formats = ("onnx-*",)
    refused: ClassVar[Mapping[str, str]] = {
        "onnx-fused*": "its operators are ONNX Runtime's own: use onnx-fp32, which the runtime fuses itself",
        "onnx-packed*": "its operators are those of ONNX Runtime with CUDA: use onnx-fp32",
        "onnx-int8-tensorrt": "its signed activations are slow and less exact on CPUs: use onnx-int8-static",
        "onnx-int8-modelopt": "its signed activations are slow and less exact on CPUs: use onnx-int8-static",
    }
    options_type = OpenVinoOptions
    options: OpenVinoOptions

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

    @classmethod
    def computes_otherwise(cls, model: Path) -> str | None:
        if not model.is_file() or not (operators := computed_otherwise(model)):
            return None
        return (
            f"{cls.name} does not compute {', '.join(operators)} as ONNX Runtime does, whose own operators they are: "
            "use onnxruntime-cpu, or a file in standard operators"
        )

    @classmethod
    def cannot_read(cls, model: Path) -> str | None:
        import openvino

        try:
            openvino.Core().read_model(model)
        except Exception as error:
            return f"OpenVINO cannot read {model} ({one_line(error)}): use onnxruntime-cpu, or standard operators"
        return None

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
                f"{self.name}: OpenVINO cannot read {path} ({one_line(error)}); export it again, or use onnxruntime-cpu"
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
                "INFERENCE_PRECISION_HINT": self.options.precision or PRECISION.get(self.format, "f32"),
                "PERFORMANCE_HINT": self.options.performance.upper(),
                "NUM_STREAMS": self.options.streams,
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

    def matmuls(self) -> dict[str, int] | None:
        precisions = Counter[str]()
        for node in self._compiled.get_runtime_model().get_ordered_ops():
            information = node.get_rt_info()
            if information["layerType"].astype(str) in MATMULS:
                precision = information["runtimePrecision"].astype(str)
                precisions[PRECISIONS.get(precision, precision)] += 1
        return dict(sorted(precisions.items()))

    @property
    def lowest_precision(self) -> str | None:
        return None if self.options.precision is None else PRECISIONS[self.options.precision]

    def _unload(self) -> None:
        self._request = self._compiled = None


def _port(port: Any) -> Port:
    shape = port.get_partial_shape()
    fixed = [axis.get_length() if axis.is_static else None for axis in shape] if shape.rank.is_static else []
    kind = port.get_element_type().get_type_name()
    return Port(
        name=port.get_any_name(),
        type=TYPES.get(kind, kind),
        shape=tuple(fixed),
    )
