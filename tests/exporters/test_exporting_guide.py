"""The Python examples of docs/exporting.md run, from top to bottom, in a folder with a checkpoint."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from transformers import PreTrainedModel

from exporters.onnx.graph import read_model

GUIDE = Path(__file__).parents[2] / "docs" / "exporting.md"


@pytest.mark.skipif(not hasattr(PreTrainedModel, "prune_heads"), reason="transformers 5 prunes no heads")
def test_examples_run(tmp_path, monkeypatch, checkpoints, capsys):
    (tmp_path / "checkpoint").symlink_to(checkpoints["bert-qa"])
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL)
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(GUIDE), "exec"), names)
    printed = capsys.readouterr().out.splitlines()
    assert printed[1] == "['start_logits', 'end_logits', 'representation']"
    assert "'task': 'question-answering'" in printed[2]
    assert "'Attention': 2" in printed[3]
    assert "'overflow': 0" in printed[4]
    assert printed[5] == "[[], [], [], []]"
    assert re.fullmatch(r"\{0: \[[01]\], 1: \[[01]\]\}", printed[6])
    assert printed[8] == "77"
    assert "encoder/layer." in printed[9]
    assert printed[10].endswith("[]")
    assert printed[11].endswith("[]")
    by_hand, exported = (read_model(tmp_path / "artifacts" / name) for name in ("by-hand", "onnx-int8-static"))
    assert by_hand.graph == exported.graph
    assert printed[-1].endswith("True")
