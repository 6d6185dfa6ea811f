"""Examples that two runs have read are stored by one of them, while the other's steps may be reading them."""

from pathlib import Path

from harness.config.load import load_study
from harness.execution.run import load_missing_examples
from harness.planning.plan import make_plan
from harness.store.steps import Store

CONFIGS = Path(__file__).parents[3] / "configs"


def test_what_another_run_has_stored_meanwhile_stays_as_it_is(tmp_path: Path) -> None:
    plan = make_plan(load_study(CONFIGS / "quickstart.yaml"))
    one, other = Store(tmp_path), Store(tmp_path)
    mine, theirs = load_missing_examples(plan, one), load_missing_examples(plan, other)
    theirs.write(other)
    files = [file for file in tmp_path.rglob("*") if file.is_file() and ".locks" not in file.parts]
    there = {file: file.stat().st_ctime_ns for file in files}
    assert len(mine.missing) > 1 and len(there) > len(mine.missing)
    mine.write(one)
    assert {file: file.stat().st_ctime_ns for file in files} == there
