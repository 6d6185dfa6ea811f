"""What pipelines read: by the parsers that they read it with, or by the rules that those publish."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped
from rich.console import Console

from harness.config.load import load_policy
from harness.config.policy import Policy
from harness.gate.baseline import baseline_of, to_benchmark_json
from harness.gate.judge import gated_run as read_gated
from harness.gate.judge import judge
from harness.gate.junit import to_junit
from harness.gate.starting_policy import starting_policy
from harness.gate.summary import github_annotations, lines, print_lines, to_markdown
from harness.report.view import tasks_of
from harness.results.gate_outcome import GateOutcome, RuleOutcome
from harness.results.read import load_results
from tests.harness.gate.gated_runs import FP16, NEAR, TASK, TINY, gated_run

HOSTILE = 'a<b>&"\x1b[31m]]>: 5 %,\nnext'
OUTCOMES = (
    RuleOutcome(
        "qa", "a/onnx-fp16@cpu", "a/fp16", "changed at most 5 %", "pass", "is 0.0 % (95 %: 0.0 to 0.7)", "fail"
    ),
    RuleOutcome(
        "qa", "b/onnx-fp32@cpu", "b/fp32", "changed at most 5 %", "fail", "is 46.3 % (95 %: 42.1 to 50.4)", "fail"
    ),
    RuleOutcome("text", "a/onnx-fp16@cpu", "a/fp16", "p50 at most 5 ms", "cannot tell", HOSTILE, "fail"),
    RuleOutcome("text", "b/onnx-fp32@cpu", "b/fp32", "p50 at most 5 ms", "cannot tell", "is marked !", "warn"),
    RuleOutcome("text", HOSTILE, HOSTILE, "p99 at most 5 ms", "cannot tell", "is marked !", "pass"),
)
GATE = GateOutcome.of(OUTCOMES)


def test_junit_has_a_case_for_each_outcome_and_passes_only_what_passed() -> None:
    text = to_junit(GATE)
    assert ElementTree.fromstring(text).tag == "testsuites"
    document = JUnitXml.fromstring(text.encode())
    suites = list(document)
    assert [suite.name for suite in suites] == ["qa", "text"]
    assert (document.tests, document.failures, document.errors, document.skipped) == (5, 1, 1, 2)
    cases = [case for suite in suites for case in suite]
    kinds = [type(case.result[0]) if case.result else None for case in cases]
    assert kinds == [None, Failure, Error, Skipped, Skipped]
    assert cases[1].classname == "qa.b/onnx-fp32@cpu" and cases[1].name == "changed at most 5 %"
    assert cases[1].result[0].message == "is 46.3 % (95 %: 42.1 to 50.4)"
    assert "\x1b" not in text and "]]>: 5 %," in cases[2].result[0].message


def parsed(line: str) -> tuple[str, dict[str, str], str]:
    """A workflow command as the runner reads it (actions/runner, ActionCommand.cs)."""
    found = re.fullmatch(r"::(\w+) (.*?)::(.*)", line)
    assert found is not None, line

    def unescaped(text: str, *escapes: tuple[str, str]) -> str:
        for escape, plain in escapes:
            text = text.replace(escape, plain)
        return text.replace("%25", "%")

    data = (("%0D", "\r"), ("%0A", "\n"))
    properties = dict(pair.split("=", 1) for pair in found[2].split(","))
    return (
        found[1],
        {name: unescaped(value, *data, ("%3A", ":"), ("%2C", ",")) for name, value in properties.items()},
        unescaped(found[3], *data),
    )


def test_annotations_are_what_github_reads() -> None:
    found = [parsed(line) for line in github_annotations(GATE)]
    assert [kind for kind, _, _ in found] == ["error", "error", "warning"]
    assert found[0] == (
        "error",
        {"title": "b/fp32: changed at most 5 %"},
        "qa: fail: is 46.3 % (95 %: 42.1 to 50.4)",
    )
    assert found[1][2] == 'text: cannot tell: a<b>&"\\x1b[31m]]>: 5 %,\nnext'


def test_lines_end_with_the_whole_and_leave_out_what_passed() -> None:
    found = list(lines(GATE))
    assert len(found) == 5
    assert found[-2] == "fail: qa: b/fp32: changed at most 5 %: is 46.3 % (95 %: 42.1 to 50.4)"
    assert found[-1] == "gate: failed: of 5 limits 1 failed, 3 cannot tell, 1 passed"
    assert found[0].startswith("cannot tell (warn): text: ")


def test_markdown_is_a_table_with_what_stops_first() -> None:
    text = to_markdown(GATE)
    assert text.startswith("# Gate: failed\n")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({line.replace("\\|", "").count("|") for line in rows}) == 1
    assert "<b>" not in text and "\x1b" not in text
    assert text.index("b/fp32") < text.index("a/fp16") and "@" not in text


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return gated_run(tmp_path_factory.mktemp("gate") / "run", processes=6)


def test_benchmark_json_is_what_the_action_takes(run: Path) -> None:
    found = json.loads(to_benchmark_json(baseline_of(load_results(run), run)))
    assert all(
        {"name", "unit", "value"} <= set(entry) <= {"name", "unit", "value", "range", "extra"} for entry in found
    )
    assert all(isinstance(entry["value"], float) and isinstance(entry["name"], str) for entry in found)
    assert len({entry["name"] for entry in found}) == len(found)
    (changed,) = [entry for entry in found if entry["name"] == f"{TASK}: {TINY}: changed"]
    assert (changed["value"], changed["unit"]) == (pytest.approx(46.0), "%")
    assert changed["range"] == "42.1 % to 50.0 %"
    assert not any(entry["name"].endswith(("score", "throughput")) for entry in found)


def test_a_starting_policy_is_one_that_its_run_can_be_held_to(run: Path, tmp_path: Path) -> None:
    text = starting_policy(tasks_of(load_results(run)))
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    gate = judge(read_gated(load_results(run), run), load_policy(path), str(path))
    assert gate.status == "pass"
    # the reference's own formats against the customary limits, what is another model against what was measured
    assert {(one.deployment, one.rule) for one in gate.outcomes if one.rule.startswith("changed")} == {
        (FP16, "changed at most floor + 1 %"),
        (NEAR, "changed at most 12 %"),
        (TINY, "changed at most 51 %"),
    }
    path.write_text(re.sub(r"^      # ", "      ", text, flags=re.MULTILINE))
    everything = judge(read_gated(load_results(run), run), load_policy(path), str(path))
    assert not any(one.status == "fail" for one in everything.outcomes)
    assert {"p99", "file-size", "peak-memory", "throughput"} <= {one.rule.split()[0] for one in everything.outcomes}


def test_a_starting_policy_says_that_a_reference_is_no_better_than_a_constant_answer(run: Path, tmp_path: Path) -> None:
    content = json.loads((run / "results.json").read_text())
    assert "CAUTION" not in starting_policy(tasks_of(load_results(run)))
    content["tasks"][TASK]["data"]["evaluation"] |= {"answerable": None, "commonest_label": 0.99}
    (tmp_path / "results.json").write_text(json.dumps(content))
    text = starting_policy(tasks_of(load_results(tmp_path)))
    (caution,) = [line for line in text.splitlines() if "CAUTION" in line]
    assert caution.startswith(f"  # CAUTION, {TASK}: The reference is right on ")
    assert "always saying the commonest label would be right on 99.0 %" in caution and "Train the reference" in caution


def test_lines_are_wrapped_in_a_terminal_and_whole_in_a_pipe(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gate = judge(read_gated(load_results(run), run), Policy.model_validate(EVERYTHING), "policy")
    print_lines(Console(force_terminal=False, width=60), gate)
    piped = capsys.readouterr().out.splitlines()
    assert piped == list(lines(gate)) and max(map(len, piped)) > 60
    print_lines(Console(force_terminal=True, no_color=True, width=60), gate)
    wrapped = capsys.readouterr().out.splitlines()
    assert max(map(len, wrapped)) <= 60
    assert " ".join(" ".join(wrapped).split()) == " ".join(piped)
    statuses = {line.partition(": ")[0] for line in piped}
    assert {line.partition(": ")[0] for line in wrapped if not line.startswith(" ")} == statuses


EVERYTHING = {"rules": [{"limits": {"changed": "at most 5 %", "newly-wrong": "at most floor + 1 %"}}]}
