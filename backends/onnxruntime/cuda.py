"""ONNX Runtime on NVIDIA GPUs: the CUDA execution provider, and what the TensorRT one shares with it."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import threading
from abc import abstractmethod
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PositiveInt, field_validator
from pydantic_core import PydanticCustomError

from backends.backend import Availability, stage_times
from backends.errors import BackendError, one_line
from backends.host import nvidia
from backends.host.machine import installed
from backends.onnxruntime.cpu import (
    FLOAT_MATMULS,
    QUANTIZED_ATTENTION,
    QUANTIZED_MATMULS,
    WHEELS,
    OnnxRuntime,
    OnnxRuntimeOptions,
    import_failure,
    in_float32,
    new_session,
)
from backends.onnxruntime.device_buffers import DeviceBuffers, Shape

Result = TypeVar("Result")

CUDA = "CUDAExecutionProvider"

WORK = {
    *FLOAT_MATMULS,
    *QUANTIZED_MATMULS,
    *QUANTIZED_ATTENTION,
    *("MatMulNBits", "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear"),
    *("Softmax", "LayerNormalization", "SkipLayerNormalization", "EmbedLayerNormalization"),
}
"""Operators that no graph needs for the arithmetic with shapes, which CUDA leaves to the CPU on purpose."""

MATMUL_MODEL = bytes.fromhex(
    "08083a450a110a01780a017812017922064d61744d756c12066d61746d756c5a130a0178120e0a0c080112080a020802"
    "0a02080262130a0179120e0a0c080112080a0208020a02080242040a00100d"
)
"""An ONNX file (IR 8, opset 13) of the one node y = MatMul(x, x), float32 (2, 2)."""

ATTENTION_MODEL = bytes.fromhex(
    "080812003a9d010a380a01780a01770a01621201792209417474656e74696f6e2a100a096e756d5f68656164731801a0"
    "01023a0d636f6d2e6d6963726f736f66741209617474656e74696f6e5a170a017812120a100801120c0a0208010a0208"
    "020a0208085a130a0177120e0a0c080112080a0208080a0208185a0f0a0162120a0a08080112040a02081862170a0179"
    "12120a100801120c0a0208010a0208020a02080842040a00100d42110a0d636f6d2e6d6963726f736f66741001"
)
"""Likewise y = com.microsoft.Attention(x, w, b), float32: x (1, 2, 8), w (8, 24), b (24), one head."""


class OnnxRuntimeGpuOptions(OnnxRuntimeOptions):
    provider: dict[str, str | int | bool] = Field(default_factory=dict)
    """Options of the execution provider by ONNX Runtime's own names; they go before those that are set here."""

    @field_validator("provider")
    @classmethod
    def _one_device(cls, given: dict[str, str | int | bool]) -> dict[str, str | int | bool]:
        if "device_id" in given:
            raise PydanticCustomError(
                "device_id",
                "Device_id is not taken, as memory and energy are read of CUDA's first device: choose the GPU by the "
                "environment variable CUDA_VISIBLE_DEVICES",
            )
        return given


class OnnxRuntimeCudaOptions(OnnxRuntimeGpuOptions):
    cuda_graphs: list[Annotated[list[PositiveInt], Field(min_length=2, max_length=2)]] = Field(default_factory=list)
    """Shapes of batches, [rows, tokens], that are captured as CUDA graphs; smaller batches are padded to them.

    They are captured as the session opens: what is timed afterwards only replays."""


class OnnxRuntimeGpu(OnnxRuntime):
    """Inputs and outputs are bound to buffers on the device: see `backends.onnxruntime.device_buffers`."""

    packages = (*WHEELS, *nvidia.TENSORRT_PACKAGES, *nvidia.PACKAGES)
    options_type = OnnxRuntimeGpuOptions
    options: OnnxRuntimeGpuOptions
    device = "cuda"
    """ONNX Runtime's name of it."""
    trial: ClassVar[tuple[bytes, Mapping[str, tuple[int, ...]]]] = (MATMUL_MODEL, {"x": (2, 2)})
    """A model of one node, and the shapes of its inputs: what shows that the provider works."""
    _thread: ThreadPoolExecutor | None = None

    @property
    def lowest_precision(self) -> str | None:
        """Options of one's own may allow TensorFloat-32, whose fraction is as long as a half's."""
        return "fp16" if self.options.provider else None

    def _chosen(self) -> dict[str, str]:
        """The study's provider options as ONNX Runtime takes them: all are text, and true is 1."""
        return {
            name: str(int(value) if isinstance(value, bool) else value) for name, value in self.options.provider.items()
        }

    @classmethod
    def availability(cls) -> Availability:
        """As `backends.backend.Backend.availability`; runs one node on the device to be sure."""
        reason, remedy = cls._missing() or cls._trial() or ("", "")
        return Availability(cls.name, not reason, reason, remedy, installed(*WHEELS, *nvidia.TENSORRT_PACKAGES))

    @classmethod
    def _missing(cls) -> tuple[str, str] | None:
        """(reason, remedy) for what can be seen without a session; None when nothing is missing."""
        # First what an installation cannot mend: on the way to it a working CPU backend would be lost.
        if nvidia.driver_version() is None:
            return "no NVIDIA driver answers", "install the driver, or use onnxruntime-cpu"
        failure = import_failure()
        if failure is not None:
            return failure, "install the extra `gpu`: docs/gpu.md"
        import onnxruntime

        if cls.provider not in onnxruntime.get_available_providers():
            return (
                f"the installed onnxruntime was built without {cls.provider}",
                "install the extra `gpu` instead of `cpu`, in an environment of its own: docs/gpu.md "
                "(onnxruntime and onnxruntime-gpu must not be installed together)",
            )
        return None

    @classmethod
    def _trial(cls) -> tuple[str, str] | None:
        """(reason, remedy) when the provider cannot run one node; None when it can.

        A session that is asked for a provider whose libraries are missing comes back on the CPU without an
        exception. Only ``disable_cpu_ep_fallback`` makes it raise. A whole BERT cannot be opened so: CUDA
        leaves shape arithmetic to the CPU on purpose, and that counts as a fallback.
        """
        import onnxruntime

        load_libraries()
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
        try:
            model, shapes = cls.trial
            session = new_session(model, options, [(cls.provider, {})])
            session.run(None, {name: np.ones(shape, dtype=np.float32) for name, shape in shapes.items()})
        except Exception as error:
            if "cuDNN is unavailable" in str(error):  # the provider loads it at the first node that asks for it
                return f"{cls.provider} finds no cuDNN, without which it has no attention", cls.remedy
            if "fallback to CPU EP has been explicitly disabled" in str(error):
                return f"{cls.provider} does not load", cls.remedy
            return f"{cls.provider} cannot run a single node ({one_line(error)})", cls.remedy
        if session.get_providers()[0] != cls.provider:
            return f"{cls.provider} does not load", cls.remedy
        return None

    def _prepare(self) -> None:
        self._session = None
        reason, remedy = self._missing() or ("", "")
        self._require(Availability(self.name, not reason, reason, remedy, {}))
        nvidia.use_nvml_order()
        load_libraries()

    def _open_session(self, path: Path, options: Any) -> Any:
        try:
            return super()._open_session(path, options)
        except BackendError:
            raise
        except Exception:
            reason, remedy = self._trial() or ("", "")  # is it the provider, or this model?
            self._require(Availability(self.name, not reason, reason, remedy, {}))
            raise

    @abstractmethod
    def _providers(self) -> list[tuple[str, dict[str, str]]]: ...

    def _load(self) -> None:
        super()._load()
        left = computing(self._left_to_cpu())
        if left:
            operators = ", ".join(f"{count} {operator}" for operator, count in left.items())
            raise BackendError(
                f"{self.name}: of {self.artifact / 'model.onnx'}, {operators} would run on the CPU, not the GPU; "
                "use another format, or onnxruntime-cpu"
            )
        # A set of buffers for each thread, as no other may write to it before the outputs are fetched. But a captured
        # graph belongs to the thread that captured it, and while one is captured, no other thread of the process may
        # copy or allocate on the device: all is done by one thread then, whoever calls.
        self._bound: Any = threading.local()
        if self._graphs():
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="cuda-graphs")
            self._by_its_thread(lambda: self._buffers().capture(self.inputs))

    def _graphs(self) -> list[Shape]:
        """Shapes to capture as CUDA graphs."""
        return []

    def _buffers(self) -> DeviceBuffers:
        """Those of the calling thread, made at its first inference."""
        buffers: DeviceBuffers | None = getattr(self._bound, "buffers", None)
        if buffers is None:
            buffers = DeviceBuffers(
                self._session, self._names, per_token=self.per_token, device=self.device, graphs=self._graphs()
            )
            self._bound.buffers = buffers
        return buffers

    def _infer(self, feeds: dict[str, NDArray[np.int64]]) -> dict[str, NDArray[np.float32]]:
        return self._by_its_thread(lambda: in_float32(self._buffers().infer(feeds)))

    def device_times(self, feeds: Mapping[str, NDArray[np.int64]]) -> dict[str, float] | None:
        taken = {name: feeds[name] for name in self.inputs}

        def timed() -> dict[str, float]:
            bound = self._buffers().of(taken)
            return stage_times(
                lambda: bound.fill(taken), lambda _: bound.run(), lambda _: bound.fetch(), bound.synchronize
            )

        return self._by_its_thread(timed)

    def _by_its_thread(self, work: Callable[[], Result]) -> Result:
        """By the one thread that captures and replays CUDA graphs; by the caller's without such graphs."""
        return work() if self._thread is None else self._thread.submit(work).result()

    def _unload(self) -> None:
        if self._thread is not None:
            self._thread.shutdown()
        self._bound = self._thread = None  # buffers go before the session that they are bound to
        super()._unload()


class OnnxRuntimeCuda(OnnxRuntimeGpu):
    name = "onnxruntime-cuda"
    provider = CUDA
    refused: ClassVar[Mapping[str, str]] = {
        "onnx-int8-dynamic": "its INT8 matmuls would run on the CPU there: use onnx-fused-fp16, or TensorRT",
        **dict.fromkeys(
            # Quantization nodes are placed on CUDA (1.31), which has no INT8 matmul that they would fuse to.
            ("onnx-fp8", "onnx-int8-static", "onnx-int8-tensorrt", "onnx-int8-modelopt"),
            "its matmuls would be computed in float there, on restored values: use onnx-fused-fp16, or TensorRT",
        ),
    }
    uncaptured: ClassVar[Mapping[str, str]] = {
        "onnx-packed-fp16": "onnx-fused-fp16",
        "onnx-packed*": "onnx-fused",
    }
    """Glob patterns of formats that no CUDA graph captures, as they count their tokens on the host: what to use."""
    remedy = "install CUDA 13 and cuDNN 9 (pip install 'onnxruntime-gpu[cuda,cudnn]'), or put them on LD_LIBRARY_PATH"
    trial = (ATTENTION_MODEL, {"x": (1, 2, 8), "w": (8, 24), "b": (24,)})

    options_type = OnnxRuntimeCudaOptions
    options: OnnxRuntimeCudaOptions

    @property
    def serves_all_callers(self) -> bool:
        """ONNX Runtime gives every call a stream of its own."""
        return True

    def _load(self) -> None:
        other = next((other for pattern, other in self.uncaptured.items() if fnmatch(self.format, pattern)), None)
        if self.options.cuda_graphs and other is not None:
            raise BackendError(
                f"{self.name}: {self.format} counts its tokens on the host, which no CUDA graph captures: "
                f"use {other}, or leave cuda_graphs out"
            )
        super()._load()

    def _graphs(self) -> list[Shape]:
        return [(rows, length) for rows, length in self.options.cuda_graphs]

    def _providers(self) -> list[tuple[str, dict[str, str]]]:
        # On by default: FP32 would be computed in TensorFloat-32, with 10 bits of mantissa.
        options = {"use_tf32": "0", "enable_cuda_graph": str(int(bool(self.options.cuda_graphs)))}
        return [(CUDA, {**options, **self._chosen()})]

    def _precision_hint(self) -> str | None:
        return "TF32 off" if self._providers()[0][1].get("use_tf32") == "0" else "TF32 allowed"


def computing(operators: Mapping[str, int]) -> dict[str, int]:
    """Of ``operators`` with their counts, those that are the model's work, and no arithmetic with shapes."""
    return {name: count for name, count in sorted(operators.items()) if name in WORK or name.startswith("QLinear")}


def load_libraries() -> None:
    """Load CUDA, cuDNN and TensorRT from Python packages where they are; the system's are found anyway."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)
    if hasattr(onnxruntime, "preload_dlls"):
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it does not find
            onnxruntime.preload_dlls()
    if importlib.util.find_spec("tensorrt") is not None:
        with contextlib.suppress(Exception):
            importlib.import_module("tensorrt")
