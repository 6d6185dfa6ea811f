"""What no run needs of a bucket is told and removed, and nothing while anybody uses it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from harness.cli.bucket_content import list_content, prune_bucket, tell_size
from harness.errors import UserError
from harness.store import leases
from harness.store.bucket_content import bucket_runs, bucket_steps
from harness.store.leases import leased
from harness.store.objects import Objects
from harness.store.step import Step, StepInputs
from harness.store.steps import Store
from tests.s3 import machine, needs_s3

pytestmark = needs_s3


@pytest.fixture
def store(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    store = machine(bucket, tmp_path / "cache", monkeypatch)
    for key in "abcd":
        step = Step("outputs", key, f"make {key}", "a group", {"task": "t"}, StepInputs(), StepInputs())
        folder = store.begin(step)
        (folder / "file").write_bytes(bytes(1000))
        store.commit(step, folder)
    return store


def objects(store: Store) -> Objects:
    assert store.objects is not None
    return store.objects


def ran(store: Store, folder: Path, *needs: str, finished: bool = True) -> Path:
    """A run that needs some steps."""
    stages = {"outputs": [{"kind": "outputs", "key": key, "title": ""} for key in needs]}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plan.json").write_text(json.dumps({"stages": stages | ({"comparisons": []} if finished else {})}))
    store.keep_plan(folder)
    if finished:
        store.keep_run(folder)
    return folder


def pruned(store: Store) -> str:
    prune_bucket(store.root, objects(store), remove=True)
    return "".join(step.key for step in bucket_steps(objects(store)))


def test_what_any_run_needs_stays_wherever_its_folder_is(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran(store, store.root / "finished-1234", "a")
    ran(store, store.root / "begun-1234", "b", finished=False)
    ran(store, tmp_path / "elsewhere", "c")
    assert {(run.name.split("-")[0], run.finished) for run in bucket_runs(objects(store))} == {
        ("finished", True),
        ("begun", False),
        ("elsewhere", True),
    }
    prune_bucket(store.root, objects(store), remove=False)
    told = capsys.readouterr()
    assert told.out.startswith("would remove 1 step of outputs, ") and "nothing was removed" in told.err
    assert len(bucket_steps(objects(store))) == 4
    assert pruned(store) == "abc"
    assert "freed " in capsys.readouterr().err
    assert pruned(store) == "abc" and "nothing to remove" in capsys.readouterr().err
    objects(store).delete(["runs/finished-1234.json", "runs/finished-1234.tar"])
    assert pruned(store) == "bc"
    assert not objects(store).listed("leases")


@pytest.mark.parametrize("plan", ["", "[]", '{"stages": {"outputs": [1]}}', None])
def test_a_run_that_does_not_say_what_it_needs_stops_everything(store: Store, plan: str | None) -> None:
    ran(store, store.root / "one-1234", "a")
    if plan is None:
        objects(store).delete(["runs/one-1234.json"])
    else:
        objects(store).write("runs/one-1234.json", plan)
    with pytest.raises(UserError, match=r"one-1234.json: does not say .* remove all that is called runs/one-1234\.\*"):
        pruned(store)
    assert len(bucket_steps(objects(store))) == 4
    list_content(objects(store))


def test_it_is_listed_and_measured(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    ran(store, store.root / "one-1234", "a")
    list_content(objects(store))
    kinds, runs = capsys.readouterr().out.split("\n\n")
    (step,) = {listed.bytes for name, listed in objects(store).listed("steps").items()}
    every = f"{4 * step / 1000:.1f} kB"
    assert kinds.splitlines()[1].split() == ["outputs", "4", *every.split()]
    assert kinds.splitlines()[2].split() == ["all", "4", *every.split()]
    assert runs.splitlines()[1].startswith("one-1234 ") and runs.splitlines()[1].endswith("  finished")
    tell_size(objects(store), store.root)
    parts = dict(line.rsplit("  ", 1) for line in capsys.readouterr().out.splitlines()[:3])
    assert {name.strip() for name in parts} == {"steps", "runs", "together"}


def test_a_prefix_without_steps_is_a_line(store: Store) -> None:
    other = Objects(f"{objects(store).url}/other")
    other.write("notes.txt", "of somebody")
    for command in (
        list_content,
        lambda there: tell_size(there, store.root),
        lambda there: prune_bucket(store.root, there, remove=True),
    ):
        with pytest.raises(UserError, match="other: is no store"):
            command(other)


def test_runs_share_a_bucket_and_who_removes_has_it_alone(
    store: Store, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = machine(bucket, tmp_path / "other", monkeypatch)
    third = machine(bucket, tmp_path / "third", monkeypatch)
    told = "in use by a run, or was until that was killed less than 15 minutes ago"
    with store.shared(), other.shared(), pytest.raises(UserError, match=told):
        pruned(third)
    with store.alone(), pytest.raises(UserError, match="something is being removed from it"), other.shared():
        pass
    with store.alone(), pytest.raises(UserError, match="in use"), other.alone():
        pass
    assert not objects(store).listed("leases")
    assert len(bucket_steps(objects(store))) == 4


def test_what_a_killed_run_held_is_void_in_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    objects(store).write("leases/shared-killed", "")
    with pytest.raises(UserError, match="in use by a run"):
        pruned(store)
    monkeypatch.setattr(leases, "SECONDS_VALID", 0)
    assert pruned(store) == "" and not objects(store).listed("leases")


def test_a_lease_is_renewed_as_long_as_it_is_held(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "SECONDS_BETWEEN", 0.01)
    with leased(objects(store), shared=True):
        (own,) = objects(store).listed("leases")
        objects(store).delete([own])
        while own not in objects(store).listed("leases"):
            time.sleep(0.01)
    assert not objects(store).listed("leases")


def test_a_folder_whose_first_object_comes_while_it_is_listed_is_empty(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects(store).write("leases/shared-meanwhile", "")

    async def before_it_came(*_: object, **__: object) -> list[dict[str, object]]:
        return []

    monkeypatch.setattr("s3fs.S3FileSystem._lsdir", before_it_came)
    assert objects(store).listed("leases") == {}
