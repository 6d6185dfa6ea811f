"""A policy reads like sentences; what is wrong with one is a line that names the place and the way out."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.config.figures import FIGURES
from harness.config.load import load_policy, load_study
from harness.config.policy import Limit, parse_limit
from harness.errors import UserError

RULES = """
rules:
  - deployments: "*/onnx-int8-*"
    limits: {{{limits}}}
"""


def limit(key: str, text: object) -> Limit:
    return parse_limit(key, text)


@pytest.mark.parametrize(
    ("key", "text", "sentence"),
    [
        ("changed", "5 %", "changed at most 5 %"),
        ("changed", "at most 5%", "changed at most 5 %"),
        ("changed", "floor + 1 %", "changed at most floor + 1 %"),
        ("changed", "at most the floor", "changed at most floor"),
        ("newly-wrong", "at most baseline + 0.5 %", "newly-wrong at most baseline + 0.5 %"),
        ("score-change", "at least -1 %", "score-change at least -1 %"),
        ("score", "reference - 2 %", "score at least reference - 2 %"),
        ("recall of answerable", "at least 90 %", "recall of answerable at least 90 %"),
        ("error-overlap", 0.8, "error-overlap at least 0.8"),
        ("neighbours", "at least floor - 0.05", "neighbours at least floor - 0.05"),
        ("divergence", "at most 0.02 bits", "divergence at most 0.02 bits"),
        ("p99", "at most 40 ms", "p99 at most 40 ms"),
        ("p99", "110 % of baseline", "p99 at most 110 % of baseline"),
        ("file-size", "at most 30 % of the reference", "file-size at most 30 % of reference"),
        ("throughput", "at least baseline", "throughput at least 100 % of baseline"),
        ("speed-up", "1.5x", "speed-up at least 1.5 x"),
        ("peak-memory", "at most 300 MiB", "peak-memory at most 300 MiB"),
    ],
)
def test_a_limit_reads_like_a_sentence(key: str, text: object, sentence: str) -> None:
    found = limit(key, text)
    assert str(found) == sentence
    assert limit(found.name, f"{found.figure.side} {found.bound}") == found


@pytest.mark.parametrize(
    ("key", "text", "stored"),
    [
        ("changed", "5 %", 0.05),
        ("changed", "floor + 1 %", 0.01),
        ("neighbours", "floor - 0.05", -0.05),
        ("file-size", "30 % of reference", 0.3),
        ("peak-memory", "2 MiB", 2 * 2**20),
        ("speed-up", "1.5 x", 1.5),
    ],
)
def test_a_limit_is_in_the_unit_of_the_results(key: str, text: str, stored: float) -> None:
    assert limit(key, text).stored == pytest.approx(stored)


def test_every_figure_takes_a_limit_in_its_own_unit() -> None:
    for figure in FIGURES.values():
        name = f"{figure.name} of it" if figure.of else figure.name
        assert limit(name, f"{figure.side} 1 {figure.unit}").number == 1
        for base in figure.bases:
            assert limit(name, f"{figure.side} {base}").base == base


def complaint(path: Path, text: str) -> str:
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        load_policy(path)
    message = str(caught.value)
    assert "\n" not in message and message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ("chnaged: 5 %", "rules.0.limits.chnaged: is no figure; did you mean 'changed'?"),
        ("latency: 5 ms", "rules.0.limits.latency: is no figure; known: changed, newly-wrong"),
        ("recall: 5 %", "rules.0.limits.recall: is no figure; say of what, such as `recall of answerable`"),
        (
            "changed: 5 ms",
            "rules.0.limits.changed: '5 ms': its unit is %; write 'at most 5 %' or 'at most floor + 1 %'",
        ),
        ("changed: 5", "rules.0.limits.changed: 5: "),
        ("changed: at least 5 %", "'at least 5 %': smaller is better; write 'at most 5 %'"),
        ("changed: few", "'few' is no limit; write 'at most 5 %'"),
        ("changed: true", "True is no limit"),
        ("changed: floor - 1 %", "'floor - 1 %': smaller is better; write"),
        ("changed: 110 % of floor", "'110 % of floor': takes a margin, not a part; write"),
        ("score-change: floor - 1 %", "is not held against the floor, but against baseline or a number"),
        ("p50: 90 % of reference", "the reference (the speed-up is against it), but against baseline or a number"),
        ("p50: baseline + 5 ms", "'baseline + 5 ms': takes a part, not a margin; write"),
        ("error-overlap: 80 %", "'80 %': it has no unit; write 'at least 0.8'"),
        ("", "rules.0.limits: "),
    ],
)
def test_a_wrong_limit_is_a_line_with_the_way_out(tmp_path: Path, limits: str, told: str) -> None:
    assert told in complaint(tmp_path / "policy.yaml", RULES.format(limits=limits))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rules: []", "rules: list should not be empty"),
        ("rule: []", "rule: unknown key; did you mean 'rules'?"),
        (
            "cannot_tell: fial\nrules: [{limits: {changed: 5 %}}]",
            "cannot_tell: input should be 'fail', 'warn' or 'pass'",
        ),
        (
            "rules: [{deployment: x, limits: {changed: 5 %}}]",
            "rules.0.deployment: unknown key; did you mean 'deployments'?",
        ),
        ("rules: [{deployments: x}]", "rules.0.limits: is missing; add it"),
        ("rules: [{limits: {changed: 5 %, changed: 6 %}}]", "not plain YAML at line 1, column 33: key 'changed' twice"),
        ("- a", "holds a list, not a policy; start from what `scalemodel policy init RUN` writes"),
    ],
)
def test_a_wrong_policy_is_a_line_with_the_way_out(tmp_path: Path, text: str, told: str) -> None:
    assert told in complaint(tmp_path / "policy.yaml", text)


STUDY = """
study: small
performance: null
gate: {gate}
tasks:
  text-classification:
    reference: big
    labels: [negative, positive]
    models: {{big: {{checkpoint: {{random: bert-mini}}}}}}
    data: {{train: {{embedded: train, size: 32}}, evaluation: {{table: reviews.csv, text: body}}}}
"""


def test_a_study_has_a_policy_or_the_path_of_one_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    policy = tmp_path / "policies" / "release.yaml"
    policy.write_text("rules: [{limits: {changed: 5 %}}]")
    study = tmp_path / "study.yaml"
    study.write_text(STUDY.format(gate="policies/release.yaml"))
    named = load_study(study)
    study.write_text(STUDY.format(gate="{rules: [{limits: {changed: 5 %}}]}"))
    assert load_study(study).gate == named.gate == load_policy(policy)
    study.write_text(STUDY.format(gate="null"))
    without = load_study(study)
    assert without.gate is None
    assert without.model_dump(mode="json") == named.model_dump(mode="json")  # the same run


def test_what_is_wrong_with_a_studys_policy_names_its_file(tmp_path: Path) -> None:
    study = tmp_path / "study.yaml"
    study.write_text(STUDY.format(gate="release.yaml"))
    with pytest.raises(UserError, match=r"release\.yaml: no such policy; `scalemodel policy init RUN` writes one"):
        load_study(study)
    study.write_text(STUDY.format(gate="{rules: [{limits: {chnaged: 5 %}}]}"))
    with pytest.raises(UserError, match=r"study\.yaml: gate\.rules\.0\.limits\.chnaged: is no figure; did you mean"):
        load_study(study)


FAULTY = """{
cannot_tell: fial,
rules: [
  {deployment: "a/*", limits: {chnaged: 5 %, p99: 40 s}},
  {deployments: [a, 3], limit: {changed: 5 %}},
]}
"""
FAULTS = [
    "cannot_tell: input should be 'fail', 'warn' or 'pass', got 'fial'; did you mean 'fail'?",
    "rules.0.limits.chnaged: is no figure; did you mean 'changed'?",
    "rules.0.limits.p99: '40 s': its unit is ms; write 'at most 40 ms' or 'at most 110 % of baseline'",
    "rules.0.deployment: unknown key; did you mean 'deployments'?",
    "rules.1.deployments.1: input should be a valid string, got 3; put it in quotes",
    "rules.1.limit: unknown key; did you mean 'limits'?",
]


def test_all_faults_of_a_policy_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(FAULTY)
    with pytest.raises(UserError) as caught:
        load_policy(path)
    assert list(caught.value.lines) == [f"{path}: {fault}" for fault in FAULTS]


def test_all_faults_of_a_study_and_of_its_gate_are_told_at_once(tmp_path: Path) -> None:
    path = tmp_path / "study.yaml"
    path.write_text(STUDY.format(gate=FAULTY.replace("\n", " ")) + "formats: [onnx-fp9]\n")
    with pytest.raises(UserError) as caught:
        load_study(path)
    formats, *of_the_gate = sorted(caught.value.lines, key=lambda line: ": gate." in line)
    assert formats.startswith(f"{path}: formats.0: ")
    assert of_the_gate == [f"{path}: gate.{fault}" for fault in FAULTS]


@pytest.mark.parametrize("written", ['"*/onnx-int8-*"', '["*/onnx-int8-*", "tiny/*"]'])
def test_a_rule_names_deployments_by_one_pattern_or_several(tmp_path: Path, written: str) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(f"rules: [{{deployments: {written}, limits: {{changed: 5 %}}}}]")
    (rule,) = load_policy(path).rules
    assert rule.deployments[0] == "*/onnx-int8-*"
    assert len(rule.deployments) == 1 + written.count(",")
