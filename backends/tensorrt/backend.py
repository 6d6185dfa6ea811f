"""TensorRT itself: an engine that was built on this machine, run through Polygraphy."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backends.backend import Availability, Backend
from backends.device_times import stage_times
from backends.errors import BackendError, one_line
from backends.host import nvidia
from backends.host.machine import installed
from backends.onnx_interface import Port, check_ports
from backends.tensorrt.layers import layers_by_precision, products_by_precision

ENGINE = "model.engine"
TYPES = {"INT64": "int64", "INT32": "int32", "FLOAT": "float"}
"""TensorRT's names of element types, as ONNX Runtime says them."""

INTEGERS: dict[str, type[np.integer[Any]]] = {"int64": np.int64, "int32": np.int32}
"""What inputs may be of: the older of trtexec's engines take int32."""

Shape = Sequence[int]


class TensorRt(Backend):
    """One execution context and one stream. A batch larger than the engine's profiles runs in parts."""

    name = "tensorrt"
    device = "cuda"
    packages = ("tensorrt", "polygraphy")
    formats = ("tensorrt-*",)

    @classmethod
    def availability(cls) -> Availability:
        versions = installed(*cls.packages)

        def lacking(reason: str, remedy: str) -> Availability:
            return Availability(cls.name, False, reason, remedy, versions)

        if nvidia.driver_version() is None:
            return lacking("no NVIDIA driver answers", "install the driver, or use onnxruntime-cpu")
        for module in cls.packages:
            if importlib.util.find_spec(module) is None:
                return lacking(f"{module} is not installed", "install TensorRT and the extra `gpu`: docs/gpu.md")
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
        self._runner: Any = None
        nvidia.use_nvml_order()
        self._require(self.availability())

    def _load(self) -> None:
        from polygraphy.backend import trt

        content = engine_bytes(self.artifact)
        self._digest = hashlib.sha256(content).hexdigest()
        try:
            self._engine = trt.EngineFromBytes(content)()
        except Exception as error:
            raise BackendError(
                f"{self.name}: TensorRT cannot read {self.artifact / ENGINE} ({one_line(error)}); engines "
                "run only on the kind of GPU and with the version that built them: export it again here"
            ) from error
        given = self._ports("INPUT")
        self.inputs = check_ports(
            self.name, self.artifact / ENGINE, given, self._ports("OUTPUT"), self.outputs, types=tuple(INTEGERS)
        )
        self._kinds = {port.name: INTEGERS[port.type] for port in given}
        self._profiles = [
            [list(shape) for shape in self._engine.get_tensor_profile_shape(self.inputs[0], index)]
            for index in range(self._engine.num_optimization_profiles)
        ]
        self._runner = trt.TrtRunner(self._engine)
        self._runner.activate()
        self._profile = 0

    def _ports(self, mode: str) -> list[Port]:
        import tensorrt

        engine = self._engine
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        wanted = getattr(tensorrt.TensorIOMode, mode)
        return [
            Port(
                name,
                TYPES.get(engine.get_tensor_dtype(name).name, engine.get_tensor_dtype(name).name.lower()),
                tuple(None if size < 0 else int(size) for size in engine.get_tensor_shape(name)),
            )
            for name in names
            if engine.get_tensor_mode(name) == wanted
        ]

    def _infer(self, feeds: dict[str, NDArray[np.int64]]) -> dict[str, NDArray[np.float32]]:
        parts = [self._outputs_of(part) for part in self._parts(feeds)]
        return {name: np.concatenate([part[name] for part in parts]) for name in self.outputs}

    def _outputs_of(self, part: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
        """Copies: the next call writes into the arrays that the runner gives."""
        made = self._runner.infer(part, check_inputs=False)
        return {name: np.array(made[name], np.float32) for name in self.outputs}

    def _parts(self, feeds: Mapping[str, NDArray[np.int64]]) -> list[dict[str, NDArray[Any]]]:
        """The batch in parts that the engine takes, of its own integers; sets the profile for them."""
        rows, length = next(iter(feeds.values())).shape
        profile, most = choose_profile(self._profiles, rows, length)
        if profile != self._profile:
            self._runner.set_profile(profile)
            self._profile = profile
        return [
            {name: np.ascontiguousarray(feeds[name][start : start + most], kind) for name, kind in self._kinds.items()}
            for start in range(0, rows, most)
        ]

    def device_times(self, feeds: Mapping[str, NDArray[np.int64]]) -> dict[str, float] | None:
        parts = [self._stages(part) for part in self._parts(feeds)]
        return {stage: sum(times[stage] for times in parts) for stage in parts[0]}

    def _stages(self, part: Mapping[str, NDArray[Any]]) -> dict[str, float]:
        """Of one call; Polygraphy copies what is on the device already neither there nor back."""
        from polygraphy import cuda

        with ExitStack() as stack:
            buffers = {
                name: stack.enter_context(cuda.DeviceArray(shape=array.shape, dtype=array.dtype))
                for name, array in part.items()
            }
            return stage_times(
                lambda: {name: buffers[name].copy_from(array) for name, array in part.items()},
                lambda held: self._runner.infer(held, check_inputs=False, copy_outputs_to_host=False),
                lambda made: [made[name].numpy() for name in self.outputs],
                self._runner.stream.synchronize,
            )

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
            "layers_by_precision": layers,
            "left_to_cpu": {},
            "engine_sha256": self._digest,
            "profiles": self._profiles,
            "versions": installed(*self.packages),
        }

    def matmuls(self) -> dict[str, int] | None:
        return products_by_precision(self._information()) or None

    def _unload(self) -> None:
        if self._runner is not None:
            self._runner.deactivate()
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
