"""ONNX Runtime's TensorRT execution provider: it builds an engine of an ONNX file as it opens it, and keeps it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from backends.errors import BackendError
from backends.host import nvidia
from backends.onnx_interface import model_file
from backends.onnxruntime import tensorrt_options
from backends.onnxruntime.cuda import CUDA, OnnxRuntimeGpu, load_libraries

TENSORRT = "TensorrtExecutionProvider"


class OnnxRuntimeTensorrt(OnnxRuntimeGpu):
    """Batches beyond the engine's run in parts. What the provider is told: `backends.onnxruntime.tensorrt_options`.

    The provider's networks are weakly typed: TensorRT chooses each layer's type among those that it is allowed. What
    a precision costs or gains is told by ``tensorrt-*``, whose types are the file's.
    """

    name = "onnxruntime-tensorrt"
    provider = TENSORRT
    refused: ClassVar[Mapping[str, str]] = {
        "onnx-fused*": "TensorRT knows none of its operators, and fuses standard ones itself: use onnx-fp32",
        "onnx-packed*": "TensorRT knows none of its operators: use onnxruntime-cuda, or onnx-fp32",
        "onnx-fp8": "the provider has no option that allows TensorRT 10 FP8: use tensorrt-fp8",
        "onnx-int4": "TensorRT does not know MatMulNBits: use onnx-fp16",
        "onnx-int8-dynamic": "TensorRT has no dynamic quantization: use onnx-fp16",
        "onnx-int8-static": "TensorRT takes signed symmetric INT8, its own is unsigned: use onnx-int8-tensorrt",
    }
    remedy = (
        "install TensorRT 10 (from NVIDIA's own package index), CUDA 13 and cuDNN 9, "
        "or put them on LD_LIBRARY_PATH: see docs/gpu.md"
    )

    @classmethod
    def _missing(cls) -> tuple[str, str] | None:
        return super()._missing() or cls._library_missing()

    @classmethod
    def _library_missing(cls) -> tuple[str, str] | None:
        """(reason, remedy) where the loader has not the TensorRT that the provider is linked with, whatever others."""
        load_libraries()
        needed = tensorrt_options.needed_tensorrt()
        if needed is None or nvidia.tensorrt_version(needed) is not None:
            return None
        others = [version for major in nvidia.TENSORRT_MAJORS if (version := nvidia.tensorrt_version(major))]
        there = f"TensorRT {' and '.join(others)}" if others else "none"
        return (
            f"this onnxruntime-gpu needs TensorRT {needed} (libnvinfer.so.{needed}), the loader finds {there}",
            f"pip install 'tensorrt-cu13=={needed}.*' --extra-index-url https://pypi.nvidia.com, or put its libraries "
            "on LD_LIBRARY_PATH: docs/gpu.md",
        )

    def _prepare(self) -> None:
        os.environ.setdefault(tensorrt_options.TF32, "0")  # before CUDA's libraries are loaded
        super()._prepare()

    def _load(self) -> None:
        self._provider_options = self._tensorrt_options()
        super()._load()

    def _tensorrt_options(self) -> dict[str, str]:
        """Those that the study gives go before ours; all are part of what the engine is kept under."""
        import onnx

        graph = onnx.load(model_file(self.name, self.artifact), load_external_data=False).graph
        names = [port.name for port in graph.input]
        manifest = tensorrt_options.manifest_of(self.artifact)
        needed = tensorrt_options.needed_tensorrt()
        self._version = version = None if needed is None else nvidia.tensorrt_version(needed)
        self._types = tensorrt_options.element_types(graph)
        self._largest = tensorrt_options.largest_batch(manifest)
        options = {
            **tensorrt_options.precision_flags(self._types, version),
            **tensorrt_options.profile(names, self._largest),
            "trt_sparsity_enable": "1",  # only allows the kernels for 2:4 sparsity: dense weights keep theirs
            **self._chosen(),
        }
        return {**tensorrt_options.cache_options(manifest, options, version), **options}

    def _providers(self) -> list[tuple[str, dict[str, str]]]:
        # What TensorRT does not take goes to CUDA, and only then to the CPU; both are counted.
        return [(TENSORRT, self._provider_options), (CUDA, {"use_tf32": "0"})]

    def _open_session(self, path: Path, options: Any) -> Any:
        """An engine that a killed process left half written is built again."""
        try:
            return super()._open_session(path, options)
        except Exception as error:
            if "deserialize engine" not in str(error) or "trt_engine_cache_path" in self.options.provider:
                raise
            for engine in tensorrt_options.kept_engines(self._provider_options):
                engine.unlink()
            return super()._open_session(path, options)

    def _infer(self, feeds: dict[str, NDArray[np.int64]]) -> dict[str, NDArray[np.float32]]:
        infer = super()._infer
        first, *others = [infer(part) for part in self._parts(feeds)]
        if not others:
            return first
        return {name: np.concatenate([first[name], *(part[name] for part in others)]) for name in first}

    def device_times(self, feeds: Mapping[str, NDArray[np.int64]]) -> dict[str, float] | None:
        stages = super().device_times
        parts = [stages(part) or {} for part in self._parts(feeds)]
        return {stage: sum(times[stage] for times in parts) for stage in parts[0]}

    def _parts(self, feeds: Mapping[str, NDArray[np.int64]]) -> list[dict[str, NDArray[np.int64]]]:
        """The batch in parts that the engine takes."""
        rows, length = feeds[self.inputs[0]].shape
        most, longest = self._largest
        if length > longest:
            raise BackendError(f"{self.name}: {length} tokens are more than the engine takes ({longest})")
        return [{name: feeds[name][start : start + most] for name in self.inputs} for start in range(0, rows, most)]

    def _describe(self) -> dict[str, Any]:
        described = super()._describe()
        loaded = {} if self._version is None else {"TensorRT": self._version}
        return {
            **described,
            "versions": {**described["versions"], **loaded},
            "engines_sha256": tensorrt_options.engine_digests(self._provider_options),
        }

    def _precision_hint(self) -> str | None:
        """Of TensorRT 11 the types of the graph are what it computes in."""
        if self._version is not None and int(self._version.split(".")[0]) >= 11:
            return "by the types of the graph"
        float32 = "FP32 (TF32 off)" if os.environ.get(tensorrt_options.TF32) == "0" else "FP32 (TF32 allowed)"
        allowed = [name for name in tensorrt_options.FLAGS if name in self._types]
        return f"weakly typed: TensorRT chooses among {', '.join([float32, *allowed])}" if allowed else float32
