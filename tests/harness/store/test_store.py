"""Steps are whole or not there; a damaged one is made again; one run holds the store."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field

from harness.config.load import load_study
from harness.config.strict import Strict
from harness.errors import UserError
from harness.store.atomic import write_json
from harness.store.run_folder import RunFolder
from harness.store.step import LOCATION, Step, StepInputs, StepRef, key_of, keyed
from harness.store.steps import Store


class Options(Strict):
    source: Annotated[Path, LOCATION]
    threads: int


class Inputs(StepInputs):
    one: StepRef
    none: StepRef | None = None
    several: tuple[StepRef, ...] = ()
    named: dict[str, tuple[StepRef, ...]] = Field(default={})


REFS = [StepRef(kind="artifact", key=key) for key in "abcd"]
STEP = Step(
    "outputs",
    "k" * 32,
    "a title",
    "a group",
    {"task": "t"},
    Options(source=Path("here"), threads=1),
    Inputs(one=REFS[0], several=(REFS[1],), named={"x": (REFS[2], REFS[3])}),
)


def made(store: Store) -> Path:
    folder = store.begin(STEP)
    (folder / "deep").mkdir()
    (folder / "deep" / "file.bin").write_bytes(b"12345")
    return store.commit(STEP, folder)


def test_a_step_knows_all_that_it_needs() -> None:
    assert STEP.inputs.refs == REFS


def test_where_something_lies_is_no_part_of_a_key() -> None:
    assert keyed(STEP.options) == {"threads": 1}
    assert '"source": "here"' in STEP.to_json()


def test_a_step_is_there_only_when_committed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    folder = store.begin(STEP)
    (folder / "file").write_text("half")
    assert not Store(tmp_path).has(STEP.kind, STEP.key)
    made(store)
    assert Store(tmp_path).has(STEP.kind, STEP.key)


@pytest.mark.parametrize("damage", ["change", "shorten", "remove", "record", "no record"])
def test_a_damaged_step_is_not_there(tmp_path: Path, damage: str) -> None:
    folder = made(Store(tmp_path))
    file, record = folder / "deep" / "file.bin", folder / "step.json"
    match damage:
        case "change":
            file.write_bytes(b"12346")
        case "shorten":
            file.write_bytes(b"123")
        case "remove":
            file.unlink()
        case "record":
            record.write_text(record.read_text()[:-20])
        case "no record":
            record.unlink()
    store = Store(tmp_path)
    assert not store.has(STEP.kind, STEP.key)
    made(store)
    assert Store(tmp_path).has(STEP.kind, STEP.key)


def test_the_work_of_a_long_step_goes_when_it_is_whole(tmp_path: Path) -> None:
    store = Store(tmp_path)
    (store.work(STEP.key) / "checkpoint").write_text("x")
    work = store.work(STEP.key)
    made(store)
    assert not work.exists()


HOLD = """
import sys
from pathlib import Path
from harness.store.steps import Store
with getattr(Store(Path(sys.argv[1])), sys.argv[2])():
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_by_another(root: Path, how: str = "shared") -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", HOLD, str(root), how]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        try:
            yield other
        finally:
            other.kill()


@pytest.mark.parametrize(("one", "other"), [("alone", "shared"), ("shared", "alone"), ("alone", "alone")])
def test_what_removes_from_a_store_has_it_alone(tmp_path: Path, one: str, other: str) -> None:
    with (
        held_by_another(tmp_path, one),
        pytest.raises(UserError, match="in use by another run"),
        getattr(Store(tmp_path), other)(),
    ):
        pass
    with getattr(Store(tmp_path), other)():  # the other has let go
        pass


def test_runs_share_a_store_and_each_step_is_made_by_one(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with held_by_another(tmp_path), store.shared(), store.making(STEP):
        looks = iter(range(2))

        def give_up_at_the_second_look() -> None:
            if next(looks):
                raise TimeoutError

        with pytest.raises(TimeoutError), Store(tmp_path).making(STEP, give_up_at_the_second_look):
            raise AssertionError("two make one step")
        with store.making(replace(STEP, key="another")):
            pass


def test_what_another_run_has_made_meanwhile_is_not_made_again(tmp_path: Path) -> None:
    one, other = Store(tmp_path), Store(tmp_path)
    assert not one.has(STEP.kind, STEP.key)
    with other.making(STEP) as missing:
        assert missing
        other.commit(STEP, other.begin(STEP))
    with one.making(STEP) as missing:
        assert not missing


def test_a_killed_run_lets_go_and_its_leftovers_are_swept(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.making(STEP):
        store.begin(STEP)
        with Store(tmp_path).shared():
            assert store.unfinished(STEP.key).exists()  # somebody is at work there
    with Store(tmp_path).shared():
        assert not store.unfinished(STEP.key).exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes anywhere")
def test_a_store_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="cannot be written"), Store(tmp_path / "store").shared():
        pass


def test_a_store_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("")
    with pytest.raises(UserError, match="cannot be written"), Store(tmp_path / "store").shared():
        pass


def test_keys_depend_on_values_and_not_on_order() -> None:
    assert key_of({"a": 1, "b": [1, 2]}) == key_of({"b": [1, 2], "a": 1})
    assert key_of({"a": 1}) != key_of({"a": 2}) != key_of({"a": "2"})


CONFIG = """
study: small
formats: [onnx-fp32]
tasks:
  question-answering:
    reference: big
    models: {big: {checkpoint: {random: bert-tiny}}}
    data: {train: {embedded: train, size: 8}, evaluation: {embedded: evaluation, size: 8}}
"""


def test_a_run_folder_of_another_config_or_format_is_refused(tmp_path: Path) -> None:
    config = tmp_path / "study.yaml"
    config.write_text(CONFIG)
    study, other = load_study(config), load_study(config, ["seed=1"])
    folder = tmp_path / "run"
    with (
        RunFolder.of(study, tmp_path, folder).opened(study),
        pytest.raises(UserError, match=rf"in use by another run \(process {os.getpid()}\)"),
        RunFolder.of(study, tmp_path, folder).opened(study),
    ):
        pass
    RunFolder.of(study, tmp_path, folder)
    with pytest.raises(UserError, match="another config"):
        RunFolder.of(other, tmp_path, folder)
    write_json(folder / "config.json", {"version": 0, "study": {}})
    with pytest.raises(UserError, match="format 0"):
        RunFolder.of(study, tmp_path, folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(UserError, match="cannot be read"):
        RunFolder.of(study, tmp_path, folder)
    (folder / "config.json").unlink()
    (folder / "thesis.tex").write_text("precious")
    with pytest.raises(UserError, match="not a run"):
        RunFolder.of(study, tmp_path, folder)
    assert (folder / "thesis.tex").read_text() == "precious"


def test_studies_that_differ_have_folders_that_differ(tmp_path: Path) -> None:
    config = tmp_path / "study.yaml"
    config.write_text(CONFIG)
    names = {RunFolder.of(load_study(config, [f"seed={seed}"]), tmp_path).path.name for seed in range(3)}
    assert len(names) == 3 and all(name.startswith("small-") for name in names)
