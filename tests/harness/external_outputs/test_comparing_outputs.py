"""Files into results: figures that can be counted by hand, ids that do not match, and what is unknown."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.errors import UserError
from harness.external_outputs.comparison import NamedOutputs, Settings, compare, sources_of
from harness.external_outputs.read import read_output
from harness.report.build import build_report
from harness.report.findings.collect import findings_on
from harness.report.markdown import to_markdown
from harness.report.summary.recommendation import recommendation
from harness.report.summary.screen import title
from harness.report.view import tasks_of
from harness.results.deployments import OutputFile, Quality
from harness.results.schema import ComparisonSettings
from tests.harness.report.synthetic_results import filled

CONTEXTS = {"Ada was born in London.": ["a1", "a2", "u1"], "The cat sat in Paris.": ["a3", "u2", "u3"]}
IDS = [id for ids in CONTEXTS.values() for id in ids]
GOLD = {"a1": "London", "a2": "Ada", "a3": "Paris"}
LARGE = {"a1": "London", "a2": "London", "a3": "the Paris", "u1": "", "u2": "cat", "u3": ""}
SMALL = {"a1": "London", "a2": "born", "a3": "", "u1": "", "u2": "", "u3": "cat"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in, with gold answers and the answers of two models."""
    paragraphs = []
    for context, ids in CONTEXTS.items():
        questions = []
        for id in ids:
            answers = [{"text": GOLD[id], "answer_start": context.index(GOLD[id])}] if id in GOLD else []
            questions.append({"id": id, "question": "Who?", "answers": answers, "is_impossible": not answers})
        paragraphs.append({"context": context, "qas": questions})
    monkeypatch.chdir(tmp_path)
    put("gold.json", {"data": [{"paragraphs": paragraphs}]})
    put("large.json", LARGE)
    put("small.json", dict(reversed(SMALL.items())))
    Path("ids.txt").write_text("\n".join(IDS))
    return tmp_path


def put(name: str, content: Any) -> None:
    Path(name).write_text(content if isinstance(content, str) else json.dumps(content))


def compared(*files: str, **settings: Any) -> dict[str, Any]:
    settings = {key: Path(value) if key in ("gold", "ids") else value for key, value in settings.items()}
    run = compare(named(*files), Settings(**{"resamples": 100, **settings}))
    (task,) = run.results.model_dump(mode="json")["tasks"].values()
    return task


def named(*files: str) -> tuple[NamedOutputs, ...]:
    return sources_of([(name, read_output(Path(file))) for name, _, file in (text.partition("=") for text in files)])


def pair_of(task: dict[str, Any], a: str, b: str, stratum: str = "all") -> dict[str, Any]:
    pairs = task["characteristics"]["prediction_errors"]["strata"][stratum]["pairs"]
    return next(pair for pair in pairs if (pair["a"], pair["b"]) == (a, b))


def refused(*files: str, **settings: Any) -> str:
    with pytest.raises(UserError) as caught:
        compared(*files, **settings)
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value)


def test_answers_are_scored_as_in_a_run(folder: Path) -> None:
    task = compared("large=large.json", "small=small.json", gold="gold.json")
    strata = task["characteristics"]["prediction_errors"]["strata"]
    assert {name: (stratum["n"], stratum["groups"]) for name, stratum in strata.items()} == {
        "all": (6, 2),
        "answerable": (3, 2),
        "unanswerable": (3, 2),
    }
    # large is wrong on a2 and u2 ("the Paris" is right), small on a2, a3 and u3.
    pair = pair_of(task, "large", "small")
    assert pair["jaccard"]["value"] == 1 / 4
    assert (pair["newly_wrong"], pair["newly_right"]) == (2, 1)
    assert pair["disagreement"]["value"] == 4 / 6  # all but a1 and u1
    assert pair_of(task, "large", "small", "answerable")["jaccard"]["value"] == 1 / 2
    assert task["deployments"]["large"]["quality"] == filled(
        Quality, exact=4 / 6, f1=4 / 6, exact_answerable=2 / 3, exact_unanswerable=2 / 3
    )
    recalls = task["characteristics"]["prediction_errors"]["recalls"]
    assert {label: one["rates"]["small"]["value"] for label, one in recalls.items()} == {
        "answerable": 1 / 3,
        "unanswerable": 2 / 3,
    }
    assert task["data"]["evaluation"] == {
        "source": "gold.json",
        "examples": 6,
        "groups": 2,
        "mean_tokens": None,
        "answerable": 0.5,
        "commonest_label": None,
    }


def as_evaluate_takes_them(answers: dict[str, str]) -> list[dict[str, Any]]:
    return [{"id": id, "prediction_text": said, "no_answer_probability": 0.25} for id, said in answers.items()]


def test_lists_as_evaluate_takes_them_are_scored_the_same(folder: Path) -> None:
    put("large-list.json", as_evaluate_takes_them(LARGE))
    put("small-list.json", as_evaluate_takes_them(SMALL))
    references = [{"id": id, "answers": {"text": [], "answer_start": []}} for id in IDS]
    for reference in references:
        if reference["id"] in GOLD:
            reference["answers"] = {"text": [GOLD[reference["id"]]], "answer_start": [5]}
    put("references.json", references)
    expected = compared("large=large.json", "small=small.json", gold="gold.json")
    for gold in ("gold.json", "references.json"):
        found = compared("large=large-list.json", "small=small-list.json", gold=gold)
        for name in ("large", "small"):
            assert found["deployments"][name]["quality"] == expected["deployments"][name]["quality"]
        overlaps = [pair_of(task, "large", "small")["jaccard"]["value"] for task in (found, expected)]
        assert overlaps[0] == overlaps[1]
    assert found["data"]["evaluation"]["groups"] == len(IDS)  # references name no passage


def test_gold_questions_may_be_a_line_each(folder: Path) -> None:
    rows = [
        {
            "id": question["id"],
            "question": question["question"],
            "context": paragraph["context"],
            "answers": {key: [answer[key] for answer in question["answers"]] for key in ("text", "answer_start")},
        }
        for paragraph in json.loads(Path("gold.json").read_text())["data"][0]["paragraphs"]
        for question in paragraph["qas"]
    ]
    put("gold.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    tasks = [compared("large=large.json", "small=small.json", gold=gold) for gold in ("gold.json", "gold.jsonl")]
    assert tasks[0]["deployments"] == tasks[1]["deployments"]
    assert tasks[0]["data"]["evaluation"]["groups"] == tasks[1]["data"]["evaluation"]["groups"] == len(CONTEXTS)


def test_whole_numbers_are_ids_in_every_file(folder: Path) -> None:
    references = [{"id": n, "answers": {"text": ["Paris"], "answer_start": [0]}} for n in (1, 2)]
    put("references.json", references)
    put("large.json", [{"id": 1, "prediction_text": "Paris"}, {"id": 2, "prediction_text": ""}])
    put("small.json", {"1": "Paris", "2": "London"})
    task = compared("large=large.json", "small=small.json", gold="references.json")
    assert [deployment["quality"]["exact"] for deployment in task["deployments"].values()] == [0.5, 0.5]


@pytest.mark.parametrize(
    ("records", "told"),
    [
        ([{"id": "a1", "prediction_text": 3}], "the answer to 'a1': is 3, not a text"),
        ([{"id": "a1", "answer": "x"}], "[0]: is {'id': 'a1', 'answer': 'x'}; write a list of records with id and"),
        ([{"id": "a1", "prediction_text": ""}, "a2"], "[1]: is 'a2'; write a list of records"),
        ([{"id": "a1", "prediction_text": ""}] * 2, "[1].id: is 'a1', as one before it"),
        ([{"id": None, "prediction_text": ""}], "[0].id: is None, not an id"),
    ],
)
def test_a_bad_list_is_one_line(folder: Path, records: list[Any], told: str) -> None:
    put("large.json", records)
    assert told in refused("large=large.json", "small=small.json", gold="gold.json")


def test_error_ids_give_the_same_overlap_and_no_disagreement(folder: Path) -> None:
    put("large.txt", "u2\na2\n")
    put("small-errors.json", ["a2", "u3", "a3"])
    answers = compared("large=large.json", "small=small.json", gold="gold.json")
    errors = compared("large=large.txt", "small=small-errors.json", gold="gold.json")
    for stratum in ("all", "answerable", "unanswerable"):
        known, unknown = pair_of(answers, "large", "small", stratum), pair_of(errors, "large", "small", stratum)
        assert unknown["disagreement"] is None and known["disagreement"] is not None
        counted = ("jaccard", "expected_jaccard", "newly_wrong", "newly_right")
        assert [unknown[name] for name in counted] == [known[name] for name in counted]
    assert errors["deployments"]["small"]["quality"] == answers["deployments"]["small"]["quality"] | {"f1": None}
    assert any("how many predictions differ is unknown" in note for note in errors["notes"])
    assert not any("how many predictions differ" in note for note in answers["notes"])


@pytest.mark.parametrize("given", [{"ids": "ids.txt"}, {"examples": 6}])
def test_error_ids_without_gold_data(folder: Path, given: dict[str, Any]) -> None:
    put("large.txt", "u2\na2\n")
    put("small.txt", "a2\nu3\na3\n")
    task = compared("large=large.txt", "small=small.txt", **given)
    pair = pair_of(task, "large", "small")
    assert pair["jaccard"]["value"] == 1 / 4
    assert pair["expected_jaccard"] == pytest.approx(1 / 4)  # an overlap of 2 * 3 / 6 out of 4
    assert task["deployments"]["small"]["quality"] == filled(Quality, accuracy=0.5)
    assert task["data"]["evaluation"]["examples"] == task["data"]["evaluation"]["groups"] == 6
    assert any("Groups are unknown" in note for note in task["notes"])


def test_groups_come_from_a_column(folder: Path) -> None:
    put("large.txt", "u2\na2\n")
    put("small.txt", "a2\nu3\na3\n")
    put(
        "ids.csv",
        "id,group\n" + "".join(f"{id},{place}\n" for place, ids in enumerate(CONTEXTS.values()) for id in ids),
    )
    put("large.csv", "id,prediction,label,group\n1,y,y,a\n2,n,y,a\n3,n,n,b\n4,n,n,b\n")
    put("small.csv", "id,prediction\n1,n\n2,n\n3,n\n4,y\n")
    put("gold.csv", "id,label,group\n1,y,a\n2,y,a\n3,n,a\n4,n,b\n")
    from_ids = compared("large=large.txt", "small=small.txt", ids="ids.csv")
    beside, gold = (compared("large=large.csv", "small=small.csv", **given) for given in ({}, {"gold": "gold.csv"}))
    for task in (from_ids, beside, gold):
        assert task["data"]["evaluation"]["groups"] == 2
        assert not any("Groups are unknown" in note for note in task["notes"])
    put("gold.csv", "id,label\n1,y\n2,y\n3,n\n4,n\n")
    put(
        "part.jsonl",
        "".join(
            f'{{"id": {id}, "prediction": "y"{more}}}\n'
            for id, more in zip("1234", (', "group": "a"', "", "", ""), strict=True)
        ),
    )
    assert "line 2: has the columns 'id, prediction', but no 'group'" in refused(
        "large=small.csv", "part=part.jsonl", gold="gold.csv"
    )
    put("bare.csv", "id\nu1\n")
    assert "'group'" in refused("large=large.txt", "small=small.txt", ids="bare.csv")


def test_one_list_of_error_ids_hides_what_the_others_said(folder: Path) -> None:
    put("small.txt", "a2\nu3\na3\n")
    task = compared("large=large.json", "again=large.json", "small=small.txt", gold="gold.json")
    assert pair_of(task, "large", "again")["disagreement"] is None
    assert pair_of(task, "large", "small")["jaccard"]["value"] == 1 / 4


def test_classes_and_where_their_labels_come_from(folder: Path) -> None:
    put("large.csv", "id,prediction,label\n1,yes,yes\n2,no,yes\n3,no,no\n4,no,no\n")
    put(
        "small.jsonl",
        "".join(
            f'{{"id": {id}, "prediction": "{c}"}}\n' for id, c in zip("4321", ("yes", "no", "no", "no"), strict=True)
        ),
    )
    put("gold.csv", "id,label\n4,no\n1,yes\n3,no\n2,yes\n")
    inside = compared("large=large.csv", "small=small.jsonl")
    beside = compared("large=large.csv", "small=small.jsonl", gold="gold.csv")
    for task in (inside, beside):
        pair = pair_of(task, "large", "small")
        assert (pair["newly_wrong"], pair["newly_right"]) == (2, 0)
        assert (pair["jaccard"]["value"], pair["disagreement"]["value"]) == (1 / 3, 2 / 4)
        assert task["deployments"]["large"]["quality"] == filled(Quality, accuracy=0.75)
        assert task["data"]["evaluation"]["commonest_label"] == 0.5
    put("other.csv", "id,prediction,label\n1,yes,yes\n2,no,yes\n3,no,yes\n4,no,no\n")
    message = refused("large=large.csv", "other=other.csv")
    assert "'3'" in message and "'yes'" in message and "'no'" in message and "large.csv" in message
    put("numbers.csv", "id,prediction\n1,1\n2,0\n3,0\n4,0\n")
    message = refused("large=large.csv", "numbers=numbers.csv")
    assert "numbers.csv" in message and "'0, 1'" in message and "'no, yes'" in message


def test_representations_lie_in_the_order_of_the_gold_data(folder: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(6, 3))
    np.save("large.npy", rows)
    np.savez("small.npz", 2 * rows)
    files = ("large=large.json", "large=large.npy", "small=small.json", "small=small.npz")
    task = compared(*files, gold="gold.json")
    found = task["characteristics"]["data_representation"]
    assert found["n"] == 6
    (pair,) = found["pairs"]
    assert pair["neighbours"]["5"]["value"] == 1 and pair["cka"]["value"] == pytest.approx(1)
    # Three of the six are about the other paragraph: no five neighbours are left.
    assert found["chance_jaccard_other_groups"]["5"] is None
    assert [source["kind"] for source in task["deployments"]["large"]["sources"]] == ["answers", "representations"]
    np.save("short.npy", rows[:5])
    message = refused("large=large.npy", "small=short.npy", gold="gold.json")
    assert "short.npy: 5 rows" in message and "gold.json has 6" in message


def test_common_takes_the_rows_of_the_examples_that_are_left(folder: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(6, 3))
    np.save("large.npy", rows)
    # The same but for the rows of a2 and u2, which are not compared.
    changed = rows.copy()
    changed[[IDS.index("a2"), IDS.index("u2")]] *= -9
    np.save("small.npy", changed)
    put("part.json", {id: said for id, said in SMALL.items() if id != "u2"} | {"x": "", "y": ""})
    put("few.json", {id: said for id, said in LARGE.items() if id != "a2"})
    put("errors.txt", "a2\nu3\nz\n")
    files = ("large=few.json", "large=large.npy", "small=part.json", "small=small.npy", "errors=errors.txt")
    task = compared(*files, gold="gold.json", common=True)
    assert task["characteristics"]["data_representation"]["pairs"][0]["cka"]["value"] == pytest.approx(1)
    assert task["characteristics"]["prediction_errors"]["strata"]["all"]["n"] == 4
    assert pair_of(task, "large", "small")["newly_wrong"] == 2  # a3 and u3
    assert task["deployments"]["errors"]["quality"]["exact"] == 3 / 4
    (note,) = [note for note in task["notes"] if "Left out" in note]
    assert note == (
        "Compared are the 4 examples that all files have. Left out: 2 of gold.json, 1 of few.json, 3 of part.json, "
        "2 of errors.txt."
    )


def test_ids_that_not_every_file_has(folder: Path) -> None:
    put("part.json", {"a1": "London"})
    message = refused("large=large.json", "part=part.json", gold="gold.json")
    assert message.startswith("part.json: lacks 5 ids that gold.json has: 'a2', 'u1', 'a3' and 2 more;")
    assert "--common" in message
    put("more.json", LARGE | {"x": ""})
    assert refused("large=large.json", "more=more.json", gold="gold.json").startswith(
        "more.json: has an id that gold.json has not: 'x';"
    )
    put("errors.txt", "a1\nb1\nb2\n")
    assert "errors.txt: has 2 ids that ids.txt has not: 'b1', 'b2'" in refused(
        "large=errors.txt", "small=errors.txt", ids="ids.txt"
    )
    put("foreign.txt", "b1\nb2\n")
    message = refused("large=errors.txt", "small=foreign.txt", ids="ids.txt", common=True)
    assert message.startswith("foreign.txt: none of its ids is in ids.txt")
    put("foreign.json", {"b1": ""})
    message = refused("large=large.json", "small=foreign.json", gold="gold.json", common=True)
    assert "no id of it is in all files" in message or message.startswith("foreign.json")


def test_groups_stay_with_their_examples(folder: Path) -> None:
    put("two.json", {"a1": "London", "a3": "Paris"})
    task = compared("large=large.json", "small=two.json", gold="gold.json", common=True)
    assert task["characteristics"]["prediction_errors"]["strata"]["all"]["groups"] == 2


def test_floors(folder: Path) -> None:
    files = ("large=large.json", "again=large.json", "seed=small.json", "small=small.json")
    task = compared(*files, gold="gold.json", floors={"again": "execution", "seed": "seed"})
    kinds = {name: (d["model"], d["replicate_of"], d["replicate_kind"]) for name, d in task["deployments"].items()}
    assert kinds == {
        "large": ("large", None, None),
        "again": ("large", "large", "execution"),
        "seed": ("seed", "large", "seed"),
        "small": ("small", None, None),
    }
    for name in ("large", "nobody"):
        message = refused(*files, gold="gold.json", floors={name: "seed"})
        assert message.startswith(f"{name}: is no floor") and "again, seed, small" in message


@pytest.mark.parametrize(
    ("files", "settings", "parts"),
    [
        (["large=large.json"], {"gold": "gold.json"}, ["large", "one name alone"]),
        (["large=large.json", "large=small.json"], {"gold": "gold.json"}, ["large:", "large.json", "small.json"]),
        (["large=large.json", "small=small.json"], {"gold": "labels.csv"}, ["large.json", "labels.csv", "--gold"]),
        (["large=large.json", "small=e.txt"], {"ids": "ids.txt"}, ["e.txt", "large.json", "without labels", "--gold"]),
        (["large=bare.csv", "small=e.txt"], {"ids": "ids.txt"}, ["e.txt", "bare.csv", "without labels", "--gold"]),
        (["large=large.json", "small=small.json"], {"examples": 6}, ["large.json", "--examples"]),
        (["large=e.txt", "small=e.txt"], {}, ["e.txt", "--gold", "--ids", "--examples"]),
        (["large=e.txt", "small=e.txt"], {"examples": 2}, ["--examples: 2", "name 3"]),
        (["large=e.txt", "small=e.txt"], {"examples": 2, "ids": "ids.txt"}, ["--gold, --ids and --examples"]),
        (["large=c.csv", "small=c.csv"], {"gold": "gold.json"}, ["c.csv", "classes", "gold.json", "questions"]),
        (["large=c.csv", "small=small.json"], {}, ["c.csv", "classes", "small.json", "answers"]),
        (["large=r.npy", "small=e.txt"], {"examples": 6}, ["large:", "predictions or error ids", "small"]),
        (["large=e.txt", "small=r.npy"], {"examples": 6}, ["large:", "representations", "small"]),
        (["large=r.npy", "small=r.npy"], {"examples": 7}, ["r.npy: 6 rows", "--examples 7"]),
        (["large=r.npy", "small=s.npy"], {}, ["s.npy: 5 rows", "r.npy has 6"]),
        (["large=large.json", "small=small.json"], {"gold": "none.json"}, ["none.json", "no such"]),
        (["large=large.json", "small=small.json"], {"gold": "large.json"}, ["large.json", "data"]),
    ],
)
def test_files_that_do_not_fit(folder: Path, files: list[str], settings: dict[str, Any], parts: list[str]) -> None:
    put("e.txt", "a1\na2\nu1\n")
    put("c.csv", "id,prediction,label\na1,1,1\n")
    put("labels.csv", "id,label\n" + "".join(f"{id},1\n" for id in IDS))
    put("bare.csv", "id,prediction\n" + "".join(f"{id},1\n" for id in IDS))
    np.save("r.npy", np.eye(6))
    np.save("s.npy", np.eye(5))
    message = refused(*files, **settings)
    for part in parts:
        assert part in message, message


def test_the_result_names_what_it_was_made_of(folder: Path) -> None:
    run = compare(named("large=large.json", "small=small.json"), Settings(gold=Path("gold.json"), seed=7))
    assert run.results.settings == ComparisonSettings(resamples=1000, seed=7)
    (source,) = run.results.tasks["question-answering"].deployments["small"].sources
    digest = hashlib.sha256(Path("small.json").read_bytes()).hexdigest()
    assert source == OutputFile(file="small.json", kind="answers", sha256=digest)


def test_one_example_is_enough_not_to_fall_over(folder: Path) -> None:
    put("one.csv", "id,prediction,label\na1,1,1\n")
    np.save("one.npy", np.ones((1, 4)))
    task = compared("large=one.csv", "large=one.npy", "small=one.csv", "small=one.npy")
    assert pair_of(task, "large", "small")["jaccard"]["value"] is None
    assert task["characteristics"]["data_representation"]["pairs"][0]["neighbours"]["5"]["value"] is None


def test_probabilities_give_divergences_from_every_form(folder: Path) -> None:
    """One model's table, the other's array in the order of the labels, ids beside it, and classes in another order."""
    put("gold.csv", "id,label\na,no\nb,yes\nc,yes\n")
    put("large.csv", "id,prob_no,prob_yes\nc,0.5,0.5\na,0.9,0.1\nb,0.2,0.8\n")
    rows = np.array([[0.8, 0.2], [0.6, 0.4], [0.5, 0.5]])
    np.savez("ordered.npz", probabilities=rows, classes=["no", "yes"])
    np.savez("by-id.npz", probabilities=rows[[2, 0, 1]][:, ::-1], ids=["c", "a", "b"], classes=["yes", "no"])
    task = compared("large=large.csv", "ordered=ordered.npz", "by-id=by-id.npz", gold="gold.csv")
    stratum = task["characteristics"]["prediction_errors"]["strata"]["all"]
    p, q = np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]]), rows
    found = stratum["divergences"]["ordered"]
    assert found["kullback_leibler"]["mean"]["value"] == pytest.approx((p * np.log(p / q)).sum(axis=1).mean())
    mixed = (p + q) / 2
    bits = ((p * np.log2(p / mixed) + q * np.log2(q / mixed)) / 2).sum(axis=1)
    assert found["jensen_shannon"]["median"]["value"] == pytest.approx(np.median(bits))
    assert found["jensen_shannon"]["max"] == pytest.approx(bits.max())
    assert stratum["divergences"]["by-id"] == found
    assert pair_of(task, "large", "ordered")["disagreement"]["value"] == pytest.approx(1 / 3)  # b; c is a tie of both
    assert task["deployments"]["ordered"]["quality"]["accuracy"] == pytest.approx(1 / 3)


def test_probabilities_beside_predictions(folder: Path) -> None:
    """A threshold of the system's own decides, and the array tells how far the probabilities are; the rest has none."""
    put("large.csv", "id,prediction,label,prob_0,prob_1\na,0,0,0.9,0.1\nb,1,1,0.6,0.4\n")
    put("small.csv", "id,prediction\nb,1\na,1\n")
    np.save("small-logits.npy", np.zeros((2, 2), dtype=np.float32))
    task = compared("large=large.csv", "small=small.csv", "small=small-logits.npy", "bare=small.csv")
    assert task["deployments"]["small"]["quality"]["accuracy"] == 0.5
    assert list(task["characteristics"]["prediction_errors"]["strata"]["all"]["divergences"]) == ["small"]
    assert [source["kind"] for source in task["deployments"]["small"]["sources"]] == ["classes", "probabilities"]


def test_probabilities_that_do_not_fit(folder: Path) -> None:
    put("large.csv", "id,label,prob_no,prob_yes\na,no,0.9,0.1\nb,yes,0.2,0.8\n")
    put("other.csv", "id,prob_n,prob_y\na,0.9,0.1\nb,0.2,0.8\n")
    np.savez("one.npz", logits=np.zeros((1, 2)), ids=["a"], classes=["no", "yes"])
    np.save("logits.npy", np.zeros((3, 2)))
    np.save("answers-logits.npy", np.zeros((6, 2)))
    assert "none of its classes" in refused("large=large.csv", "other=other.csv")
    assert "lacks an id" in refused("large=large.csv", "one=one.npz")
    assert "3 rows, but large.csv has 2" in refused("large=large.csv", "small=logits.npy")
    assert "both hold its probabilities" in refused("large=large.csv", "large=logits.npy", "small=other.csv")
    files = ("large=large.json", "small=small.json", "small=answers-logits.npy")
    assert "holds probabilities, but gold.json holds questions" in refused(*files, gold="gold.json")
    put("other.csv", "id,prediction,prob_n,prob_y\na,no,0.9,0.1\nb,yes,0.2,0.8\n")
    assert "name them alike everywhere" in refused("large=large.csv", "other=other.csv")
    put("stray.csv", "id,prediction,label,prob_no,prob_yes\na,maybe,no,0.9,0.1\nb,yes,yes,0.2,0.8\n")
    assert "predicts 'maybe' for 'a'" in refused("large=large.csv", "stray=stray.csv")


def test_without_labels_predictions_are_compared_and_nothing_is_an_error(folder: Path) -> None:
    put("large.csv", "id,prob_no,prob_yes\n1,0.9,0.1\n2,0.2,0.8\n3,0.6,0.4\n4,0.3,0.7\n")
    put("small.csv", "id,prob_no,prob_yes\n1,0.8,0.2\n2,0.6,0.4\n3,0.6,0.4\n4,0.3,0.7\n")
    by_class = compared("large=large.csv", "small=small.csv", "again=large.csv", floors={"again": "execution"})
    answers = compared("large=large.json", "small=small.json", ids="ids.txt")
    for task, changed in ((by_class, 1 / 4), (answers, 4 / 6)):
        stratum = task["characteristics"]["prediction_errors"]["strata"]["all"]
        pair = pair_of(task, "large", "small")
        assert pair["disagreement"]["value"] == changed
        assert (pair["newly_wrong"], pair["newly_right"], pair["mcnemar_p"]) == (None, None, None)
        assert pair["jaccard"]["value"] is pair["negative_flip_rate"]["value"] is None
        assert (stratum["errors"], stratum["scores"], stratum["verdicts"]["jaccard"]) == ({}, {}, {})
        assert {one["quality"] for one in task["deployments"].values()} == {None}
        assert any("no labels" in note for note in task["notes"])
    stratum = by_class["characteristics"]["prediction_errors"]["strata"]["all"]
    assert stratum["verdicts"]["disagreement"]["small"]["floor"]["value"] == 0
    assert stratum["divergences"]["small"]["jensen_shannon"]["max"] > 0
    assert by_class["characteristics"]["calibration"] is None


def test_a_report_without_labels(folder: Path) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (400, 2))
    np.save("large-logits.npy", logits)
    np.save("near-logits.npy", logits + rng.normal(0, 0.001, (400, 2)))
    np.save("small-logits.npy", logits + rng.normal(0, 2, (400, 2)))
    files = ("large=large-logits.npy", "near=near-logits.npy", "small=small-logits.npy", "again=large-logits.npy")
    run = compare(named(*files), Settings(floors={"again": "execution"}, resamples=100))
    (task,) = tasks_of(run)
    assert not task.labelled
    assert recommendation(task)[0].startswith("The same in its predictions: near: changes 0.0 %")
    (finding,) = [one for one in findings_on(task) if one.rule == "changed-without-labels"]
    assert "[3] small" in finding.text
    told = to_markdown(build_report(run))
    assert "share of the same predictions" in told and "newly wrong" not in told.lower()
    assert "without labels" in title(task)


def test_probabilities_with_labels_are_calibrated(folder: Path) -> None:
    put("large.csv", "id,label,prob_no,prob_yes\na,no,0.9,0.1\nb,yes,0.2,0.8\nc,yes,0.6,0.4\n")
    put("small.csv", "id,prediction,prob_yes,prob_no\na,yes,0.3,0.7\nb,yes,0.5,0.5\nc,no,0.1,0.9\n")
    put("bare.csv", "id,prediction\na,no\nb,yes\nc,yes\n")
    found = compared("large=large.csv", "small=small.csv", "bare=bare.csv")["characteristics"]["calibration"]
    assert list(found["deployments"]) == ["large", "small"] and found["brier"] == "multi-class"
    large, small = found["deployments"].values()
    assert large["confidence"]["value"] == pytest.approx((0.9 + 0.8 + 0.6) / 3)
    assert large["overconfidence"]["value"] == pytest.approx((0.9 + 0.8 + 0.6) / 3 - 2 / 3)
    assert large["brier"]["value"] == pytest.approx(2 * (0.1**2 + 0.2**2 + 0.6**2) / 3)
    assert small["confidence"]["value"] == pytest.approx((0.3 + 0.5 + 0.9) / 3)  # of what it predicts
    assert compared("large=bare.csv", "small=large.csv")["characteristics"]["calibration"] is None
