"""TensorRT engines as far as they go without a GPU: shapes, the timing cache's name, and what is said where it ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from exporters import tensorrt_engine
from exporters.errors import ExportError
from exporters.export import export
from exporters.formats import FORMATS
from exporters.tensorrt_engine import TOKENS, Profile, missing, profiles, timing_cache


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


def test_the_profiles_of_bert() -> None:
    assert profiles(512) == [
        Profile((1, 1), (1, 128), (1, 512)),
        Profile((1, 1), (64, 64), (64, 64)),
        Profile((1, 65), (32, 128), (32, 128)),
        Profile((1, 129), (16, 256), (16, 256)),
        Profile((1, 257), (8, 512), (8, 512)),
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
    monkeypatch.setattr(tensorrt_engine.importlib.util, "find_spec", lambda name: None)
    assert "'tensorrt' is not installed" in (missing() or "")
    monkeypatch.setattr(tensorrt_engine.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(tensorrt_engine.metadata, "version", lambda name: "8.6.1")
    assert "TensorRT 8.6.1 is installed, needed is 10" in (missing() or "")
    monkeypatch.setattr(tensorrt_engine.metadata, "version", lambda name: "11.4.1.6")
    assert missing() is None
