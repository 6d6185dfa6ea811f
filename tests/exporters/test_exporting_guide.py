"""The Python examples of docs/exporting.md run, from top to bottom, in a folder with a checkpoint."""

from __future__ import annotations

import re
from pathlib import Path

GUIDE = Path(__file__).parents[2] / "docs" / "exporting.md"


def test_examples_run(tmp_path, monkeypatch, checkpoints, capsys):
    (tmp_path / "checkpoint").symlink_to(checkpoints["bert-qa"])
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert len(blocks) == 4
    names: dict[str, object] = {}
    for block in blocks:
        exec(compile(block, str(GUIDE), "exec"), names)
    printed = capsys.readouterr().out.splitlines()
    assert printed[1] == "['start_logits', 'end_logits', 'representation']"
    assert printed[3] == "77"
    assert printed[4].startswith("bert/encoder/layer.")
    assert printed[5].endswith("[]")
    assert printed[6].endswith("True")
