"""ONNX Runtime on the CPU, and what its GPU siblings share with it."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from backends.backend import Availability, Backend, RuntimeOptions
from backends.errors import BackendError, one_line
from backends.host.machine import installed
from backends.onnx_interface import Port, check_ports, model_file
from backends.onnxruntime.device_buffers import EAGER, run_options

CPU = "CPUExecutionProvider"
WHEELS = ("onnxruntime", "onnxruntime-gpu")
"""Two distributions of one module: only one of them may be installed."""


QUANTIZED_MATMULS = ("MatMulInteger", "MatMulIntegerToFloat", "DynamicQuantizeMatMul", "QLinearMatMul", "QGemm")
QUANTIZED_ATTENTION = ("QAttention", "QOrderedAttention")
FLOAT_MATMULS = ("MatMul", "FusedMatMul", "Gemm", "FusedGemm", "Attention", "MultiHeadAttention", "PackedAttention")
PRECISIONS = {"float": "fp32", "float16": "fp16", "bfloat16": "bf16", "double": "fp64"}
"""ONNX Runtime's names of element types, as the formats say them."""


class OnnxRuntimeOptions(RuntimeOptions):
    spinning: bool = True
    """Threads that wait do it in a loop: the next node starts sooner, at the cost of a busy core each."""
    arena: bool = True
    """Memory is kept from one inference to the next: faster, at the cost of a higher peak."""


class OnnxRuntime(Backend):
    """A session with all graph optimisations, one thread pool of ``threads``, nodes run in sequence."""

    packages: ClassVar[tuple[str, ...]] = WHEELS
    formats = ("onnx-*",)
    options_type = OnnxRuntimeOptions
    options: OnnxRuntimeOptions
    provider: ClassVar[str]
    remedy: ClassVar[str] = "install it with: pip install -e '.[cpu]'"
    unfused_qdq: ClassVar[tuple[str, ...]] = ("*fp8*",)
    """Glob patterns of formats whose quantization nodes are run as they are: ONNX Runtime's fusions take every 8-bit
    type for INT8, and end in an invalid graph (1.31)."""

    @property
    def serves_all_callers(self) -> bool:
        """A session may be run by many threads; with one thread of its own it computes on its caller's."""
        return self.threads == 1

    def _providers(self) -> list[tuple[str, dict[str, str]]]:
        """Execution providers in the order of preference, each with its options."""
        raise NotImplementedError

    def _disabled_optimizers(self) -> tuple[str, ...]:
        """Of ONNX Runtime's graph optimisations, by its own names, those that are left out."""
        return ()

    def _precision_hint(self) -> str | None:
        """What the provider may compute in, beyond the types of the graph."""
        return None

    def _load(self) -> None:
        path = model_file(self.name, self.artifact)
        self._session: Any = self._open_session(path, self._options())
        if self._session.get_providers()[0] != self.provider:
            raise BackendError(
                f"{self.name}: {self.provider} does not load, the session fell back to "
                f"{self._session.get_providers()[0]}; {self.remedy}"
            )
        self.inputs = check_ports(
            self.name,
            path,
            [_port(port) for port in self._session.get_inputs()],
            [_port(port) for port in self._session.get_outputs()],
            self.outputs,
        )
        self._names = list(self.outputs)
        nodes = self._nodes()
        if nodes is not None and self.provider not in nodes:
            raise BackendError(
                f"{self.name}: no node of {path} runs on {self.provider} (nodes: {_counts(nodes)}); "
                "use another format or onnxruntime-cpu"
            )

    def _options(self) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # what fails is raised; stderr stays clean
        options.enable_cpu_mem_arena = self.options.arena
        options.add_session_config_entry("session.intra_op.allow_spinning", str(int(self.options.spinning)))
        options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
        if any(fnmatch(self.format, pattern) for pattern in self.unfused_qdq):
            options.add_session_config_entry("session.disable_quant_qdq", "1")
        return options

    @classmethod
    def cannot_read(cls, model: Path) -> str | None:
        return too_new(model)

    def _open_session(self, path: Path, options: Any) -> Any:
        try:
            return new_session(path, options, self._providers(), self._disabled_optimizers())
        except Exception as error:
            if "PROTOBUF" in str(error) or "No graph was found" in str(error):
                raise BackendError(
                    f"{self.name}: {path} is not a whole ONNX file ({path.stat().st_size:,} bytes); export it again"
                ) from error
            if "xternal data" in str(error) or "file_length" in str(error):
                raise BackendError(
                    f"{self.name}: the weights file beside {path} is missing or cut short "
                    f"({one_line(error)}); export it again"
                ) from error
            raise

    def _infer(self, feeds: dict[str, NDArray[np.int64]]) -> dict[str, NDArray[np.float32]]:
        return in_float32(dict(zip(self._names, self._session.run(self._names, feeds), strict=True)))

    def _nodes(self) -> dict[str, Counter[str]] | None:
        """Operators by provider as the graph was divided, before the last fusions; None if unknown."""
        subgraphs = getattr(self._session, "get_provider_graph_assignment_info", None)
        if subgraphs is None:  # before onnxruntime 1.24
            return None
        nodes: dict[str, Counter[str]] = {}
        for subgraph in subgraphs():
            nodes.setdefault(subgraph.ep_name, Counter()).update(node.op_type for node in subgraph.get_nodes())
        return nodes

    def _left_to_cpu(self) -> Counter[str]:
        """Operators that a provider of another device does not take; empty on the CPU, and where it is unknown."""
        nodes = self._nodes()
        return Counter() if nodes is None or self.provider == CPU else nodes.get(CPU, Counter())

    def _describe(self) -> dict[str, Any]:
        nodes = self._nodes()
        counts = None if nodes is None else {name: count.total() for name, count in sorted(nodes.items())}
        return {
            "provider": self.provider,
            "providers": self._session.get_providers(),
            "precision_hint": self._precision_hint(),
            "nodes": counts,
            "left_to_cpu": dict(sorted(self._left_to_cpu().items())),
            "versions": installed(*WHEELS),
        }

    def kernels(self) -> dict[str, dict[str, int]]:
        """Operators really executed, after all fusions: {provider: {operator: nodes}}. See `_profile`."""
        kernels: dict[str, Counter[str]] = {}
        for node in self._profile():
            kernels.setdefault(node["provider"], Counter())[node["op_name"]] += 1
        return {provider: dict(sorted(count.items())) for provider, count in sorted(kernels.items())}

    def matmuls(self) -> dict[str, int] | None:
        precisions = Counter(filter(None, map(_precision_of_matmul, self._profile())))
        return dict(sorted(precisions.items()))

    def _profile(self) -> list[dict[str, Any]]:
        """The profiler's record of every node executed.

        On demand only: it loads the model a second time, in a session with the profiler on, and runs one
        batch of 1 x 8 tokens.
        """
        with tempfile.TemporaryDirectory(prefix="scalemodel-profile-") as folder:
            options = self._options()
            options.enable_profiling = True
            options.profile_file_prefix = str(Path(folder) / "profile")
            session = self._open_session(self.artifact / "model.onnx", options)
            feeds = {name: np.ones((1, 8), dtype=np.int64) for name in self.inputs}
            session.run(self._names, feeds, run_options(EAGER))  # capturing a CUDA graph would run it three times
            events = json.loads(Path(session.end_profiling()).read_text())
        return [
            event["args"]
            for event in events
            if event.get("cat") == "Node" and event["name"].endswith("_kernel_time") and "provider" in event["args"]
        ]

    def _unload(self) -> None:
        self._session = None


class OnnxRuntimeCpuOptions(OnnxRuntimeOptions):
    skip_layer_norm_fusion: bool = True
    """ONNX Runtime's own default: a residual sum and the LayerNorm after it become one node. Its CPU kernel for that
    node is slower than the two apart (1.31; docs/performance.md, INT8)."""


class OnnxRuntimeCpu(OnnxRuntime):
    name = "onnxruntime-cpu"
    options_type = OnnxRuntimeCpuOptions
    options: OnnxRuntimeCpuOptions
    provider = CPU
    sessions_share_weights = True
    refused: ClassVar[Mapping[str, str]] = {
        "onnx-bf16": "ONNX Runtime has no bfloat16 matmuls on the CPU: use openvino-cpu, or onnx-fp32",
        "onnx-packed*": "its operators are CUDA's alone: use onnx-fused",
        "onnx-int8-tensorrt": "its signed activations are slow and less exact on CPUs: use onnx-int8-static",
        "onnx-int8-modelopt": "its signed activations are slow and less exact on CPUs: use onnx-int8-static",
    }

    @classmethod
    def availability(cls) -> Availability:
        reason = import_failure()
        remedy = "" if reason is None else cls.remedy
        return Availability(cls.name, reason is None, reason or "", remedy, installed(*WHEELS))

    def _prepare(self) -> None:
        self._session = None
        self._require(self.availability())

    def _providers(self) -> list[tuple[str, dict[str, str]]]:
        return [(CPU, {})]

    def _disabled_optimizers(self) -> tuple[str, ...]:
        return () if self.options.skip_layer_norm_fusion else ("SkipLayerNormFusion",)


class OnnxRuntimeUnoptimised(OnnxRuntimeCpu):
    """The graph node by node as it is written: what the answers of runtimes that rewrite it are held against."""

    def _options(self) -> Any:
        import onnxruntime

        options = super()._options()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        return options


def in_float32(outputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[np.float32]]:
    """Half-precision outputs widened; others as they are."""
    return {name: array if array.dtype == np.float32 else array.astype(np.float32) for name, array in outputs.items()}


def new_session(
    model: Path | bytes,
    options: Any,
    providers: list[tuple[str, dict[str, str]]],
    disabled_optimizers: Sequence[str] = (),
) -> Any:
    """An `onnxruntime.InferenceSession` that raises what it would otherwise print.

    Without ``enable_fallback=0``, a provider that fails while loading *or in the middle of a run* is
    replaced by the CPU, with a banner on stdout.
    """
    import onnxruntime

    return onnxruntime.InferenceSession(
        model, options, providers=providers, disabled_optimizers=set(disabled_optimizers), enable_fallback=0
    )


def import_failure() -> str | None:
    """Why the module `onnxruntime` cannot be imported; None when it can."""
    try:
        import onnxruntime  # noqa: F401
    except ImportError as error:
        if len(installed(*WHEELS)) == 2:
            return "onnxruntime and onnxruntime-gpu are both installed and have overwritten each other"
        return f"onnxruntime cannot be imported ({error})"
    return None


def _precision_of_matmul(node: dict[str, Any]) -> str | None:
    """Of a profiled node that is a matmul; None of any other."""
    operator = node["op_name"]
    if operator in QUANTIZED_MATMULS or operator in QUANTIZED_ATTENTION:
        return "int8"
    if operator == "MatMulNBits":
        return "int4 weights"
    if operator not in FLOAT_MATMULS:
        return None
    kind = next(iter(node["input_type_shape"][0]), "")
    return PRECISIONS.get(kind, kind)


def _port(argument: Any) -> Port:
    return Port(
        name=argument.name,
        type=argument.type.removeprefix("tensor(").removesuffix(")"),
        shape=tuple(size if isinstance(size, int) else None for size in argument.shape),
    )


def _counts(nodes: dict[str, Counter[str]]) -> str:
    return ", ".join(f"{count.total()} on {name}" for name, count in sorted(nodes.items())) or "none"


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
        onnxruntime.InferenceSession(probe.SerializeToString(), options, providers=[CPU])
    except Exception as error:  # onnxruntime raises several kinds
        sets = ", ".join(f"{entry.domain or 'ai.onnx'} {entry.version}" for entry in stamped.opset_import)
        return (
            f"ONNX Runtime {onnxruntime.__version__} does not take {path}, of IR version {stamped.ir_version} and "
            f"operator sets {sets} ({one_line(error)}): write it with an older ir_version or opset, or "
            "use a newer onnxruntime"
        )
    return None
