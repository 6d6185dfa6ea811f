"""Which settings a search may try: sessions that each hold their own weights have to fit into memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.steps import tuning

SIZE = 1000


def _fits(folder: Path, backend: str, sessions: int, threads: int) -> bool:
    (folder / "model.onnx").write_bytes(bytes(SIZE))
    options = {"backend": backend, "format": "onnx-fp32", "task": "text-classification", "backend_options": {}}
    return tuning._fits(sessions, threads, folder, options)


@pytest.mark.parametrize(
    ("sessions", "threads", "fits"),
    [
        (1, 4, True),  # what the study asks for is always tried
        (2, 2, True),  # 2 sessions x 2 copies x 1000 bytes: half of 8000
        (3, 2, False),
        (4, 1, True),  # one session serves all callers
    ],
)
def test_sessions_with_their_own_weights_stay_within_half_of_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sessions: int, threads: int, fits: bool
) -> None:
    monkeypatch.setattr(tuning, "usable_memory", lambda: 8 * SIZE)
    assert _fits(tmp_path, "onnxruntime-cpu", sessions, threads) is fits


def test_openvino_loads_the_weights_for_every_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuning, "usable_memory", lambda: 8 * SIZE)
    assert _fits(tmp_path, "openvino-cpu", 2, 1) and not _fits(tmp_path, "openvino-cpu", 4, 1)
