"""Runs whose true difference is known: what is called, what makes runs unlike, and what cannot be compared."""

from __future__ import annotations

import copy
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from harness.config.study import Study
from harness.config.tasks import TaskSettings
from harness.errors import UserError
from harness.results.environment import Graphics, GraphicsDevice
from harness.run_comparison import provenance
from harness.run_comparison.figures import BETTER, WORSE
from harness.run_comparison.render import render
from harness.run_comparison.runs import read_pair
from harness.run_comparison.verdicts import Comparison, compare
from tests.harness.report import synthetic_results as synthetic
from tests.harness.report.synthetic_results import QA, filled
from tests.harness.run_comparison.timed_runs import DEPLOYMENTS, STUDY, edit, save, write_run

REFERENCE, _, INT8, *_ = DEPLOYMENTS


def compared(a: Path, b: Path, minimum_effect: float = 0.05) -> Comparison:
    return compare(read_pair(a, b), minimum_effect=minimum_effect)


def verdicts(comparison: Comparison, deployment: str) -> dict[str, str]:
    return {f.figure.name: f.verdict for f in comparison.figures if f.common.name == deployment}


def printed(comparison: Comparison, **options: Any) -> str:
    stream = io.StringIO()
    render(comparison, console=Console(file=stream, width=100), **options)
    return stream.getvalue()


def one_line(text: str) -> str:
    return " ".join(text.split())


# --- what is called ------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_run_against_itself_again_gives_no_alarm(tmp_path: Path) -> None:
    for number in range(20):
        a = write_run(tmp_path / f"{number}a", seed=2 * number)
        b = write_run(tmp_path / f"{number}b", seed=2 * number + 1)
        comparison = compared(a, b)
        assert comparison.tests == 36  # so an alarm was possible
        assert {found.verdict for found in comparison.figures} == {"no change seen"}, number


@pytest.mark.slow
def test_a_slowdown_by_a_fifth_is_found_and_nothing_else(tmp_path: Path) -> None:
    found = 0
    for number in range(20):
        a = write_run(tmp_path / f"{number}a", seed=100 + 2 * number)
        b = write_run(tmp_path / f"{number}b", seed=101 + 2 * number, slower={INT8: 1.2})
        comparison = compared(a, b)
        said = verdicts(comparison, INT8)
        assert said["peak memory"] == said["file size"] == "no change seen"
        found += all(said[name] == "slower" for name in ("single-stream p50", "single-stream p90", "offline"))
        others = [f.verdict for f in comparison.figures if f.common.name != INT8]
        assert set(others) == {"no change seen"}, number
    assert found >= 19


def test_the_other_way_round_it_is_faster(tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", seed=1)
    b = write_run(tmp_path / "b", seed=2, slower={INT8: 1.3})
    there, back = compared(a, b), compared(b, a)
    assert verdicts(there, INT8)["offline"] == "slower" and verdicts(back, INT8)["offline"] == "faster"
    assert verdicts(back, INT8)["load time"] == "faster"
    assert len(there.worse) == 5 and back.worse == ()
    p50 = {c: next(f.change.ratio.value for f in c.figures if f.common.name == INT8) for c in (there, back)}
    assert p50[there] == pytest.approx(1 / (p50[back] or 0))


def test_few_processes_cannot_tell_and_the_report_says_how_many_could(tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", seed=1, processes=4)
    b = write_run(tmp_path / "b", seed=2, processes=4, slower=dict.fromkeys(DEPLOYMENTS, 3.0))
    comparison = compared(a, b)
    said = verdicts(comparison, REFERENCE)
    assert said["single-stream p50"] == said["peak memory"] == "cannot tell"
    assert said["file size"] == "no change seen"
    text = one_line(printed(comparison))
    assert "36 figures cannot tell: too few processes for 36 figures together" in text
    assert "performance.replicates=7 or more" in text


def mark(run: Path, deployment: str, mark: dict[str, bool], processes: int, slower: float = 1.0) -> None:
    """The first ``processes`` of a run, and so the medians, are marked; they took ``slower`` times as long."""
    timings, file = edit(run / "performance.json")
    figures = timings["tasks"][QA][deployment]
    figures["single_stream"] |= mark
    for process in figures["replicates"][:processes]:
        process["single_stream"] |= mark
        process["single_stream"]["p50_ms"] *= slower
    save(file, timings)


MARKS = [({"steady": False}, "unstable in A"), ({"disturbed": True}, "the machine was disturbed in A")]


@pytest.mark.parametrize(("marked", "told"), MARKS)
def test_a_figure_without_a_sound_process_is_never_called(tmp_path: Path, marked: dict[str, bool], told: str) -> None:
    a = write_run(tmp_path / "a", seed=1)
    b = write_run(tmp_path / "b", seed=2, slower={INT8: 2.0})
    mark(a, INT8, marked, processes=8)
    comparison = compared(a, b)
    said = verdicts(comparison, INT8)
    assert said["single-stream p50"] == said["single-stream p90"] == "cannot tell"
    assert said["offline"] == "slower"  # another timing, which settled on a quiet machine
    text = printed(comparison)
    assert told in one_line(text)
    row = next(line for line in text.splitlines() if "cannot tell" in line and "single-stream p50" in line)
    assert row.split()[3].startswith("!") and not row.split()[4].startswith("!")


@pytest.mark.parametrize(("marked", "told"), MARKS)
def test_marked_processes_are_left_out_where_a_run_has_others(
    tmp_path: Path, marked: dict[str, bool], told: str
) -> None:
    a = write_run(tmp_path / "a", seed=1, processes=10)
    b = write_run(tmp_path / "b", seed=2, processes=10)
    mark(b, INT8, marked, processes=3, slower=3.0)  # while something else ran
    comparison = compared(a, b)
    found = {f.figure.name: f for f in comparison.figures if f.common.name == INT8}
    p50 = found["single-stream p50"]
    assert p50.verdict == "no change seen" and p50.processes == (10, 7) and p50.doubtful == (False, True)
    assert 0.95 < (p50.change.ratio.value or 0) < 1.05
    assert found["offline"].processes == (10, 10)
    text = one_line(printed(comparison))
    assert told not in text and "such processes are in the median, but not in B/A" in text

    mark(b, INT8, marked, processes=6)  # four are left
    comparison = compared(a, b)
    assert verdicts(comparison, INT8)["single-stream p50"] == "cannot tell"
    text = one_line(printed(comparison))
    assert "too few processes that settled, undisturbed" in text and "when nothing else runs" in text


def test_file_sizes_are_compared_exactly(tmp_path: Path) -> None:
    results = synthetic.small()
    artifacts = [results["tasks"][QA]["deployments"][name]["artifact"] for name in DEPLOYMENTS[:3]]
    artifacts[0]["bytes"] += 1
    artifacts[1]["bytes"] *= 2
    artifacts[2]["bytes"] //= 2
    a = write_run(tmp_path / "a", seed=1, processes=1)
    b = write_run(tmp_path / "b", seed=2, processes=1, results=results)
    comparison = compared(a, b)
    sizes = [verdicts(comparison, name)["file size"] for name in DEPLOYMENTS[:3]]
    assert sizes == ["no change seen", "bigger", "smaller"]
    first = next(f for f in comparison.figures if f.figure.name == "file size")
    assert "differs" in first.change.reason
    assert verdicts(compared(a, b, 0.0), REFERENCE)["file size"] == "bigger"


def test_a_measurement_that_the_store_used_again_proves_nothing(tmp_path: Path) -> None:
    """Four of the eight processes of B are those of A: the values are not independent."""
    a = write_run(tmp_path / "a", seed=1)
    b = write_run(tmp_path / "b", seed=2, slower={INT8: 2.0})
    timings, file = edit(b / "performance.json")
    theirs = json.loads((a / "performance.json").read_text())["tasks"][QA][INT8]["replicates"]
    timings["tasks"][QA][INT8]["replicates"][:4] = theirs[:4]
    save(file, timings)
    comparison = compared(a, b)
    assert verdicts(comparison, INT8)["offline"] == "cannot tell"
    assert verdicts(comparison, REFERENCE)["offline"] == "no change seen"
    assert "measurement of A again" in one_line(printed(comparison))


# --- what makes runs unlike ----------------------------------------------------------------------


def graphics(**device: Any) -> dict[str, Any]:
    return filled(Graphics, driver="580.1", cuda="13.0", devices=[filled(GraphicsDevice, name="NVIDIA L4", **device)])


def unlike(tmp_path: Path, results: dict[str, Any], study: dict[str, Any] | None = None) -> Comparison:
    a = write_run(tmp_path / "a", seed=1, processes=1)
    return compared(a, write_run(tmp_path / "b", seed=2, processes=1, results=results, study=study or STUDY))


def test_runs_of_one_kind_are_said_to_be_alike(tmp_path: Path) -> None:
    comparison = unlike(tmp_path, synthetic.small())
    assert comparison.differences == ()
    assert "the same machine, settings, load, data, artifacts and versions" in printed(comparison)


@pytest.mark.parametrize(
    ("place", "value", "kind", "told"),
    [
        (("cpu", "model"), "AMD EPYC 9654", "machine", "CPU: Intel Xeon Platinum 8481C in A, AMD EPYC 9654 in B"),
        (("cpu", "cores"), 64, "machine", "cores: 2 in A, 64 in B"),
        (("cpu", "isa"), ["avx2", "sve"], "machine", "avx512_vnni avx512f in A, sve in B"),
        (
            ("gpu",),
            graphics(),
            "machine",
            "GPU: none in A, NVIDIA L4 in B",
        ),
        (("versions", "onnxruntime"), "1.32.0", "versions", "onnxruntime: 1.31.1 in A, 1.32.0 in B"),
        (("versions", "openvino"), "2026.4", "versions", "openvino: absent in A, 2026.4 in B"),
        (("python",), "3.12.1", "versions", "Python: 3.11.9 in A, 3.12.1 in B"),
        (("os",), "Linux 6.2", "versions", "operating system: Linux 6.1 in A, Linux 6.2 in B"),
    ],
)
def test_another_environment_is_said(tmp_path: Path, place: tuple[str, ...], value: Any, kind: str, told: str) -> None:
    results = synthetic.small()
    *above, last = place
    entry = results["environment"]
    for key in above:
        entry = entry[key]
    entry[last] = value
    comparison = unlike(tmp_path, results)
    assert comparison.differences[0].kind == kind
    text = one_line(printed(comparison))
    assert told in text
    assert ("of different machines: a ratio tells the machines apart" in text) == (kind == "machine")
    assert text.index(told) < text.index("What changed")


@pytest.mark.parametrize(
    ("place", "values", "told"),
    [
        (("cpu", "governor"), ("powersave", "performance"), "frequency governor: powersave in A, performance in B"),
        (("cpu", "turbo"), (True, False), "turbo: True in A, False in B"),
        (("cpu", "affinity"), ("0-1", "0"), "cores it may run on: 0-1 in A, 0 in B"),
        (("variables",), ({}, {"OMP_NUM_THREADS": "1"}), "OMP_NUM_THREADS: none in A, 1 in B"),
        (
            ("gpu",),
            tuple(graphics(largest_mhz=mhz) for mhz in (2040, 1800)),
            "GPU's largest clock in MHz: 2040 in A, 1800 in B",
        ),
        (
            ("gpu",),
            tuple(graphics(power_limit_watts=watts) for watts in (72.0, 60.0)),
            "GPU's power limit in W: 72.0 in A, 60.0 in B",
        ),
        (("memory_limit",), (None, 2**30), "memory limit: none in A, 1073741824 in B"),
    ],
)
def test_one_machine_set_up_otherwise_is_said(
    tmp_path: Path, place: tuple[str, ...], values: tuple[Any, Any], told: str
) -> None:
    runs: list[Path] = []
    for value in values:
        results = synthetic.small()
        *above, last = place
        entry = results["environment"]
        for key in above:
            entry = entry[key]
        entry[last] = value
        runs.append(write_run(tmp_path / f"{len(runs)}", seed=len(runs), processes=1, results=results))
    comparison = compared(runs[0], runs[1])
    assert [difference.kind for difference in comparison.differences] == ["settings"]
    assert told in one_line(printed(comparison))


def test_another_driver_is_a_version(tmp_path: Path) -> None:
    gpu = graphics()
    first, second = synthetic.small(), synthetic.small()
    first["environment"]["gpu"], second["environment"]["gpu"] = gpu, {**gpu, "driver": "590.2"}
    a = write_run(tmp_path / "a", seed=1, processes=1, results=first)
    b = write_run(tmp_path / "b", seed=2, processes=1, results=second)
    (difference,) = compared(a, b).differences
    assert (difference.kind, difference.what, difference.before) == ("versions", "GPU driver", "580.1")


def test_other_libraries_and_another_release_are_versions(tmp_path: Path) -> None:
    runs: list[Path] = []
    for distribution, cudnn in (("Debian 12", "9.10.2"), ("Debian 13", None)):
        results = synthetic.small()
        libraries = {"CUDA": "13.0", "cuDNN": cudnn}
        results["environment"] |= {"gpu": graphics() | {"libraries": libraries}, "distribution": distribution}
        runs.append(write_run(tmp_path / f"{len(runs)}", seed=len(runs), processes=1, results=results))
    differences = compared(runs[0], runs[1]).differences
    assert [(found.kind, found.what, found.before, found.after) for found in differences] == [
        ("versions", "cuDNN that the loader finds", "9.10.2", "none"),
        ("versions", "distribution", "Debian 12", "Debian 13"),
    ]


def test_a_tail_that_is_sure_is_compared_and_another_is_not(tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", seed=1)
    b = write_run(tmp_path / "b", seed=2, slower={INT8: 1.5})
    for folder in (a, b):  # as if eight at once had been asked for
        timings, file = edit(folder / "performance.json")
        for figures in timings["tasks"][QA].values():
            for level in (figures, *figures["replicates"]):
                level["multi_stream"] = level["single_stream"]
        save(file, timings)
    said = verdicts(compared(a, b), INT8)
    assert said["single-stream p99"] == said["multi-stream p99"] == "slower"
    timings, file = edit(b / "performance.json")
    timings["tasks"][QA][INT8]["multi_stream"]["tail_steady"] = False
    save(file, timings)
    said = verdicts(compared(a, b), INT8)
    assert said["single-stream p99"] == "slower" and "multi-stream p99" not in said
    assert "multi-stream p99" in verdicts(compared(a, b), REFERENCE)


def test_other_settings_artifacts_data_and_load_are_said(tmp_path: Path) -> None:
    results = synthetic.small()
    task = results["tasks"][QA]
    for name in DEPLOYMENTS:
        task["deployments"][name]["runtime"]["threads"] = 8
    task["deployments"][INT8]["runtime"]["versions"] = {"onnxruntime": "1.0"}
    task["deployments"][INT8]["artifact"]["sha256"] = "abcdef" + "0" * 58
    task["data"]["evaluation"]["examples"] = 7
    study = copy.deepcopy(STUDY)
    study["performance"] |= {"samples": 4, "replicates": 3}
    comparison = unlike(tmp_path, results, study)
    assert [d.kind for d in comparison.differences] == ["settings", "load", "data", "artifact", "versions"]
    settings, load, data, artifact, versions = comparison.differences
    assert (settings.what, settings.before, settings.after, len(settings.deployments)) == ("threads", "2", "8", 6)
    assert (load.what, load.before, load.after) == ("performance.samples", "8", "4")
    assert (data.what, data.after) == (f"{QA} examples", "7")
    assert artifact.deployments == (f"{QA}: {INT8}",) == versions.deployments and len(artifact.after) == 64
    text = one_line(printed(comparison))
    assert "threads: 2 in A, 8 in B (all deployments)" in text
    assert "SHA-256: 000000000000 in A, abcdef000000 in B" in text


def test_deployments_of_one_run_only_and_failed_ones_are_said(tmp_path: Path) -> None:
    results = synthetic.small()
    deployments = results["tasks"][QA]["deployments"]
    del deployments[DEPLOYMENTS[1]]
    deployments[DEPLOYMENTS[3]] |= {"status": "failed", "reason": "NaN in the logits", "performance": None}
    deployments["bert-base/onnx-fp32@onnxruntime-cpu"] = synthetic.deployment(QA, "bert-base", "onnx-fp32")
    comparison = unlike(tmp_path, results)
    assert len(comparison.pair.common) == 4
    text = one_line(printed(comparison))
    assert f"Only A measured 2 of {QA}: {DEPLOYMENTS[1]}, {DEPLOYMENTS[3]} (B: failed)." in text
    assert f"Only B measured 1 of {QA}: bert-base/onnx-fp32@onnxruntime-cpu." in text
    assert "Failures in B" in text and "NaN in the logits" in text


# --- what cannot be compared ---------------------------------------------------------------------


def refused(a: Path, b: Path) -> str:
    with pytest.raises(UserError) as raised:
        read_pair(a, b)
    message = str(raised.value)
    assert "\n" not in message and str(b) in message
    return message


def test_one_run_is_no_pair(tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", seed=1)
    assert "are one and the same run" in refused(a, a)
    assert "are one and the same run" in refused(a, a / "results.json")
    shutil.copytree(a, tmp_path / "copy")
    assert "the very measurements" in refused(a, tmp_path / "copy")


def test_runs_without_timings_or_without_a_common_deployment(tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", seed=1, processes=1)
    assert "holds no timings" in refused(
        a, write_run(tmp_path / "untimed", seed=1, results=synthetic.without_performance())
    )
    other = write_run(tmp_path / "other", seed=2, processes=1, results=synthetic.small(synthetic.TEXT))
    message = refused(a, other)
    assert "no deployment in common" in message and f"{REFERENCE} of {QA}" in message


def test_what_is_no_run(tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", seed=1, processes=1)
    assert "no such run folder" in refused(a, tmp_path / "none")
    (tmp_path / "empty").mkdir()
    assert "is no run folder" in refused(a, tmp_path / "empty")
    (tmp_path / "empty" / "config.json").write_text("{}")
    assert "not finished" in refused(a, tmp_path / "empty")
    old = write_run(tmp_path / "old", seed=2, processes=1)
    results, file = edit(old / "results.json")
    save(file, results | {"version": 1})
    assert "results of version 1" in refused(a, old)


# --- formats -------------------------------------------------------------------------------------


def test_the_three_formats_say_the_same(tmp_path: Path) -> None:
    a = write_run(tmp_path / "a", seed=1)
    b = write_run(tmp_path / "b", seed=2, slower={INT8: 1.5})
    comparison = compared(a, b)
    told = json.loads(printed(comparison, format="json"))
    assert told["compare_version"] == 2 and told["tests"] == 36 and len(told["figures"]) == 42
    p50 = next(f for f in told["figures"] if f["deployment"] == INT8 and f["key"] == "p50_ms")
    assert p50["verdict"] == "slower" and p50["processes"] == [8, 8] and p50["ratio"]["low"] > 1.05
    assert p50["p"] == pytest.approx(36 * p50["p_alone"])
    ratio = f"{p50['ratio']['value']:.3f}"
    for format in ("terminal", "markdown"):
        text = one_line(printed(comparison, format=format))
        assert f"slower in B: bert-large/int8-dynamic {ratio}x" in text
    assert {f["verdict"] for f in told["figures"]} & {*WORSE, *BETTER} == {"slower"}


def test_settings_that_are_compared_are_those_of_a_study() -> None:
    """They are read from a run's config.json by name: of a renamed one nothing would be told."""
    assert {*provenance.LOAD, provenance.PERFORMANCE, provenance.TASKS} <= Study.model_fields.keys()
    assert {*provenance.LOAD_OF_A_TASK, "labels"} <= TaskSettings.model_fields.keys()
