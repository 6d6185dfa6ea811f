"""The embedded corpora: repeatable, apart from each other, and true to their own gold."""

from itertools import pairwise

import pytest

from harness.demo.corpora import CORPORA, LABELS, SPLITS, generate
from harness.demo.names import SPLIT_SHARES, STEMS, SURNAME_ENDS, TOWN_ENDS, belongs
from harness.errors import UserError
from harness.examples.records import QuestionExample, TextExample

TASKS = ("question-answering", "text-classification")


def questions(split: str, size: int, seed: int = 0) -> list[QuestionExample]:
    examples = generate("question-answering", split, size, seed)
    found = [example for example in examples if isinstance(example, QuestionExample)]
    assert found == examples
    return found


def reviews(split: str, size: int, seed: int = 0) -> list[TextExample]:
    examples = generate("text-classification", split, size, seed)
    found = [example for example in examples if isinstance(example, TextExample)]
    assert found == examples
    return found


@pytest.mark.parametrize("task", CORPORA)
@pytest.mark.parametrize("split", SPLITS)
def test_a_smaller_corpus_is_the_beginning_of_a_larger_one(task: str, split: str) -> None:
    larger = generate(task, split, 101, 3)
    assert len(larger) == 101
    assert generate(task, split, 40, 3) == larger[:40]
    assert generate(task, split, 40, 4) != larger[:40]
    assert len({example.id for example in larger}) == 101


@pytest.mark.parametrize("split", SPLITS)
def test_answers_stand_where_they_are_said_to(split: str) -> None:
    for example in questions(split, 1500):
        assert len(example.answers) == len(example.answer_starts) <= 1
        for answer, start in zip(example.answers, example.answer_starts, strict=True):
            assert answer
            assert example.context[start : start + len(answer)] == answer


@pytest.mark.parametrize("split", SPLITS)
def test_an_answer_is_told_once_only(split: str) -> None:
    """Otherwise the offset of the gold span would be a choice of ours."""
    repeated = sum(
        example.context.count(f" {example.answers[0]}") > 1 for example in questions(split, 1500) if example.answerable
    )
    assert repeated <= 30


@pytest.mark.parametrize("split", SPLITS)
def test_questions_come_in_both_sorts_and_several_a_passage(split: str) -> None:
    examples = questions(split, 2000)
    answerable = sum(example.answerable for example in examples) / len(examples)
    assert 0.55 < answerable < 0.65
    contexts = {example.group: example.context for example in examples}
    assert len(contexts) == len(set(contexts.values())) == 400
    assert all(contexts[example.group] == example.context for example in examples)
    asked = [(example.group, example.question) for example in examples]
    assert len(asked) == len(set(asked))


@pytest.mark.parametrize("split", SPLITS)
def test_of_two_successive_reviews_one_is_positive(split: str) -> None:
    examples = reviews(split, 600)
    assert all(a.label != b.label for a, b in list(pairwise(examples))[::2])
    assert {example.label for example in examples} == set(range(len(LABELS)))


@pytest.mark.parametrize("task", CORPORA)
def test_splits_share_no_text(task: str) -> None:
    texts = {}
    for split in SPLITS:
        by_group: dict[str, list[str]] = {}  # a sentence may say little, a passage does not
        for example in generate(task, split, 3000 if task in TASKS else 400, 0):
            by_group.setdefault(example.group, []).extend(example.parts.values())
        texts[split] = {" ".join(parts) for parts in by_group.values()}
    assert not texts["train"] & texts["evaluation"]
    assert not (texts["train"] | texts["evaluation"]) & texts["out-of-distribution"]


def test_every_text_has_a_name_of_its_split_and_none_of_another() -> None:
    for split in SPLITS:
        texts = [example.context for example in questions(split, 500)]
        texts += [example.text for example in reviews(split, 200)]
        for text in texts:
            names = [word.strip('.,"') for word in text.split() if len(word) > 3 and word[0].isupper()]
            invented = [name for name in names if name in INVENTED]
            assert any(belongs(name, split) for name in invented), text
            for other in set(SPLIT_SHARES) - {split}:
                assert not any(belongs(name, other) for name in invented), text


INVENTED = {stem + end for stem in STEMS for end in (*SURNAME_ENDS, *TOWN_ENDS)}


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("split", SPLITS)
def test_texts_read_well(task: str, split: str) -> None:
    for example in generate(task, split, 400, 0):
        text = example.context if isinstance(example, QuestionExample) else example.text
        assert text[0].isupper() or text[0] in '"123456789'
        assert text[-1] in '.?"'
        assert "  " not in text and "{" not in text and " a a" not in text.replace(" a an", "")
        for vowel in "aeio":
            assert f" a {vowel}" not in text
        if isinstance(example, QuestionExample):
            assert example.question[0].isupper() and example.question.endswith("?")


@pytest.mark.parametrize(
    ("task", "split", "size", "named"),
    [
        ("translation", "train", 5, "translation"),
        ("question-answering", "test", 5, "test"),
        ("text-classification", "train", 0, "0"),
        ("retrieval", "test", 5, "test"),
    ],
)
def test_what_there_is_not_is_one_clear_line(task: str, split: str, size: int, named: str) -> None:
    with pytest.raises(UserError, match=named) as caught:
        generate(task, split, size, 0)
    assert "\n" not in str(caught.value)
