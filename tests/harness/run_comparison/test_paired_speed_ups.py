"""Speed-ups that both runs measured in pairs: compared where the reference is the same artifact."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.performance.comparison import PairedRatios, judge
from benchmarks.statistics.bootstrap import Estimate
from harness.run_comparison.blocks import build_content
from harness.run_comparison.figures import SPEED_UP
from harness.run_comparison.runs import read_pair
from harness.run_comparison.verdicts import Comparison, compare
from tests.harness.report import synthetic_results as synthetic
from tests.harness.report.synthetic_results import QA, deployment_name
from tests.harness.run_comparison.timed_runs import edit, save, write_run

REFERENCE, TINY = (deployment_name(model, "onnx-fp32") for model in ("bert-large", "bert-tiny"))


def run(folder: Path, seed: int, ratio: float, low: float, high: float) -> Path:
    write_run(folder, seed=seed, processes=1)
    performance, path = edit(folder / "performance.json")
    performance["tasks"][QA][TINY]["paired"] = synthetic.paired(REFERENCE, ratio, low, high)
    save(path, performance)
    return folder


def compared(a: Path, b: Path) -> Comparison:
    return compare(read_pair(a, b), minimum_effect=0.05)


@pytest.mark.parametrize(
    ("after", "verdict"),
    [((4.0, 3.9, 4.1), "slower"), ((6.0, 5.9, 6.1), "faster"), ((4.9, 4.7, 5.1), "no change seen")],
)
def test_a_lost_speed_up_is_slower(tmp_path: Path, after: tuple[float, float, float], verdict: str) -> None:
    found = compared(run(tmp_path / "a", 1, 5.0, 4.9, 5.1), run(tmp_path / "b", 2, *after))
    (speed_up,) = [one for one in found.figures if one.figure is SPEED_UP]
    assert (speed_up.verdict, speed_up.common.name) == (verdict, TINY)
    assert speed_up.change.ratio.value == pytest.approx(after[0] / 5.0)


def test_runs_that_cannot_be_paired_say_so(tmp_path: Path) -> None:
    a, b = run(tmp_path / "a", 1, 5.0, 4.9, 5.1), run(tmp_path / "b", 2, 4.0, 3.9, 4.1)
    results, path = edit(b / "results.json")
    results["tasks"][QA]["deployments"][REFERENCE]["artifact"]["sha256"] = "f" * 64
    save(path, results)
    told = "the reference's artifact is another one in B."
    assert told in str(build_content(compared(a, b)))
    never = write_run(tmp_path / "never", seed=3)
    assert "not both runs measured them in pairs" in str(build_content(compared(a, never)))


def test_the_test_of_two_ratios_holds_its_level() -> None:
    """Of ratios that differ by the minimum effect itself, at most 1 in 20 is called (here on one side: 1 in 40)."""
    import numpy as np

    random, called, error = np.random.default_rng(0), 0, 0.02
    for _ in range(2000):
        before, after = (np.log(true) + error * random.standard_normal() for true in (2.0, 2.1))
        a, b = (Estimate(*np.exp([one, one - 1.96 * error, one + 1.96 * error])) for one in (before, after))
        called += judge({"x": PairedRatios(a, b)}, 0.05)["x"].conclusion != "no change seen"
    assert 0.01 < called / 2000 < 0.05
