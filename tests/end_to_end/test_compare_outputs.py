"""`compare-outputs`: files in, the report of a run out; bad files end in one line."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.end_to_end.driver import command, scalemodel

pytestmark = pytest.mark.slow

QUESTIONS = 120
PLACES = ("Paris", "London", "Rome", "Oslo")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SQuAD-like questions, four on a paragraph and every other one without an answer; a model that errs on
    every fifth question, one that errs on every third, and one that never answers."""
    folder = tmp_path_factory.mktemp("elsewhere")
    gold: dict[str, str] = {}
    paragraphs = []
    for number in range(QUESTIONS // 4):
        place = PLACES[number % 4]
        context = f"House {number} stands in {place}."
        questions = []
        for index in range(4):
            id = f"q{4 * number + index}"
            gold[id] = place if index % 2 == 0 else ""
            answers = [{"text": place, "answer_start": context.index(place)}] if gold[id] else []
            questions.append({"id": id, "question": "Where?", "answers": answers, "is_impossible": not answers})
        paragraphs.append({"context": context, "qas": questions})
    save(folder / "gold.json", {"version": "v2.0", "data": [{"title": "t", "paragraphs": paragraphs}]})
    large = {id: "house" if row % 5 == 0 else said for row, (id, said) in enumerate(gold.items())}
    save(folder / "large.json", large)
    save(folder / "small.json", {id: "street" if row % 3 == 0 else said for row, (id, said) in enumerate(gold.items())})
    save(folder / "silent.json", dict.fromkeys(gold, ""))
    for name, step in (("large", 5), ("small", 3)):
        (folder / f"{name}.txt").write_text("\n".join(f"q{row}" for row in range(0, QUESTIONS, step)))
    rows = np.random.default_rng(0).normal(size=(QUESTIONS, 8))
    np.save(folder / "large.npy", rows)
    np.save(folder / "small.npy", rows[:, :4])
    return folder


def save(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content))


def reported(folder: Path, *arguments: str) -> str:
    before = sorted(folder.iterdir())
    done = scalemodel("compare-outputs", *arguments, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert sorted(folder.iterdir()) == before  # it only reads
    return done.stdout


def as_json(folder: Path, *arguments: str) -> dict[str, Any]:
    found = json.loads(reported(folder, *arguments, "--format", "json"))
    (task,) = found["results"]["tasks"].values()
    return task


def test_predictions_and_representations_give_the_tables_of_a_run(folder: Path) -> None:
    files = ("large=large.json", "small=small.json", "silent=silent.json", "large=large.npy", "small=small.npy")
    report = reported(folder, *files, "--gold", "gold.json", "--full")
    assert "120 questions in 30 groups, 50 % answerable (gold.json)" in report
    for title in ("Prediction errors", "Data representation", "unansw.", "K = 10", "no model was run"):
        assert title in report, title
    # Of what nobody knows, nothing is said.
    for claim in ("FP32", "all on", "unknown CPU", "GPU", "execution_floor:", "0 format"):
        assert claim not in report, claim
    _, _, changes = report.partition("Everything against the reference")
    row = next(line.split() for line in changes.splitlines() if "[2] small" in line)
    assert row[:4] == ["[2]", "small", "32", "16"]  # newly wrong and right: every 15th is wrong in both


def test_the_json_is_the_results_and_the_same_every_time(folder: Path) -> None:
    arguments = ("large=large.json", "small=small.json", "--gold", "gold.json", "--resamples", "100")
    first = reported(folder, *arguments, "--format", "json")
    assert first == reported(folder, *arguments, "--format", "json")
    assert first != reported(folder, *arguments, "--format", "json", "--seed", "1")
    (pair,) = json.loads(first)["results"]["tasks"]["question-answering"]["characteristics"]["prediction_errors"][
        "strata"
    ]["all"]["pairs"]
    assert pair["jaccard"]["value"] == 8 / (24 + 40 - 8)
    assert pair["disagreement"]["value"] == 56 / 120
    (folder / "result.json").write_text(first)
    refused = scalemodel("report", folder / "result.json", "--changed", "3")
    assert refused.returncode == 2 and "outputs from elsewhere bring no texts" in refused.stderr


def test_error_ids_show_no_disagreement_rather_than_none(folder: Path) -> None:
    arguments = ("large=large.txt", "small=small.txt", "--examples", "120")
    report = reported(folder, *arguments, "--full")
    assert "how many predictions differ" in report and "predictions changed" not in report
    task = as_json(folder, *arguments)
    (pair,) = task["characteristics"]["prediction_errors"]["strata"]["all"]["pairs"]
    assert pair["disagreement"] is None
    assert pair["jaccard"]["value"] == 8 / (24 + 40 - 8)


def test_a_second_run_is_the_floor(folder: Path) -> None:
    files = ("large=large.json", "again=large.json", "small=small.json")
    report = reported(folder, *files, "--gold", "gold.json", "--execution-floor", "again", "--format", "markdown")
    assert "execution floor: large run again, against its first run" in report
    assert "There is no execution floor" not in report


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["large=large.json", "small=small.txt"], ["small.txt", "large.json", "--gold"]),
        (["large=large.json", "small.json", "--gold", "gold.json"], ["small.json", "NAME=FILE"]),
        (["large=large.json", "=small.json", "--gold", "gold.json"], ["''", "is no name"]),
        (["large=large.json", "a/b=small.json", "--gold", "gold.json"], ["'a/b'", "is no name"]),
        (["large=large.json", "small=none.json", "--gold", "gold.json"], ["none.json", "no such"]),
        (["large=large.txt", "small=large.npy", "--gold", "gold.json"], ["large:", "representations"]),
        (
            ["large=large.json", "x=small.json", "--gold", "gold.json", "--seed-floor", "x", "--execution-floor", "x"],
            ["x:", "--execution-floor", "--seed-floor"],
        ),
    ],
)
def test_bad_input_is_one_line(folder: Path, arguments: list[str], parts: list[str]) -> None:
    done = scalemodel("compare-outputs", *arguments, cwd=folder)
    assert done.returncode == 2 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("scalemodel: ")
    for part in parts:
        assert part in line, line


def test_the_guide_works_as_it_is_written(tmp_path: Path) -> None:
    guide = Path(__file__).parents[2] / "docs" / "external-outputs.md"
    blocks = re.findall(r"^```bash\n(.*?)^```$", guide.read_text(), flags=re.DOTALL | re.MULTILINE)
    assert len(blocks) == 9
    program = f'scalemodel() {{ {shlex.join(command())} "$@"; }}\npython3() {{ {shlex.quote(sys.executable)} "$@"; }}\n'
    done = subprocess.run(
        ["bash", "-euc", program + "\n".join(blocks)], cwd=tmp_path, capture_output=True, text=True, timeout=580
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("scalemodel outputs from elsewhere: ") == 7  # one screen each, and two full reports
    assert done.stdout.count("Against the reference: how far are the probabilities?") == 2
    assert "not held: speed-up (outputs from elsewhere" in done.stdout and "gate: passed: of 1 limit" in done.stdout


def test_the_screen_and_the_page_speak_of_what_is_known(folder: Path, tmp_path: Path) -> None:
    """No speed, size or option of a run; the way to a floor is that of this command."""
    files = ("large=large.json", "small=small.json", "--gold", "gold.json")
    screen = reported(folder, *files)
    page = tmp_path / "page.html"
    done = scalemodel("compare-outputs", *files, "--html", str(page), cwd=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"page: {page}\n")
    assert "speed, memory and formats are unknown" in screen.replace("\n           ", " ")
    explained = reported(folder, *files, "--explain")
    table = tmp_path / "figures.csv"
    done = scalemodel("compare-outputs", *files, "--table", str(table), cwd=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"table: {table}\n")
    assert '"small","newly-wrong"' in table.read_text().replace('"small",,,"large",,', '"small",')
    for text in (screen, page.read_text(), explained):
        for claim in ("speed-", "unsteady", "replicate_of", "scalemodel report", "model/format@backend", "MiB"):
            assert claim not in text, claim
    for text in (screen, page.read_text()):
        assert "--seed-floor or --execution-floor" in " ".join(text.split())
    assert "next: the same with --full, --explain or --html FILE" in screen
    assert "Overlap of errors" in page.read_text()
    assert "no model was run" in reported(folder, *files, "--cautions")
