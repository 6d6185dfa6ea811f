"""What no run needs goes, whole or not at all; what any run needs stays, and so does all that is not the store's."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.store.inventory import freed_with, kept_steps, size_of
from harness.store.known_runs import known_runs
from harness.store.prune import prune, superfluous
from harness.store.step import Step, StepInputs, StepSubject
from harness.store.steps import Store
from harness.store.typical import Typical


def made(store: Store, key: str, kind: str = "outputs", size: int = 100, seconds: float | None = None) -> Path:
    step = Step(kind, key, f"make {key}", "a group", {"task": "t", "model": key}, StepInputs(), StepInputs())
    folder = store.begin(step)
    (folder / "deep").mkdir()
    for name in ("one.bin", "deep/two.bin", "deep/three.bin"):
        (folder / name).write_bytes(bytes(size))
    return store.commit(step, folder, seconds=seconds)


def begun(folder: Path, *needs: str, compared: bool = True, did: tuple[str, ...] = ()) -> Path:
    """A run's folder, which planned some steps, and at some time did others."""
    stages = {"outputs": [{"kind": "outputs", "key": key, "title": ""} for key in needs]}
    if compared:
        stages["comparisons"] = []
    (folder / "steps").mkdir(parents=True)
    (folder / "plan.json").write_text(json.dumps({"version": 3, "stages": stages}))
    (folder / "config.json").write_text('{"version": 1, "study": {}}')
    for key in did:
        (folder / "steps" / f"outputs-{key}.json").write_text(json.dumps({"key": key}))
    return folder


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "runs")
    for key in "abcd":
        made(store, key)
    return store


def keys(store: Store) -> str:
    return "".join(step.key for step in kept_steps(store))


def unneeded(store: Store) -> str:
    return "".join(step.key for step in superfluous(store).steps)


def pruned(store: Store) -> str:
    with store.alone():
        prune(store, superfluous(store))
    return keys(store)


def test_a_folder_that_is_no_run_is_none(store: Store) -> None:
    """A checkpoint, that somebody keeps there, has a config.json as well."""
    for name, content in (("checkpoint", '{"model_type": "bert"}'), ("list", "[]"), ("half", "{"), ("other", None)):
        (store.root / name).mkdir()
        if content is not None:
            (store.root / name / "config.json").write_text(content)
    assert known_runs(store) == [] and unneeded(store) == "abcd"


def test_what_a_run_planned_stays(store: Store) -> None:
    begun(store.root / "one", "a")
    begun(store.root / "two", "c", "not there yet")
    assert unneeded(store) == "bd" and keys(store) == "abcd"
    assert pruned(store) == "ac"
    assert all(Store(store.root).has("outputs", key) for key in "ac")


def test_until_its_comparisons_are_planned_all_that_a_run_did_stays(store: Store) -> None:
    run = begun(store.root / "one", "a", compared=False, did=("b",))
    assert unneeded(store) == "cd"
    shutil.rmtree(run)
    begun(store.root / "one", "a", did=("b",))
    assert unneeded(store) == "bcd"


def test_a_run_whose_folder_is_elsewhere_is_known(store: Store, tmp_path: Path) -> None:
    run = begun(tmp_path / "disk" / "elsewhere", "b")
    store.remember(run)
    store.remember(run)
    store.remember(begun(store.root / "here", "a"))
    assert {known.path.name for known in known_runs(store)} == {"here", "elsewhere"}
    assert unneeded(store) == "cd"
    run.parent.rename(tmp_path / "unplugged")
    with pytest.raises(UserError, match="disk/elsewhere: the folder of a run that uses this store cannot be reached"):
        superfluous(store)
    (tmp_path / "unplugged").rename(run.parent)
    assert pruned(store) == "ab"
    shutil.rmtree(run)
    assert pruned(store) == "a"


@pytest.mark.parametrize("content", [None, "", "[]", '{"stages": {"outputs": [1]}}'])
def test_a_run_that_does_not_say_what_it_needs_stops_everything(store: Store, content: str | None) -> None:
    plan = begun(store.root / "one", "a") / "plan.json"
    plan.unlink() if content is None else plan.write_text(content)
    with pytest.raises(UserError, match=r"one/plan.json: does not say which steps the run needs"):
        pruned(store)
    assert keys(store) == "abcd"


def test_what_long_steps_left_to_resume_from_goes_with_their_runs(store: Store) -> None:
    for key in ("a", "z"):
        (store.work(key) / "checkpoint").write_bytes(bytes(10))
    begun(store.root / "one", "a")
    pruned(store)
    assert [path.name for path in (store.steps / ".work").iterdir()] == ["a"]


def test_no_link_is_followed(store: Store, tmp_path: Path) -> None:
    other = Store(tmp_path / "other")
    precious = made(other, "p")
    before = sorted(other.root.rglob("*"))
    (store.steps / "outputs" / "e").symlink_to(precious)
    (store.steps / "artifact").symlink_to(other.steps / "outputs")
    (store.steps / ".work").symlink_to(other.steps / "outputs")
    (store.path("outputs", "a") / "link").symlink_to(precious)
    begun(store.root / "one", "b")
    assert unneeded(store) == "acde" and pruned(store) == "b"
    assert sorted(other.root.rglob("*")) == before


def test_sizes_count_what_has_two_names_once_and_free_only_the_last(store: Store) -> None:
    shared, folder = store.root / "one.bin", store.path("outputs", "a")
    alone = size_of(folder)
    assert alone == 300 + (folder / "step.json").stat().st_size == freed_with([folder])
    shared.hardlink_to(folder / "one.bin")
    assert size_of(folder) == alone == size_of(folder, shared)
    assert freed_with([folder]) == alone - 100 and freed_with([folder, shared]) == alone


KILLED = """
import os, signal, sys
from pathlib import Path
from harness.store.prune import prune, superfluous
from harness.store.steps import Store

left = int(sys.argv[2])

def watch(event, arguments):
    global left
    if event in ("os.remove", "os.rename", "os.rmdir"):
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

store = Store(Path(sys.argv[1]))
with store.alone():
    found = superfluous(store)
    sys.addaudithook(watch)
    prune(store, found)
"""


@pytest.mark.parametrize("moment", [0, 9, *(pytest.param(one, marks=pytest.mark.slow) for one in (3, 6, 12, 15, 18))])
def test_a_kill_leaves_no_step_in_part(store: Store, moment: int) -> None:
    """Before each kind of system call that removes or renames something, of the first steps and of later ones."""
    begun(store.root / "one", "b")
    killed = subprocess.run([sys.executable, "-c", KILLED, str(store.root), str(moment)])
    assert killed.returncode == -signal.SIGKILL
    assert "b" in keys(store)
    for step in kept_steps(store):
        assert Store(store.root).has(step.kind, step.key)
    assert pruned(store) == "b" and not list((store.steps / ".unfinished").glob("*"))


def test_how_long_a_step_took_is_kept_with_it(tmp_path: Path) -> None:
    store = Store(tmp_path)
    made(store, "a", seconds=2.5)
    made(store, "b")
    (made(store, "c", seconds=1) / "step.json").write_text('{"half')
    assert [(step.key, step.seconds) for step in kept_steps(store)] == [("a", 2.5), ("b", None), ("c", None)]


def test_the_most_alike_steps_are_asked_first() -> None:
    earlier = Typical()
    for model, format, seconds in (("large", "fp32", 100), ("large", "int8", 60), ("tiny", "fp32", 2)):
        earlier.add("outputs", {"task": "qa", "deployment": f"{model}/{format}@cpu"}, seconds)
    usual = Typical(earlier)

    def of(deployment: str, task: str = "qa") -> float | None:
        return usual.of("outputs", {"task": task, "deployment": deployment})

    assert of("large/int8@cpu") == 60 and of("large/fp16@cpu") == 80 and of("small/fp32@cpu") == 60
    assert of("small/fp32@cpu", task="sst") == 60 and usual.of("attack", {"task": "qa"}) is None
    usual.add("outputs", {"task": "qa", "deployment": "large/fp16@cpu"}, 7)  # of this run
    assert of("large/fp16@cpu") == 7 == of("large/bf16@cpu") and of("large/int8@cpu") == 60 and of("tiny/fp16@cpu") == 2


def test_steps_of_a_model_of_unlike_size_are_not_asked() -> None:
    usual = Typical()
    subject: StepSubject = {"task": "qa", "deployment": "large/fp32@cpu"}
    usual.add("outputs", subject, 7, weights=100)
    assert usual.of("outputs", subject, 490) == 7 == usual.of("outputs", subject, 21) == usual.of("outputs", subject)
    assert usual.of("outputs", subject, 500) is None and usual.of("outputs", subject, 20) is None
    usual.add("outputs", {"task": "qa", "deployment": "tiny/fp32@cpu"}, 1, weights=20)
    assert usual.of("outputs", subject, 20) == 1  # less alike, but of its size
