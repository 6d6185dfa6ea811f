"""Parts of a report: some tasks, deployments and sections, and errors that name what there is."""

from __future__ import annotations

import pytest

from harness.errors import UserError
from harness.report.blocks import Section
from harness.report.build import build_report
from harness.report.section_names import SectionName
from harness.report.sections.characteristics import SECTIONS
from harness.report.selection import only_deployments, only_sections, only_tasks, section_name
from tests.harness.report import synthetic_results as synthetic
from tests.harness.report.synthetic_results import QA, TEXT, run_of


def test_tasks() -> None:
    run = run_of(synthetic.whole())
    assert list(only_tasks(run, [TEXT]).results.tasks) == [TEXT]
    assert list(only_tasks(run, []).results.tasks) == [QA, TEXT]
    with pytest.raises(UserError, match=f"--task {QA}s: there is none; did you mean {QA}?"):
        only_tasks(run, [QA + "s"])


@pytest.mark.parametrize("pattern", ["bert-tiny/*", "*/int8-static", "*/onnx-int8-static@onnxruntime-cpu"])
def test_deployments_keep_the_reference_and_its_replicates(pattern: str) -> None:
    run = run_of(synthetic.whole())
    task = run.results.tasks[QA]
    kept = only_deployments(run, [pattern]).results.tasks[QA].deployments
    others = [name for name, one in kept.items() if name != task.reference and one.replicate_of != task.reference]
    assert others and all("bert-tiny" in name or "int8-static" in name for name in others)
    assert {name for name, one in task.deployments.items() if one.replicate_of == task.reference} <= set(kept)
    build_report(only_deployments(run, [pattern]))


def test_a_pattern_that_matches_nothing() -> None:
    run = run_of(synthetic.whole())
    with pytest.raises(UserError, match=r"--deployment zzz/\*: matches none; the deployments are bert-large/fp32"):
        only_deployments(run, ["zzz/*"])


@pytest.mark.parametrize(
    ("pattern", "offered"),
    [
        ("bert-tny/*", "bert-tiny/*"),
        ("bert-tny", "bert-tiny/*"),
        ("bert-tny/onnx-in8-static", "bert-tiny/onnx-int8-static"),
        ("*/onnx-in8-statc@*", "*/onnx-int8-static@*"),
    ],
)
def test_the_pattern_that_is_offered_matches_something(pattern: str, offered: str) -> None:
    run = run_of(synthetic.whole())
    with pytest.raises(UserError) as refused:
        only_deployments(run, [pattern])
    assert str(refused.value) == f"--deployment {pattern}: matches none; did you mean {offered}?"
    only_deployments(run, [offered])


def test_sections_of_every_task_under_its_heading() -> None:
    report = only_sections(build_report(run_of(synthetic.whole())), ["prediction-errors"])
    assert [section.title for section in report.sections] == [QA, "Prediction errors", TEXT, "Prediction errors"]
    (only,) = only_sections(build_report(run_of(synthetic.small())), ["what-stands-out"]).sections
    assert section_name(only) == "what-stands-out"


def test_a_section_that_is_not_there() -> None:
    report = build_report(run_of(synthetic.whole()))
    with pytest.raises(UserError, match=r"--section prediction-error: .*did you mean prediction-errors\?"):
        only_sections(report, ["prediction-error"])


@pytest.mark.parametrize("name", synthetic.EVERY)
def test_every_section_has_a_name_that_can_be_asked_for(name: str) -> None:
    sections = [section for section in build_report(run_of(synthetic.EVERY[name]())).sections if section.blocks]
    sections += [Section(one.title, ()) for one in SECTIONS.values()]
    assert {section_name(section) for section in sections} <= set(SectionName)
