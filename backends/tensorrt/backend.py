"""TensorRT itself: an engine that was built on this machine, run by a runner of our own."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from backends.backend import Availability, Backend, RuntimeOptions, stage_times
from backends.errors import BackendError, one_line
from backends.host import nvidia
from backends.host.machine import installed
from backends.onnx_interface import Port, check_ports
from backends.tensorrt.cuda_runtime import CudaRuntime
from backends.tensorrt.layers import layers_by_precision, matmuls_by_precision
from backends.tensorrt.runner import EngineRunner, Lane, Part

ENGINE = "model.engine"
TYPES: dict[str, np.dtype[Any]] = {
    "INT64": np.dtype(np.int64),
    "INT32": np.dtype(np.int32),
    "FLOAT": np.dtype(np.float32),
    "HALF": np.dtype(np.float16),
    "BF16": np.dtype(ml_dtypes.bfloat16),
}
"""By TensorRT's names of element types."""

INTEGERS = ("int64", "int32")
"""What inputs may be of: the older of trtexec's engines take int32."""

Shape = Sequence[int]


class TensorRtOptions(RuntimeOptions):
    cuda_graphs: bool = True
    """A shape that comes a second time is captured, and from the third time on replayed by one launch."""


class TensorRt(Backend):
    """A batch larger than the engine's profiles runs in parts. How it runs: `backends.tensorrt.runner`."""

    name = "tensorrt"
    device = "cuda"
    packages = (*nvidia.TENSORRT_PACKAGES, *nvidia.PACKAGES)
    formats = ("tensorrt-*",)
    options_type = TensorRtOptions
    options: TensorRtOptions

    @classmethod
    def availability(cls) -> Availability:
        versions = installed(*cls.packages)

        def lacking(reason: str, remedy: str) -> Availability:
            return Availability(cls.name, False, reason, remedy, versions)

        if nvidia.driver_version() is None:
            return lacking("no NVIDIA driver answers", "install the driver, or use onnxruntime-cpu")
        if importlib.util.find_spec("tensorrt") is None:
            return lacking("tensorrt is not installed", "install TensorRT and the extra `gpu`: docs/gpu.md")
        import tensorrt

        if int(tensorrt.__version__.split(".")[0]) < 10:
            return lacking(f"TensorRT {tensorrt.__version__} is older than 10", "install a newer one: docs/gpu.md")
        try:
            works = tensorrt.Builder(tensorrt.Logger(tensorrt.Logger.ERROR)) is not None
        except Exception as error:
            return lacking(
                f"TensorRT {tensorrt.__version__} finds no usable GPU ({one_line(error)})", "see docs/gpu.md"
            )
        if not works:
            return lacking(f"TensorRT {tensorrt.__version__} finds no usable GPU", "update the driver: docs/gpu.md")
        return Availability(cls.name, True, "", "", versions)

    def _prepare(self) -> None:
        self._engine: Any = None
        self._runner: EngineRunner | None = None
        nvidia.use_nvml_order()
        self._require(self.availability())

    def _load(self) -> None:
        import tensorrt

        content = engine_bytes(self.artifact)
        self._digest = hashlib.sha256(content).hexdigest()
        logger = tensorrt.Logger(tensorrt.Logger.ERROR)
        tensorrt.init_libnvinfer_plugins(logger, "")
        self._engine = tensorrt.Runtime(logger).deserialize_cuda_engine(content)
        if self._engine is None:
            raise BackendError(
                f"{self.name}: TensorRT {tensorrt.__version__} cannot read {self.artifact / ENGINE}; engines run only "
                "on the kind of GPU and with the version that built them: export it again here"
            )
        given, made = self._ports("INPUT"), self._ports("OUTPUT")
        self.inputs = check_ports(self.name, self.artifact / ENGINE, given, made, self.outputs, types=INTEGERS)
        self._profiles = [
            [list(shape) for shape in self._engine.get_tensor_profile_shape(self.inputs[0], index)]
            for index in range(self._engine.num_optimization_profiles)
        ]
        runtime, inputs, outputs = CudaRuntime(), self._types(given), self._types(made)
        strategy = tensorrt.ExecutionContextAllocationStrategy.USER_MANAGED

        def new_lane() -> Lane:
            make = partial(self._engine.create_execution_context, strategy)
            return Lane(self._engine, runtime, inputs, outputs, make, graphs=self.options.cuda_graphs)

        self._runner = EngineRunner(new_lane)

    def _ports(self, mode: str) -> list[Port]:
        import tensorrt

        engine = self._engine
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        wanted = getattr(tensorrt.TensorIOMode, mode)
        return [
            Port(
                name,
                engine.get_tensor_dtype(name).name.lower(),
                tuple(None if size < 0 else int(size) for size in engine.get_tensor_shape(name)),
            )
            for name in names
            if engine.get_tensor_mode(name) == wanted
        ]

    def _types(self, ports: Sequence[Port]) -> dict[str, np.dtype[Any]]:
        type_names = {port.name: self._engine.get_tensor_dtype(port.name).name for port in ports}
        for name, type in type_names.items():
            if type not in TYPES:
                raise BackendError(
                    f"{self.name}: {name!r} of {self.artifact / ENGINE} is {type}; known are {', '.join(TYPES)}: "
                    "build the engine with one of them there"
                )
        return {name: TYPES[type] for name, type in type_names.items()}

    @property
    def serves_all_callers(self) -> bool:
        """Each caller has a stream, buffers and execution contexts of its own; the weights are there once."""
        return True

    def _infer(self, feeds: dict[str, NDArray[np.int64]]) -> dict[str, NDArray[np.float32]]:
        made = self._opened().infer(self._parts(feeds))
        return {name: made[name] for name in self.outputs}

    def _opened(self) -> EngineRunner:
        assert self._runner is not None
        return self._runner

    def _parts(self, feeds: Mapping[str, NDArray[np.int64]]) -> list[Part]:
        """The batch in parts that the engine takes."""
        rows, length = next(iter(feeds.values())).shape
        profile, most = choose_profile(self._profiles, rows, length)
        return [
            Part(profile, {name: feeds[name][start : start + most] for name in self.inputs})
            for start in range(0, rows, most)
        ]

    def device_times(self, feeds: Mapping[str, NDArray[np.int64]]) -> dict[str, float] | None:
        with self._opened().borrowed() as lane:
            times = [
                stage_times(
                    lambda part=part: lane.fill(part),  # type: ignore[misc]
                    lambda _: lane.compute(),
                    lambda _: lane.fetch(),
                    lane.synchronize,
                )
                for part in self._parts(feeds)
            ]
        return {stage: sum(part[stage] for part in times) for stage in times[0]}

    def _information(self) -> str:
        import tensorrt

        inspector = self._engine.create_engine_inspector()
        return str(inspector.get_engine_information(tensorrt.LayerInformationFormat.JSON))

    def _describe(self) -> dict[str, Any]:
        layers = layers_by_precision(self._information())
        return {
            "provider": "TensorRT",
            "precision_hint": "by the types of the engine's network",
            "nodes": {"TensorRT": int(self._engine.num_layers)},
            "layers_by_precision": layers or {},
            "left_to_cpu": {},
            "engine_sha256": self._digest,
            "profiles": self._profiles,
            "versions": installed(*self.packages),
        }

    def matmuls(self) -> dict[str, int] | None:
        return matmuls_by_precision(self._information())

    def _unload(self) -> None:
        if self._runner is not None:
            self._runner.close()
        self._runner = self._engine = None


def engine_bytes(artifact: Path) -> bytes:
    """The engine of an artifact folder; `BackendError` where there is none, or a file that is not an engine."""
    path = artifact / ENGINE
    if not path.is_file():
        raise BackendError(f"{TensorRt.name}: no {ENGINE} in {artifact}; export the model to a tensorrt format")
    content = path.read_bytes()
    if content[:4] != b"ftrt":
        raise BackendError(f"{TensorRt.name}: {path} is no TensorRT engine ({len(content):,} bytes); export it again")
    return content


def choose_profile(profiles: Sequence[Sequence[Shape]], rows: int, length: int) -> tuple[int, int]:
    """The index of the profile for a batch of (``rows``, ``length``), and how many rows it takes at once.

    ``profiles`` hold the smallest, the usual and the largest shape. Of those that take the length, the one that needs
    the fewest calls, and then the narrowest. `BackendError` where none takes the length.
    """
    fitting = [
        (-(-rows // largest[0]), largest[0] * largest[1], index, largest[0])
        for index, (smallest, _, largest) in enumerate(profiles)
        if smallest[1] <= length <= largest[1]
    ]
    if not fitting:
        longest = max(largest[1] for _, _, largest in profiles)
        raise BackendError(f"{TensorRt.name}: {length} tokens are more than the engine takes ({longest})")
    _, _, index, most = min(fitting)
    return index, most
