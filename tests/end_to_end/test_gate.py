"""A gate, as a pipeline meets it: exit statuses, files, and lines that say why."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.end_to_end.driver import scalemodel
from tests.harness.gate.gated_runs import FP16, NEAR, gated_run, policy

TOO_MANY = {"deployments": "bert-tiny/*", "limits": {"changed": "at most 5 %"}}
ABOVE_FLOOR = {"deployments": "bert-*", "limits": {"changed": "at most floor + 1 %"}}
UNDECIDED = {"deployments": NEAR, "limits": {"changed": "at most 10 %"}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gate")
    gated_run(folder / "run", processes=6)
    gated_run(folder / "broken", broken=True)
    return folder


def checked(folder: Path, *rules: dict[str, Any], run: str = "run", **settings: object) -> tuple[int, list[str]]:
    policy(folder / "policy.yaml", *rules, **settings)
    done = scalemodel("check", run, "--policy", "policy.yaml", cwd=folder)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def test_what_is_outside_stops_and_the_last_lines_say_why(folder: Path) -> None:
    status, lines = checked(folder, TOO_MANY)
    assert status == 4
    assert lines == [
        "fail: text-classification: bert-tiny/fp32: changed at most 5 %: is 46.0 % (95 %: 42.0 to 50.0)",
        "gate: failed: of 1 limit 1 failed",
    ]
    status, lines = checked(folder, ABOVE_FLOOR)
    assert status == 4 and lines[-1] == "gate: failed: of 2 limits 1 failed, 1 passed"
    assert lines[-2].startswith("fail: text-classification: bert-tiny/fp32: changed at most floor + 1 %: is 46.0 %, ")


def test_what_is_inside_passes(folder: Path) -> None:
    for limit in ("at most 5 %", "at most floor + 1 %"):
        status, lines = checked(folder, {"deployments": FP16, "limits": {"changed": limit}})
        assert (status, lines) == (0, ["gate: passed: of 1 limit 1 passed"])


def test_what_cannot_be_told_has_a_status_of_its_own_where_an_answer_is_wanted(folder: Path) -> None:
    status, lines = checked(folder, UNDECIDED)
    assert status == 5 and lines[-1] == "gate: cannot tell: of 1 limit 1 cannot tell"
    assert checked(folder, UNDECIDED, TOO_MANY)[0] == 4
    assert checked(folder, UNDECIDED, cannot_tell="warn")[0] == 0


def test_a_failed_deployment_stops(folder: Path) -> None:
    status, lines = checked(folder, {"deployments": "*fp16*", "limits": {"changed": "5 %"}}, run="broken")
    assert status == 4
    assert lines[0].startswith(
        "fail: text-classification: bert-medium/fp16: changed at most 5 %: the deployment failed: "
    )


def test_wrong_input_is_one_line_and_status_2(folder: Path) -> None:
    policy(folder / "wrong.yaml", {"limits": {"chnaged": "5 %"}})
    (folder / "old.json").write_text("{}")
    policy(folder / "policy.yaml", TOO_MANY)
    for arguments, told in (
        (["--policy", "wrong.yaml"], "wrong.yaml: rules.0.limits.chnaged: is no figure; did you mean 'changed'?"),
        (["--policy", "nothing.yaml"], "nothing.yaml: no such policy; `scalemodel policy init RUN` writes one"),
        ([], "run: its study has no gate; give --policy FILE"),
        (["--baseline", "old.json"], "--baseline old.json: is held against by a policy"),
        (["--policy", "policy.yaml", "--baseline", "old.json"], "old.json: is no baseline of version 1: version: "),
        (["--policy", "policy.yaml", "--baseline", "none.json"], "none.json: no such baseline"),
        (["--policy", "policy.yaml", "--junit", "none/a.xml"], "none/a.xml: cannot be written"),
    ):
        done = scalemodel("check", "run", *arguments, cwd=folder)
        assert done.returncode == 2, done.stdout
        (line,) = done.stderr.splitlines()
        assert line.startswith("scalemodel: ") and told in line


def test_a_policy_and_a_baseline_made_from_a_run_are_taken(folder: Path) -> None:
    (folder / "first.yaml").write_text(scalemodel("policy", "init", "run", cwd=folder).stdout)
    (folder / "baseline.json").write_text(scalemodel("baseline", "run", cwd=folder).stdout)
    assert scalemodel("check", "run", "--policy", "first.yaml", cwd=folder).returncode == 0
    policy(folder / "no-worse.yaml", {"limits": {"changed": "at most baseline + 10 %"}})
    arguments = ("--policy", "no-worse.yaml", "--baseline", "baseline.json")
    done = scalemodel("check", "run", *arguments, "--benchmark-json", "figures.json", cwd=folder)
    assert done.returncode == 0, done.stdout
    assert json.loads((folder / "figures.json").read_text())


SMALL = "{rules: [{tasks: text-classification, deployments: tiny/*, limits: {changed: at most 1 %}}]}"


@pytest.mark.slow
def test_a_studys_gate_is_applied_at_the_end_of_its_run(store: Path, config: Path, tmp_path: Path) -> None:
    shutil.copytree(store, tmp_path / "runs", symlinks=True)
    (tmp_path / "small.yaml").write_text(config.read_text() + "gate: limits.yaml\n")
    (tmp_path / "limits.yaml").write_text(SMALL)

    def run(*arguments: str) -> tuple[int, list[str]]:
        done = scalemodel("run", "small.yaml", "--quiet", *arguments, cwd=tmp_path)
        return done.returncode, done.stderr.splitlines()

    status, lines = run()
    assert status == 4
    assert lines[-1] == "gate: failed: of 1 limit 1 failed"
    (found,) = (tmp_path / "runs").glob("*/gate.json")  # the folder of the run without a gate
    assert json.loads(found.read_text())["gate"]["status"] == "fail"
    assert scalemodel("check", "small", "--junit", "gate.xml", cwd=tmp_path).returncode == 4
    assert len(ElementTree.parse(tmp_path / "gate.xml").findall(".//failure")) == 1
    status, lines = run("--set", "gate={rules: [{deployments: tinny/*, limits: {changed: 5 %}}]}")
    assert status == 2
    assert lines == [
        "scalemodel: small.yaml: gate: rules.0.deployments: 'tinny/*' matches no deployment; did you mean 'tiny/*'?"
    ]
    assert run("--set", "gate=null")[0] == 0
    assert not found.exists()
