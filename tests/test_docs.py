"""What the documentation names exists: pages and headings, files, modules, targets of make, commands and options."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from harness.cli.main import app

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
PRESENT = [page for page in PAGES if page.name != "CHANGELOG.md"]  # that one tells of what was
INDEXES = [ROOT / "README.md", ROOT / "docs" / "results" / "README.md"]
PACKAGES = "harness|exporters|backends|benchmarks|tests|tools"


def prose(page: Path) -> str:
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def code(page: Path) -> list[str]:
    """Blocks of code, and what stands between backticks, without comments."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)
    spans = re.findall(r"`([^`]+)`", prose(page))
    return [re.sub(r"#.*", "", part) for part in (*blocks, *spans)]


def written_by_the_reader(page: Path) -> list[str]:
    return re.findall(r"[Tt]he file, `([^`]+)`:$", prose(page), flags=re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """As GitHub makes them: lower case, punctuation dropped, blanks to hyphens."""
    headings = re.findall(r"^#+ (.*)$", prose(page), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


every_page = pytest.mark.parametrize("page", PRESENT, ids=lambda page: str(page.relative_to(ROOT)))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if link.startswith("https://"):
            continue
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), f"{page.name}: {link}"
        assert not anchor or anchor in anchors(target), f"{page.name}: {link}"


def test_the_readme_names_every_page() -> None:
    """Pages of studies are named by their index, which the README names."""
    named = {
        (index.parent / link).resolve() for index in INDEXES for link in re.findall(r"\]\(([^)\s#]+)", prose(index))
    }
    assert set(PAGES) - named <= {INDEXES[0]}


def test_the_readme_is_read_in_minutes() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 110


@every_page
def test_files_are_there(page: Path) -> None:
    for part in code(page):
        for path in re.findall(rf"(?<![\w./-])((?:{PACKAGES}|configs|constraints|docs)/[\w./-]*\w/?)", part):
            assert path in written_by_the_reader(page) or (ROOT / path).exists(), f"{page.name}: {path}"


def test_files_that_stand_behind_their_folder_are_there() -> None:
    """In the table of what has run where: `runner.py` after `backends/tensorrt/backend.py`."""
    for row in (ROOT / "docs" / "gpu-status.md").read_text(encoding="utf-8").splitlines():
        folder = ROOT
        for name in re.findall(r"`([\w/]+\.py)`", row):
            path = ROOT / name if "/" in name else folder / name
            assert path.is_file(), name
            folder = path.parent


@every_page
def test_modules_and_what_is_in_them_are_there(page: Path) -> None:
    for part in code(page):
        names = re.findall(rf"(?<![\w./-])((?:{PACKAGES})(?:\.\w+)+)(?![\w/])", part)
        for module, imported in re.findall(rf"^from ((?:{PACKAGES})[\w.]*) import ([\w, ]+)", part, re.MULTILINE):
            names.extend(f"{module}.{name.split()[0]}" for name in imported.split(","))
        for name in names:
            path = name.replace(".", "/")
            written = any(f"{path}/".startswith(f"{file.removesuffix('.py')}/") for file in written_by_the_reader(page))
            assert written or name.endswith(".md") or is_there(name), f"{page.name}: {name}"


def is_there(name: str) -> bool:
    """Whether ``name`` is a module, or a word in the file of the longest module that it begins with."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        module = ROOT.joinpath(*parts[:end])
        for file in (module.with_suffix(".py"), module / "__init__.py"):
            if file.is_file():
                return end == len(parts) or re.search(rf"\b{parts[end]}\b", file.read_text()) is not None
    return False


@every_page
def test_targets_of_make_are_there(page: Path) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    for part in code(page):
        for target in re.findall(r"^make ([a-z-]+)", part, flags=re.MULTILINE):
            assert target in targets, f"{page.name}: make {target}"


@every_page
def test_commands_and_their_options_are_there(page: Path) -> None:
    for part in code(page):
        for line in re.findall(r"^(?:\$ )?scalemodel ([a-z][a-z-]*(?: .*)?)$", part, flags=re.MULTILINE):
            words = re.split(r"\s+", line)
            command = typer.main.get_command(app)
            while commands := getattr(command, "commands", None):
                assert words and words[0] in commands, f"{page.name}: scalemodel {line}"
                command = commands[words.pop(0)]
            options = {option for parameter in command.params for option in parameter.opts}
            given = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
            assert given <= options | {"--help"}, f"{page.name}: scalemodel {line}"
