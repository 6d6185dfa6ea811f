"""What comes out of a training, and what cannot be trained on."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from harness.checkpoints.loading import load_model
from harness.checkpoints.materialize import materialize
from harness.checkpoints.validate import validate_checkpoint
from harness.config.checkpoints import PrunedCheckpoint
from harness.config.tasks import QuestionAnswering
from harness.config.training import PlannedDistillation, Recipe
from harness.errors import StepFailed, UserError
from harness.examples.records import QuestionExample
from harness.tasks.fast_tokenizer import read_tokenizer
from harness.tasks.question_answering import answer_spans
from harness.tasks.task import task_for
from harness.training.fine_tuning import fine_tune
from harness.training.masked_language_model import train_masked_language_model
from tests.harness.training.tiny_training import LABELS, questions, texts, train_case, write_start


def tune(start, destination, **changes):
    arguments = {
        "task": "text-classification",
        "examples": texts(40),
        "labels": LABELS,
        "recipe": Recipe(epochs=15, batch_size=8, learning_rate=5e-3, max_length=32),
        "seed": 0,
        "teacher": None,
        "distillation": None,
        "question_answering": None,
        "work": destination / "work",
        "progress": lambda description, fraction: None,
    }
    return fine_tune(start, destination / "trained", **(arguments | changes))


def test_it_learns_and_leaves_a_checkpoint(starts, tmp_path):
    heard = []
    record = tune(starts["text-classification"], tmp_path, progress=lambda what, share: heard.append((what, share)))
    info = validate_checkpoint(tmp_path / "trained", task="text-classification", labels=LABELS)
    assert info.labels == LABELS
    shares = [share for _, share in heard]
    assert shares == sorted(shares) and shares[-1] == 1
    assert heard[-1][0].startswith("fine-tuning: step 75 of 75, loss ")
    assert (record["steps"], record["features"]) == (75, 40)
    losses = [loss for _, loss in record["loss"]]
    assert losses[-1] < 0.6 * losses[0]
    json.dumps(record)
    assert not any("bin" in file.suffix for file in (tmp_path / "trained").iterdir())


def test_long_contexts_make_more_features_than_examples(starts, tmp_path):
    record = tune(
        starts["question-answering"],
        tmp_path,
        task="question-answering",
        examples=questions(20),
        labels=None,
        recipe=Recipe(epochs=1, batch_size=8, max_length=24),
        question_answering=QuestionAnswering(max_seq_length=384, doc_stride=128),
    )
    assert record["examples"] == 20 < record["features"]


def test_a_loss_that_is_no_number_stops_the_training(starts, tmp_path):
    recipe = Recipe(epochs=20, batch_size=8, learning_rate=1e30, max_length=32, warmup_ratio=0)
    with pytest.raises(StepFailed, match=r"lower recipe\.learning_rate"):
        tune(starts["text-classification"], tmp_path, recipe=recipe)
    assert not (tmp_path / "trained").exists()


def test_pruned_weights_stay_zero_and_the_others_learn(starts, tmp_path):
    source = PrunedCheckpoint(pruned="whole", sparsity="2:4")
    start, task = tmp_path / "start", "text-classification"
    materialize(source, start, task=task, labels=LABELS, seed=0, resolve=lambda name: starts[task])
    tune(start, tmp_path)
    before, after = (load_file(folder / "model.safetensors") for folder in (start, tmp_path / "trained"))
    inside = [name for name in before if ".layer." in name and before[name].dim() == 2]
    assert inside
    for name in inside:
        assert torch.equal(before[name] == 0, after[name] == 0), name
        assert not torch.equal(before[name], after[name]), name


def test_no_examples(starts, tmp_path):
    with pytest.raises(UserError, match="no training examples"):
        tune(starts["text-classification"], tmp_path, examples=[])
    with pytest.raises(UserError, match="no texts"):
        train_masked_language_model(
            starts["masked-language-model"],
            tmp_path / "trained",
            texts=[],
            recipe=Recipe(),
            seed=0,
            work=tmp_path / "work",
            progress=lambda what, share: None,
        )


def test_longer_than_the_model_has_positions(starts, tmp_path):
    with pytest.raises(UserError, match="has 64 positions"):
        tune(starts["text-classification"], tmp_path, recipe=Recipe(max_length=65))


def test_a_label_without_a_name(starts, tmp_path):
    with pytest.raises(UserError, match="training label 1 has no name"):
        tune(starts["text-classification"], tmp_path, labels=("bad",))


def test_teachers_that_do_not_fit(starts, tmp_path):
    start = starts["text-classification"]
    with pytest.raises(UserError, match="needs a teacher"):
        tune(start, tmp_path, distillation=PlannedDistillation())
    with pytest.raises(UserError, match="has no head for text-classification"):
        tune(start, tmp_path, distillation=PlannedDistillation(), teacher=starts["question-answering"])
    write_start(tmp_path / "teacher", "text-classification")
    file = tmp_path / "teacher/tokenizer.json"
    content = json.loads(file.read_text())
    content["model"]["vocab"]["oneword"] = content["model"]["vocab"].pop("mjm")
    file.write_text(json.dumps(content))
    with pytest.raises(UserError, match="another vocabulary"):
        tune(start, tmp_path, distillation=PlannedDistillation(), teacher=tmp_path / "teacher")


@pytest.mark.slow
def test_a_student_of_soft_labels_alone_follows_its_teacher(starts, tmp_path):
    """With alpha 1 the gold labels have no say: here they are all wrong."""
    start = starts["text-classification"]
    tune(start, tmp_path / "teacher")
    wrong = [type(text)(text.id, text.group, text.text, 1 - text.label) for text in texts(40)]
    tune(
        start,
        tmp_path / "student",
        examples=wrong,
        teacher=tmp_path / "teacher/trained",
        distillation=PlannedDistillation(alpha=1, temperature=2),
    )
    task = task_for("text-classification", max_length=32)
    tokenizer = read_tokenizer(start)
    features = task.encode(tokenizer, texts(40))
    student = load_model(tmp_path / "student/trained", task="text-classification").eval()
    right = 0
    for ids, text in zip(features.inputs["input_ids"], texts(40), strict=True):
        with torch.inference_mode():
            right += int(student(torch.from_numpy(ids)[None]).logits.argmax()) == text.label
    assert right >= 38


@pytest.mark.slow
def test_masked_language_modelling_learns(starts, tmp_path):
    start = starts["masked-language-model"]
    record = train_case("masks", start, start, tmp_path, count=60)
    losses = [loss for _, loss in record["loss"]]
    assert losses[-1] < losses[0] - 1
    validate_checkpoint(tmp_path / "trained", task="masked-language-model", labels=None)


def spans_of(example, start, max_length=32, stride=8):
    """The text that each feature's target covers, and the targets."""
    task = task_for(
        "question-answering", question_answering=QuestionAnswering(max_seq_length=max_length, doc_stride=stride)
    )
    features = task.encode(read_tokenizer(start), [example])
    assert features.offsets is not None
    firsts, lasts = answer_spans([example], features.example, features.offsets)
    covered = []
    for first, last, offsets in zip(firsts, lasts, features.offsets, strict=True):
        covered.append(example.context[offsets[first][0] : offsets[last][1]] if first else "")
    return covered, firsts, lasts


def test_spans_cover_the_gold_answer(starts):
    for example in questions(15):
        covered, firsts, lasts = spans_of(example, starts["question-answering"])
        assert set(covered) <= {"", *example.answers}
        assert example.answerable == any(covered)
        assert np.all((firsts == 0) == (lasts == 0))


def test_an_answer_in_the_middle_of_a_token_takes_the_whole_token(starts):
    example = QuestionExample("a", "a", "what year ?", "in the 1990s .", ("990",), (8,))
    covered, _, _ = spans_of(example, starts["question-answering"])
    assert "990" in covered[0]


def test_a_window_with_half_the_answer_points_at_the_first_token(starts):
    context = " ".join(["the house"] * 40)
    example = QuestionExample("a", "a", "what ?", context, (context[100:180],), (100,))
    covered, firsts, _ = spans_of(example, starts["question-answering"])
    assert len(covered) > 2
    assert set(covered) <= {"", example.answers[0]}
    assert (firsts == 0).any()
