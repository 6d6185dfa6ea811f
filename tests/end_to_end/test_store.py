"""`store`: what it holds and takes, and what goes when no run needs it any more; and what a study will take."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.end_to_end.driver import scalemodel, started

OTHER = "tasks.question-answering.characteristics.distribution.k=7"


@pytest.fixture(scope="module")
def roots(config: Path, store: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A store with the run of the small study, and the folder of another run of it, which lies elsewhere."""
    root = tmp_path_factory.mktemp("two")
    shutil.copytree(store, root / "runs")
    other = scalemodel("run", config, "--set", OTHER, "--store", root / "runs", "--output", root / "other", "--quiet")
    assert other.returncode == 0, other.stderr
    return root / "runs", root / "other"


def test_it_is_listed_and_measured(roots: tuple[Path, Path]) -> None:
    store, other = roots
    listed = started("store", "list", "--store", store)
    assert listed.returncode == 0 and listed.stderr == ""
    assert re.search(r"^artifact +6 +\d+\.\d MB$", listed.stdout, re.MULTILINE)
    assert re.search(r"^compare_data_distribution +3 +\d+", listed.stdout, re.MULTILINE)
    steps, runs = (part.splitlines() for part in listed.stdout.split("\n\n"))
    assert steps[0].split() == ["kind", "of", "step", "steps", "size"] and steps[-1].startswith("all ")
    heading, first, second, together = runs
    assert heading.split() == ["run", "last", "changed", "size", "state"] and together.startswith("together")
    assert first.startswith(f"{store}/small-") and second.startswith(f"{other} ")
    assert first.endswith("finished") and second.endswith("finished")
    measured = scalemodel("store", "size", "--store", store).stdout
    assert re.search(r"^steps +\d+\.\d MB\nunfinished steps +0 bytes\nruns +\d.*\ntogether +\d.*\nfree +\d", measured)


def test_what_no_run_needs_is_told_and_then_removed(config: Path, roots: tuple[Path, Path], tmp_path: Path) -> None:
    """Nothing while both runs are there; with one of them its own comparison; and all with the other."""
    store, other = tmp_path / "runs", tmp_path / "other"
    shutil.copytree(roots[0], store, symlinks=True)
    shutil.copytree(roots[1], other)
    (link,) = (store / ".steps" / ".runs").iterdir()
    assert link.readlink() == roots[1]
    link.unlink()
    link.symlink_to(other)
    kept = scalemodel("store", "prune", "--yes", "--store", store)
    assert kept.returncode == 0 and "nothing to remove" in kept.stderr
    everything = sorted(store.rglob("*"))
    shutil.rmtree(other)
    told = scalemodel("store", "prune", "--store", store)
    assert told.returncode == 0, told.stderr
    assert re.search(r"^would remove 1 step of compare_data_distribution, \d", told.stdout)
    assert "nothing was removed" in told.stderr and sorted(store.rglob("*")) == everything
    removed = scalemodel("store", "prune", "--yes", "--store", store)
    assert removed.returncode == 0, removed.stderr
    assert removed.stdout.startswith("removing 1 step of compare_data_distribution")

    (run,) = store.glob("small-*")
    before = (run / "results.json").read_bytes()
    again = scalemodel("run", config, "--store", store)
    assert again.returncode == 0, again.stderr
    stages = [line for line in again.stderr.splitlines() if " to do" in line]
    assert len(stages) > 8 and all(": 0 steps to do" in line for line in stages)
    assert (run / "results.json").read_bytes() == before

    shutil.rmtree(run)
    assert scalemodel("store", "prune", "--yes", "--store", store).returncode == 0
    assert [*store.glob(".steps/[a-z]*/*")] == []


@pytest.mark.parametrize("command", ["list", "size", "prune"])
def test_what_is_no_store_is_a_line(tmp_path: Path, roots: tuple[Path, Path], command: str) -> None:
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / ".steps").symlink_to(roots[0] / ".steps")
    for name, reason in (("none", "is no store"), ("linked", "is a link; name the store that it leads to")):
        done = scalemodel("store", command, "--store", tmp_path / name)
        assert done.returncode == 2 and done.stdout == ""
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"scalemodel: {tmp_path / name}") and reason in line


def test_what_is_ahead(config: Path, store: Path, tmp_path: Path) -> None:
    """Of a study that is done, of one that is new in part, and of one like which nothing has been done."""

    def ahead(*arguments: str | Path) -> str:
        done = scalemodel("validate", config, *arguments)
        assert done.returncode == 0, done.stderr
        (line,) = [line for line in done.stdout.splitlines() if line.startswith("ahead: ")]
        return line

    done = re.fullmatch(r"ahead: (\d+) steps, (\d+) done already", ahead("--store", store))
    assert done is not None and done[1] == done[2]
    changed = ahead("--store", store, "--set", "threads=1")
    told = re.fullmatch(
        r"ahead: (\d+) steps, (\d+) done already; about \d+ (s|min), going by \d+ steps in \S+; about \d+\.\d [kM]B "
        r"of disk \(\d.* free\); comparisons come on top",
        changed,
    )
    assert told is not None and told[1] == done[1] and 0 < int(told[2]) < int(told[1]), changed
    none = ahead("--store", tmp_path / "none")
    assert "how long they take is not known yet" in none and "an unknown amount of disk" in none
    assert not (tmp_path / "none").exists()
