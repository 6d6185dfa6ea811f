"""The shipped family: small, whole, loadable for its task, and as good as its table says."""

from pathlib import Path

import pytest
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from harness.config.task_registry import TASKS, task_class
from harness.demo import embedded_names, files, write_checkpoint
from harness.demo.corpora import CORPORA
from harness.demo.weights import FAMILY, MODELS
from harness.errors import UserError
from tools.demo_family_members import VOCABULARY, member

MEMBERS = [(task, name) for task, names in MODELS.items() for name in names]


def test_the_whole_family_is_small() -> None:
    """The repository keeps every version of it."""
    assert sum(file.stat().st_size for file in FAMILY.rglob("*") if file.is_file()) < 14_200_000


def test_three_sizes_a_task_besides_the_replicates() -> None:
    for task in ("question-answering", "text-classification"):
        names = embedded_names(task)
        assert names[0] == "reference"
        assert [name for name in names if not name.startswith("reference-seed")][:3] == ["reference", "small", "tiny"]


def test_every_task_has_a_reference_a_replicate_and_a_smaller_one() -> None:
    """Of a head that several tasks have in common, those of each by the corpus that they learned."""
    for head, names in MODELS.items():
        by_task: dict[str, list[str]] = {}
        for name in names:
            by_task.setdefault(member(head, name).task, []).append(name)
        for own in by_task.values() if head != "masked-language-model" else ():
            assert f"{own[0]}-seed-1" in own and own[-1].endswith("tiny")
    assert {task_class(task).head.task for task in TASKS} < set(MODELS)
    assert embedded_names("masked-language-model") == ("reviews",)
    assert embedded_names("translation") == ()


@pytest.mark.parametrize(("task", "name"), MEMBERS)
def test_a_member_becomes_a_checkpoint_of_its_task(task: str, name: str, tmp_path: Path) -> None:
    from harness.checkpoints.validate import validate_checkpoint

    write_checkpoint(name, task, tmp_path / "checkpoint")
    shape, learned = member(task, name).shape, member(task, name).task
    scores = learned in ("text-pair-regression", "reranking")
    labels = ("score",) if scores else CORPORA[learned].labels if learned in CORPORA else None
    info = validate_checkpoint(tmp_path / "checkpoint", task=task, labels=labels)
    assert (info.layers, info.hidden) == (shape.layers, shape.hidden)
    assert info.vocabulary == VOCABULARY
    weights = load_file(tmp_path / "checkpoint" / "model.safetensors")
    assert {str(tensor.dtype) for tensor in weights.values()} == {"float32"}


def test_files_identify_a_member() -> None:
    reference = files("reference", "question-answering")
    assert [file.name for file in reference] == [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ]
    assert reference[1].read_bytes() != files("reference-seed-1", "question-answering")[1].read_bytes()


@pytest.mark.parametrize("task", ["question-answering", "text-classification", "translation"])
def test_an_unknown_member_is_one_clear_line(task: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'huge'") as caught:
        write_checkpoint("huge", task, tmp_path)
    assert "\n" not in str(caught.value)


def test_damaged_weights_are_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    family = tmp_path / "family"
    shutil.copytree(FAMILY / "question-answering" / "tiny", family / "question-answering" / "tiny")
    for file in FAMILY.glob("tokenizer*.json"):
        shutil.copyfile(file, family / file.name)
    weights = family / "question-answering" / "tiny" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    monkeypatch.setattr("harness.demo.weights.FAMILY", family)
    with pytest.raises(UserError, match="damaged") as caught:
        write_checkpoint("tiny", "question-answering", tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_the_tokenizer_knows_its_domain_and_marks_what_it_does_not_know() -> None:
    tokenizer = Tokenizer.from_file(str(FAMILY / "tokenizer.json"))
    assert tokenizer.get_vocab_size() <= VOCABULARY
    encoding = tokenizer.encode("Who taught Marta?", "She was taught by 李.")
    assert encoding.tokens[0] == "[CLS]" and encoding.tokens.count("[SEP]") == 2
    assert "taught" in encoding.tokens and "[UNK]" in encoding.tokens
    assert encoding.type_ids[-1] == 1


@pytest.mark.slow
@pytest.mark.parametrize("head", [head for head in MODELS if head != "masked-language-model"])
def test_the_references_are_right_and_the_tiny_ones_are_worse(head: str) -> None:
    from tools.measure_demo_family import measure, studied

    for name in embedded_names(head):
        if "-seed-" in name or name.endswith(("tiny", "small")):
            continue
        smallest = "tiny" if name == "reference" else f"{name}-tiny"
        for task in studied(head, name):
            best, least = (measure(one, task, "evaluation", size=200) for one in (name, smallest))
            figure = "spearman" if "spearman" in best else next(iter(best))
            assert best[figure] > (0.65 if task == "multi-label-classification" else 0.85), (task, best)
            assert least[figure] < best[figure] - 0.005, (task, best, least)
