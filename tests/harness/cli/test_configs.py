"""A study by its file, or by its name where it ships; and what a misspelt one may have been."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli.configs import SHIPPED, find_config
from harness.errors import UserError


def test_a_file_comes_before_what_ships_under_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_config(Path("quickstart")) == SHIPPED / "quickstart.yaml"
    assert find_config(Path("paper/published")) == SHIPPED / "paper" / "published.yaml"
    (tmp_path / "quickstart").write_text("")
    assert find_config(Path("quickstart")) == Path("quickstart")


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("quickstrt", "did you mean quickstart?"),
        ("quickstrt.yaml", "did you mean quickstart?"),
        ("configs/quickstrt.yaml", "did you mean quickstart?"),
        ("paper", "did you mean paper/one-recipe or paper/published?"),
        ("paper/publishd", "did you mean paper/published?"),
        ("configs/paper.yaml", "did you mean paper/one-recipe or paper/published?"),
        ("stduy.yaml", "did you mean study.yaml?"),
        ("study", "did you mean study.yaml?"),
        ("nothing-of-the-kind", "`scalemodel list configs` names those that ship"),
    ],
)
def test_a_misspelt_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, hint: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.yaml").write_text("")
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(UserError) as caught:
        find_config(Path(given))
    assert str(caught.value) == f"{given}: no such config file; {hint}"


def test_a_misspelt_file_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text("")
    with pytest.raises(UserError, match=rf"did you mean {tmp_path}/mine\.yml\?"):
        find_config(tmp_path / "min.yml")
