"""Results that were edited or damaged: figures that cannot be are shown or refused, and no line is as long as they."""

from __future__ import annotations

import contextlib
import io
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.cli.show import Shown, show_results
from harness.config.load import load_policy
from harness.errors import UserError
from harness.gate.baseline import baseline_of
from harness.gate.judge import gated_run, judge
from harness.gate.starting_policy import starting_policy
from harness.gate.summary import lines
from harness.page.build import build_page
from harness.report.view import tasks_of
from harness.results.read import RunResults, load_results
from tests.harness.report import synthetic_results as synthetic

EXTREMES = (-9e39, 9e39, 1e25, 5e-324, 0.0, -1.0, 2.0)


def edited(node: Any, generator: random.Random, values: tuple[float, ...]) -> Any:
    """The tree with about half of its numbers put to one of ``values``."""
    if isinstance(node, dict):
        return {key: edited(one, generator, values) for key, one in node.items()}
    if isinstance(node, list):
        return [edited(one, generator, values) for one in node]
    if isinstance(node, bool) or not isinstance(node, int | float) or generator.random() < 0.5:
        return node
    return type(node)(generator.choice(values))


def texts(run: RunResults, folder: Path) -> Iterator[str]:
    for shown in (Shown(), Shown(full=True), Shown(cautions=True), Shown(explain=True), Shown(format="markdown")):
        stream = io.StringIO()
        with contextlib.redirect_stdout(stream):
            show_results(run, shown)
        yield stream.getvalue()
    policy = folder / "policy.yaml"
    policy.write_text(starting_policy(tasks_of(run)))
    yield policy.read_text()
    with contextlib.suppress(UserError):  # a limit of what was never measured
        yield "\n".join(lines(judge(gated_run(run, folder), load_policy(policy), "policy.yaml")))
    build_page(run, folder, gate=None, texts=True)
    with contextlib.suppress(UserError):  # what no baseline can hold
        baseline_of(run, folder)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("values", [*(pytest.param((value,), marks=pytest.mark.slow) for value in EXTREMES), EXTREMES])
@pytest.mark.parametrize("task", [synthetic.QA, synthetic.TEXT])
def test_every_way_to_show_them_ends(tmp_path: Path, task: str, values: tuple[float, ...]) -> None:
    tree = synthetic.tree_of(synthetic.run_of(synthetic.small(task)))
    run = synthetic.run_of(tree | {"tasks": edited(tree["tasks"], random.Random(1), values)})
    for text in texts(run, tmp_path):
        longest = max(re.findall("[-+0-9.,]+", text), key=len)
        assert len(longest) < 60, longest


@pytest.mark.parametrize("figure", ["-1e300", "1e41", "9" * 400])
def test_a_figure_that_none_can_be_is_one_line(tmp_path: Path, figure: str) -> None:
    run = synthetic.run_of(synthetic.small())
    whole = run.results.model_dump_json()
    assert '"examples":1000' in whole
    (tmp_path / "results.json").write_text(whole.replace('"examples":1000', f'"examples":{figure}', 1))
    with pytest.raises(UserError, match="is too large for a result; remove it") as caught:
        load_results(tmp_path)
    assert len(str(caught.value).removeprefix(str(tmp_path))) < 120
