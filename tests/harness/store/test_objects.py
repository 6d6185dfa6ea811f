"""A bucket holds whole steps, the same for all who share it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from harness.errors import UserError
from harness.store.inventory import kept_steps
from harness.store.objects import folder_of
from harness.store.step import Step, StepInputs
from harness.store.steps import Store
from tests.s3 import BUCKET, machine, needs_s3

pytestmark = needs_s3

STEP = Step("outputs", "k" * 32, "a title", "a group", {"task": "t"}, StepInputs(), StepInputs())


def make(store: Store, content: str, *, large: bool = False) -> str:
    """What the store has of the step in the end; a large one goes to the server in parts."""
    folder = store.begin(STEP)
    if large:
        (folder / "large").write_bytes(bytes(110 << 20))
    (folder / "deep").mkdir()
    (folder / "deep" / "file").write_text(content)
    return (store.commit(STEP, folder) / "deep" / "file").read_text()


def test_another_machine_has_what_one_has_made(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = (machine(bucket, tmp_path / name, monkeypatch) for name in ("one", "two"))
    assert one.root != two.root
    assert not two.has(STEP.kind, STEP.key) and not two.holds(STEP.kind, STEP.key)
    assert make(one, "first") == "first"
    assert two.holds(STEP.kind, STEP.key)
    two.forget(STEP.key)
    assert two.has(STEP.kind, STEP.key)
    assert (two.path(STEP.kind, STEP.key) / "deep" / "file").read_text() == "first"
    assert not list((two.steps / ".unfinished").iterdir())


@pytest.mark.parametrize("large", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_of_two_who_make_a_step_both_have_the_first(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: bool
) -> None:
    one, two = (machine(bucket, tmp_path / name, monkeypatch) for name in ("one", "two"))
    assert make(one, "first", large=large) == "first"
    assert make(two, "second", large=large) == "first"
    assert not list((two.steps / ".unfinished").iterdir())


@pytest.mark.parametrize("damage", ["bytes", "short", "nothing"])
def test_a_damaged_object_is_removed_and_made_again(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    import s3fs

    make(machine(bucket, tmp_path / "one", monkeypatch), "first")
    files = s3fs.S3FileSystem(use_listings_cache=False)
    made = f"{bucket}/steps/outputs/{STEP.key}.tar"
    packed = files.cat_file(made)
    assert packed.count(b"first") == 1
    damaged = {"bytes": packed.replace(b"first", b"fisrt"), "short": packed[:700], "nothing": b""}[damage]
    files.pipe_file(made, damaged)
    two = machine(bucket, tmp_path / "two", monkeypatch)
    assert not two.has(STEP.kind, STEP.key)
    assert not files.exists(made)
    files.pipe_file(made, damaged)  # by the time that it is made
    assert make(two, "again") == "again"
    three = machine(bucket, tmp_path / "three", monkeypatch)
    assert three.has(STEP.kind, STEP.key)
    assert (three.path(STEP.kind, STEP.key) / "deep" / "file").read_text() == "again"


def test_what_a_bucket_has_lost_is_put_there_again(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import s3fs

    one, two = (machine(bucket, tmp_path / name, monkeypatch) for name in ("one", "two"))
    make(one, "first")
    s3fs.S3FileSystem(use_listings_cache=False).rm(bucket, recursive=True)
    two.put_again([STEP])
    assert not two.holds(STEP.kind, STEP.key)
    one.put_again([STEP])
    assert two.has(STEP.kind, STEP.key)
    assert (two.path(STEP.kind, STEP.key) / "deep" / "file").read_text() == "first"
    assert [step.key for step in kept_steps(one)] == [STEP.key] and not list((one.steps / ".unfinished").iterdir())


def test_runs_are_shared(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = (machine(bucket, tmp_path / name, monkeypatch) for name in ("one", "two"))
    run = one.root / "study-1234"
    run.mkdir()
    for content in ("old", "new"):
        (run / "results.json").write_text(content)
        one.keep_run(run)
    two.fetch_runs()
    assert (two.root / run.name / "results.json").read_text() == "new"
    assert not list(one.root.rglob("*.tar")) and not list((one.steps / ".unfinished").iterdir())


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("s3://", "give a folder or s3://BUCKET/PREFIX"),
        ("gs://shared/prefix", "give a folder or s3://BUCKET/PREFIX"),
        ("s3://elsewhere/prefix", "there is no bucket elsewhere"),
    ],
)
def test_a_url_that_will_not_do(bucket: str, url: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        folder_of(url)


def test_no_credentials(bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(UserError, match="credentials"):
        folder_of(bucket)


def test_no_server(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    with pytest.raises(UserError, match="AWS_ENDPOINT_URL"):
        folder_of(bucket)


def test_no_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(UserError, match=r"pip install 'scalemodel\[s3\]'"):
        folder_of(f"s3://{BUCKET}")
