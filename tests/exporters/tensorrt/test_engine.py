"""TensorRT engines as far as they go without a GPU: shapes, the timing cache's name, and what is said where it ends."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from onnx import TensorProto

from exporters.artifact import export
from exporters.errors import ExportError
from exporters.formats import FORMATS
from exporters.manifest import read_manifest, verify_files
from exporters.onnx.graph import read_model
from exporters.tensorrt import engine as tensorrt_engine
from exporters.tensorrt.engine import TOKENS, Profile, missing, profiles, timing_cache, without_fp8
from harness.planning.deployed import TOKEN_BUDGETS


@pytest.mark.parametrize("longest", [1, 63, 64, 65, 128, 384, 512, 8192])
def test_every_length_has_a_profile_for_one_and_a_narrow_one_for_many(longest: int) -> None:
    single, *batches = profiles(longest)
    assert single.smallest == (1, 1) and single.largest == (1, longest)
    for length in range(1, longest + 1):
        fitting = [p for p in batches if p.smallest[1] <= length <= p.largest[1]]
        assert len(fitting) == 1
        assert fitting[0].largest[0] >= 2
    for profile in (single, *batches):
        for low, usual, high in zip(profile.smallest, profile.usual, profile.largest, strict=True):
            assert 1 <= low <= usual <= high
        assert profile.largest[0] * profile.largest[1] <= max(TOKENS, 2 * longest)


def test_a_study_s_own_batches_run_in_one_part() -> None:
    assert TOKEN_BUDGETS["cuda"] <= TOKENS


def test_the_profiles_of_bert() -> None:
    assert profiles(512) == [
        Profile((1, 1), (1, 128), (1, 512)),
        Profile((1, 1), (64, 64), (256, 64)),
        Profile((1, 65), (32, 128), (128, 128)),
        Profile((1, 129), (16, 256), (64, 256)),
        Profile((1, 257), (8, 512), (32, 512)),
    ]
    with pytest.raises(ExportError, match="0 tokens"):
        profiles(0)


def test_timings_are_kept_apart_by_version_and_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    h100, l4 = ["NVIDIA H100 9.0"], ["NVIDIA L4 8.9"]
    found = {timing_cache("10.13.0", h100), timing_cache("11.4.1", h100), timing_cache("11.4.1", l4)}
    assert len(found) == 3
    assert timing_cache("10.13.0", h100) in found
    assert {path.parent for path in found} == {tmp_path / "scalemodel"}


@pytest.mark.parametrize("format", ["tensorrt-fp32", "tensorrt-fp16"])
def test_without_tensorrt_it_says_what_is_missing_and_leaves_no_artifact(
    format: str, artifact: Callable[..., Path], tmp_path: Path
) -> None:
    if missing() is None:
        pytest.skip("TensorRT is here")
    parent = FORMATS[format].parent
    with pytest.raises(ExportError, match=r"TensorRT cannot build an engine: .*(GPU|package|installed).*: ") as raised:
        export(format, artifact("bert-qa", parent), tmp_path, task="question-answering", pooling="cls")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "manifest.json").exists()


def test_what_is_missing_is_told_in_the_order_in_which_it_is_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorrt_engine, "_devices", lambda: ())
    assert "no NVIDIA GPU" in (missing() or "")
    monkeypatch.setattr(tensorrt_engine, "_devices", lambda: ("NVIDIA H100 9.0",))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "'tensorrt' is not installed" in (missing() or "")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    assert "'tensorrt' cannot be imported" in (missing() or "")
    monkeypatch.setitem(sys.modules, "tensorrt", a_module("tensorrt", __version__="8.6.1"))
    assert "TensorRT 8.6.1 is installed, needed is 10" in (missing() or "")
    monkeypatch.setitem(sys.modules, "tensorrt", a_module("tensorrt", __version__="11.4.1.6"))
    assert missing() is None  # whatever the distribution is called


def a_module(name: str, **content: Any) -> ModuleType:
    module = ModuleType(name)
    module.__spec__ = ModuleSpec(name, None)
    module.__dict__.update(content)
    return module


class Refused(Exception):
    pass


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """What the libraries are told, with Polygraphy's own names of arguments; they answer a small engine.

    With "refused" in it, the build fails.
    """
    told: dict[str, Any] = {}

    class Shapes(dict[str, Any]):
        def add(self, name: str, min: Any, opt: Any, max: Any) -> None:
            self[name] = (min, opt, max)

    def create_config(
        *, profiles: Any, load_timing_cache: Any, profiling_verbosity: Any, tf32: bool, sparse_weights: bool
    ) -> str:
        told.update(profiles=profiles, loaded=load_timing_cache, verbosity=profiling_verbosity)
        told.update(tf32=tf32, sparse_weights=sparse_weights)
        return "config"

    def network_from_onnx_path(path: str, *, strongly_typed: bool) -> str:
        told.update(graph=read_model(Path(path).parent).graph, strongly_typed=strongly_typed)
        return "network"

    def engine_bytes_from_network(network: str, *, config: str, save_timing_cache: str) -> Callable[[], bytes]:
        assert (network, config) == ("network", "config")

        def build() -> bytes:
            if "refused" in told:
                raise Refused("no kernel\n  for this")
            Path(save_timing_cache).write_bytes(b"timings")
            told["saved"] = save_timing_cache
            return b"ftrt engine"

        return build

    def engine_from_bytes(content: bytes) -> Callable[[], Any]:
        inspector = SimpleNamespace(get_engine_information=lambda format: f'{{"format": "{format}"}}')
        return lambda: SimpleNamespace(create_engine_inspector=lambda: inspector)

    trt = a_module(
        "polygraphy.backend.trt",
        CreateConfig=create_config,
        NetworkFromOnnxPath=network_from_onnx_path,
        EngineBytesFromNetwork=engine_bytes_from_network,
        EngineFromBytes=engine_from_bytes,
        Profile=Shapes,
    )
    for module in (
        a_module(
            "tensorrt",
            __version__="10.13.2",
            ProfilingVerbosity=SimpleNamespace(DETAILED="detailed"),
            LayerInformationFormat=SimpleNamespace(JSON="json"),
        ),
        a_module("polygraphy"),
        a_module("polygraphy.backend", trt=trt),
        trt,
        a_module("polygraphy.exception", PolygraphyException=Refused),
    ):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(tensorrt_engine, "_devices", lambda: ("NVIDIA H100 9.0",))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    return told


def exported(format: str, artifact: Callable[..., Path], destination: Path, name: str = "bert-qa") -> Path:
    parent = artifact(name, FORMATS[format].parent)
    destination.mkdir()
    export(format, parent, destination, task="question-answering", pooling="cls")
    return destination


@pytest.mark.parametrize(
    "format", ["tensorrt-fp32", "tensorrt-fp16", "tensorrt-int8", "tensorrt-int8-modelopt", "tensorrt-fp8"]
)
def test_an_export_up_to_the_librarys_call(
    format: str, artifact: Callable[..., Path], tmp_path: Path, told: dict[str, Any]
) -> None:
    folder = exported(format, artifact, tmp_path / "engine")
    assert told["strongly_typed"] is True and told["tf32"] is False and told["sparse_weights"] is True
    assert told["verbosity"] == "detailed"
    inputs = ("input_ids", "attention_mask", "token_type_ids")
    assert told["profiles"] == [
        dict.fromkeys(inputs, (profile.smallest, profile.usual, profile.largest)) for profile in profiles(64)
    ]
    manifest = read_manifest(folder)
    verify_files(folder, manifest)
    assert set(manifest.files) == {"model.engine", "tokenizer.json"}
    parent = artifact("bert-qa", FORMATS[format].parent)
    assert (folder / "tokenizer.json").read_bytes() == (parent / "tokenizer.json").read_bytes()
    assert (folder / "model.engine").read_bytes() == b"ftrt engine"
    assert (folder / "layers.json").read_text() == '{"format": "json"}'
    assert (manifest.format, manifest.max_positions) == (format, 64)
    assert manifest.source["parent"] == FORMATS[format].parent
    assert manifest.found is not None
    assert manifest.found["tensorrt"] == "10.13.2" and manifest.found["devices"] == ["NVIDIA H100 9.0"]
    assert len(manifest.found["profiles"]) == len(profiles(64))


def test_int8_is_built_with_half_precision_around_it(
    artifact: Callable[..., Path], tmp_path: Path, told: dict[str, Any]
) -> None:
    folder = exported("tensorrt-int8", artifact, tmp_path / "engine")
    types = {weight.name: weight.data_type for weight in told["graph"].initializer}
    quantizing = [node for node in told["graph"].node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]
    assert {types[node.input[1]] for node in quantizing} == {TensorProto.FLOAT16}
    assert {types[node.input[2]] for node in quantizing} == {TensorProto.INT8}
    assert {path.name for path in folder.iterdir()} == {
        "manifest.json",
        "model.engine",
        "layers.json",
        "tokenizer.json",
    }
    manifest = read_manifest(folder)
    assert manifest.warnings == [] and manifest.rounding is not None and manifest.rounding["overflow"] == 0
    assert manifest.sensitivity == read_manifest(artifact("bert-qa", "onnx-int8-tensorrt")).sensitivity


def test_fp8_is_built_with_half_precision_around_it(
    artifact: Callable[..., Path], tmp_path: Path, told: dict[str, Any]
) -> None:
    exported("tensorrt-fp8", artifact, tmp_path / "engine")
    types = {weight.name: weight.data_type for weight in told["graph"].initializer}
    quantizing = [node for node in told["graph"].node if node.op_type in ("QuantizeLinear", "DequantizeLinear")]
    assert {types[node.input[1]] for node in quantizing} == {TensorProto.FLOAT16}
    assert {types[node.input[2]] for node in quantizing} == {TensorProto.FLOAT8E4M3FN}


def test_fp8_is_refused_on_gpus_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for devices in ([], ["NVIDIA L4 8.9"], ["NVIDIA H100 9.0"], ["NVIDIA B200 10.0"]):
        monkeypatch.setattr(tensorrt_engine, "_devices", lambda devices=devices: tuple(devices))
        assert without_fp8() is None
    monkeypatch.setattr(tensorrt_engine, "_devices", lambda: ("NVIDIA H100 9.0", "NVIDIA A100 8.0"))
    assert (without_fp8() or "").startswith("NVIDIA A100 8.0 has no matmuls in FP8")


def test_an_fp8_engine_on_an_older_gpu_is_one_line(
    artifact: Callable[..., Path], tmp_path: Path, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tensorrt_engine, "_devices", lambda: ("NVIDIA A100 8.0",))
    with pytest.raises(
        ExportError, match=r"cannot build an engine: NVIDIA A100 8\.0 has no matmuls in FP8.*tensorrt-int8"
    ):
        exported("tensorrt-fp8", artifact, tmp_path / "engine")
    assert "graph" not in told


def test_the_second_build_reads_the_timings_of_the_first(
    artifact: Callable[..., Path], tmp_path: Path, told: dict[str, Any]
) -> None:
    exported("tensorrt-fp32", artifact, tmp_path / "first")
    assert told["loaded"] is None
    exported("tensorrt-fp32", artifact, tmp_path / "second", "distilbert-qa")
    assert told["loaded"] == told["saved"] == str(timing_cache("10.13.2", ["NVIDIA H100 9.0"]))
    assert set(told["profiles"][0]) == {"input_ids", "attention_mask"}


def test_a_refused_file_is_one_line_and_no_artifact(
    artifact: Callable[..., Path], tmp_path: Path, told: dict[str, Any]
) -> None:
    told["refused"] = True
    with pytest.raises(ExportError, match=r"TensorRT 10\.13\.2 cannot build .*model\.onnx: no kernel for this"):
        exported("tensorrt-fp16", artifact, tmp_path / "engine")
    assert not (tmp_path / "engine" / "manifest.json").exists()
