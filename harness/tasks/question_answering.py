"""Extractive question answering: a span of the context or, in the sense of SQuAD 2.0, no answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from benchmarks.attack.words import without_surrogates
from exporters.tasks import QUESTION_ANSWERING
from harness.errors import UserError
from harness.examples.records import Example, QuestionExample
from harness.tasks.features import Features, collect_inputs, encode_in_chunks, truncated
from harness.tasks.task import ModelInput, ReferenceInputs, Task, arrays

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

    from benchmarks.characteristics.attributes import Attribute
    from harness.config.data import DataSource
    from harness.config.tasks import QuestionAnswering, TaskSettings, Threshold
    from harness.data.arrow import pa
    from harness.tasks.fast_tokenizer import FastTokenizer


class QuestionAnsweringTask(Task):
    """Question first, context second; a long context becomes windows that overlap by ``doc_stride`` tokens."""

    name = "question-answering"
    head = QUESTION_ANSWERING
    unit = "question"
    score_name = "exact match"
    confidence_meaning = "mean probability of its own answer among the n best of all windows"
    group = "paragraph"
    windowed = True
    figures: ClassVar[Mapping[str, str]] = {"f1": "F1"}
    policy_figures = ("f1-kept",)
    attack_success = "Question {id} is answered wrongly by {on}"
    script = "run_qa.py"
    gold = ("answerable", "exact")
    correct = "exact"
    verified_score = ("f1", "F1")
    length_setting = "question_answering.max_seq_length"
    attack_targets = ("question", "context")
    predicts_texts = True

    def __init__(
        self,
        *,
        max_length: int = 512,
        question_answering: QuestionAnswering | None = None,
        labels: tuple[str, ...] = (),
        threshold: Threshold | None = None,
    ) -> None:
        from harness.config.tasks import QuestionAnswering

        self.settings = question_answering or QuestionAnswering()

    @staticmethod
    def check_settings(place: str, settings: TaskSettings) -> None:
        decoding, attack = settings.question_answering, settings.characteristics.attack
        if settings.labels is not None:
            raise UserError(f"{place}.labels: question-answering has no labels; remove them")
        if settings.characteristics.explanation is not None:
            raise UserError(f"{place}.characteristics.explanation: explains text-classification only; move it there")
        if decoding is not None and decoding.doc_stride >= decoding.max_seq_length - 8:
            raise UserError(
                f"{place}.question_answering.doc_stride: {decoding.doc_stride} leaves no step in "
                f"windows of {decoding.max_seq_length} tokens; make it smaller"
            )
        if (
            decoding is not None
            and decoding.version_2_with_negative is False
            and "null_score_diff_threshold" in decoding.model_fields_set
        ):
            raise UserError(
                f'{place}.question_answering.null_score_diff_threshold: without "" among the answers '
                "(version_2_with_negative: false) nothing is held against it; remove one of the two"
            )
        if attack is not None and attack.recipe is not None:
            raise UserError(
                f"{place}.characteristics.attack.recipe: TextAttack's recipes attack text-classification only; give a "
                "masked_language_model"
            )
        if attack is not None and attack.mode == "reference":
            raise UserError(
                f"{place}.characteristics.attack.mode: the authors' code attacks text-classification only; remove it"
            )

    @staticmethod
    def decoding(settings: TaskSettings) -> QuestionAnswering:
        from harness.config.tasks import QuestionAnswering

        return settings.question_answering or QuestionAnswering()

    @staticmethod
    def read(source: DataSource, *, labels: tuple[str, ...] | None, role: str) -> Sequence[Example]:
        from harness.data.load import read_questions

        return read_questions(source, role)

    @property
    def max_tokens(self) -> int:
        return self.settings.max_seq_length

    def with_max_tokens(self, tokens: int) -> Task:
        """Windows overlap by a third at most."""
        stride = min(self.settings.doc_stride, tokens // 3)
        settings = self.settings.model_copy(update={"max_seq_length": tokens, "doc_stride": stride})
        return type(self)(question_answering=settings)

    def pairs(self, tokenizer: Tokenizer, examples: Sequence[QuestionExample]) -> list[tuple[str, str]]:
        """Question and context of each example.

        Questions lose the white space that they begin with, as in ``run_qa.py``. One that leaves no room for a window
        to move on is cut at its end (the reference tokeniser fails on it).
        """
        longest_question = self._longest_question(tokenizer)
        texts = _shortened([example.question.lstrip() for example in examples], tokenizer, longest_question)
        return [(text, example.context) for text, example in zip(texts, examples, strict=True)]

    def encode(self, tokenizer: FastTokenizer, examples: Sequence[Example]) -> Features:
        """One feature a window of the context."""
        settings, backend, types = self.settings, tokenizer.backend, tokenizer.token_types
        pairs = self.pairs(backend, cast("Sequence[QuestionExample]", examples))
        inputs, indices, offsets = collect_inputs([], token_types=types), [], []
        with truncated(
            backend,
            settings.max_seq_length,
            stride=settings.doc_stride,
            strategy="only_second",
            side=tokenizer.truncation_side,
        ):
            for index, encoding in enumerate(encode_in_chunks(backend, pairs, offsets=True)):
                windows = [encoding, *encoding.overflowing]
                for name, arrays in collect_inputs(windows, token_types=types).items():
                    inputs[name] += arrays
                indices += [index] * len(windows)
                offsets += [_context_offsets(window) for window in windows]
        return Features(inputs, np.asarray(indices, np.int64), offsets)

    def probes(self, probe: str, odd: str) -> list[Example]:
        contexts = {"odd": odd, "longer than a window": odd * (1 + self.settings.max_seq_length // 8)}
        return [QuestionExample(f"made up: {name}", "", probe, text, (), ()) for name, text in contexts.items()]

    def reference_inputs(self, tokenizer: Any, examples: Sequence[Example], features: Features) -> ReferenceInputs:
        """As ``prepare_validation_features`` of run_qa.py."""
        asked = cast("Sequence[QuestionExample]", examples)
        questions = [
            without_surrogates(ours if _cut(ours, example) else example.question.lstrip())
            for (ours, _), example in zip(self.pairs(tokenizer.backend_tokenizer, asked), asked, strict=True)
        ]
        contexts = [without_surrogates(example.context) for example in asked]
        question_first = tokenizer.padding_side == "right"
        encoded = tokenizer(
            questions if question_first else contexts,
            contexts if question_first else questions,
            truncation="only_second" if question_first else "only_first",
            max_length=self.settings.max_seq_length,
            stride=self.settings.doc_stride,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            padding="max_length",
        )
        index = list(encoded.pop("overflow_to_sample_mapping"))
        offsets = np.asarray(encoded.pop("offset_mapping"), np.int64)
        for row in range(len(offsets)):
            offsets[row, [sequence != int(question_first) for sequence in encoded.sequence_ids(row)]] = -1
        return ReferenceInputs(arrays(encoded), index, offsets)

    def deviations(self, tokenizer: Any, examples: Sequence[Example]) -> list[str]:
        asked = cast("Sequence[QuestionExample]", examples)
        pairs = self.pairs(tokenizer.backend_tokenizer, asked)
        cut = sum(_cut(ours, example) for (ours, _), example in zip(pairs, asked, strict=True))
        return [f"{cut} questions too long for a window are cut at their end: {self.script} fails on them"] * bool(cut)

    def targets(self, examples: Sequence[Example], features: Features) -> Mapping[str, Sequence[float]]:
        assert features.offsets is not None
        questions = cast("Sequence[QuestionExample]", examples)
        starts, ends = answer_spans(questions, features.example, features.offsets)
        return {"start_positions": starts.tolist(), "end_positions": ends.tolist()}

    def table(
        self,
        examples: Sequence[Example],
        features: Features,
        outputs: Mapping[str, Sequence[NDArray[np.float32]]],
    ) -> pa.Table:
        """Columns: id, group, answerable, prediction, exact, f1, null_score_difference, tokens,
        representation, start_logits, end_logits.

        ``outputs`` holds ``start_logits`` and ``end_logits`` (tokens,) and ``representation`` (hidden,)
        for every feature. ``tokens`` and ``representation`` are those of an example's first feature;
        the logits of an example are one list a feature. Where ``outputs`` has no representation, neither has the
        table.
        """
        from harness.data.arrow import pa
        from harness.tasks.columns import float_lists, nested_float_lists
        from harness.tasks.span_decoding import decode
        from harness.tasks.squad_metrics import score

        questions = cast("Sequence[QuestionExample]", examples)
        starts, ends = outputs["start_logits"], outputs["end_logits"]
        representation = outputs.get("representation")
        if not len(features) == len(starts) == len(ends) == len(starts if representation is None else representation):
            raise ValueError(f"{len(features)} features, {len(starts)} start logits, {len(ends)} end logits")
        if len(features.first) != len(questions):
            raise ValueError(f"{len(questions)} examples, but features of {len(features.first)}")
        contexts = [example.context for example in questions]
        decoded = decode(contexts, features, starts, ends, settings=self.settings)
        scores = [score(text, example.answers) for text, example in zip(decoded.texts, questions, strict=True)]
        counts = np.bincount(features.example, minlength=len(questions)).astype(np.int64)
        firsts = {} if representation is None else {"representation": [representation[at] for at in features.first]}
        return pa.table(
            {
                "id": pa.array([example.id for example in questions], pa.string()),
                "group": pa.array([example.group for example in questions], pa.string()),
                "answerable": pa.array([example.answerable for example in questions], pa.bool_()),
                "prediction": pa.array(decoded.texts, pa.string()),
                "exact": pa.array([exact for exact, _ in scores], pa.float64()),
                "f1": pa.array([f1 for _, f1 in scores], pa.float64()),
                "null_score_difference": decoded.null_score_difference,
                "tokens": features.lengths[features.first].astype(np.int32),
                **{name: float_lists(rows) for name, rows in firsts.items()},
                "start_logits": nested_float_lists(starts, counts),
                "end_logits": nested_float_lists(ends, counts),
            }
        )

    def confidence(self, examples: Sequence[Example], features: Features, table: pa.Table) -> NDArray[np.float64]:
        from harness.tasks.answer_confidence import answer_confidence

        starts, ends = (
            [np.asarray(window, np.float32) for windows in table[name].to_pylist() for window in windows]
            for name in ("start_logits", "end_logits")
        )
        contexts = [cast("QuestionExample", example).context for example in examples]
        answers = table["prediction"].to_pylist()
        return answer_confidence(contexts, features, starts, ends, answers, settings=self.settings)

    def as_examples(self, inputs: Sequence[ModelInput]) -> Sequence[Example]:
        return [cast("QuestionExample", question) for question in inputs]

    def scores(
        self, examples: Sequence[Example], features: Features, outputs: Mapping[str, Sequence[NDArray[np.float32]]]
    ) -> NDArray[np.float64]:
        """(questions, 2): how wrong and how right the answers are."""
        from harness.tasks.answer_margin import right_answers

        questions = cast("Sequence[QuestionExample]", examples)
        starts, ends = outputs["start_logits"], outputs["end_logits"]
        return right_answers(questions, features, starts, ends, settings=self.settings)

    @staticmethod
    def metrics(table: pa.Table) -> dict[str, float | None]:
        from harness.tasks.columns import numbers
        from harness.tasks.squad_metrics import summary

        answerable = numbers(table, "answerable").astype(bool)
        return summary(numbers(table, "exact"), numbers(table, "f1"), answerable)

    @staticmethod
    def attributes(
        examples: Sequence[Example], labels: Sequence[str], confidence: NDArray[np.float64] | None
    ) -> dict[str, Attribute]:
        from benchmarks.characteristics.attributes import of_questions

        questions = cast("Sequence[QuestionExample]", examples)
        return of_questions(
            [question.question for question in questions],
            [question.context for question in questions],
            [question.answers for question in questions],
            [question.answer_starts for question in questions],
            confidence,
        )

    @staticmethod
    def strata(table: pa.Table) -> dict[str, NDArray[np.bool_]]:
        from harness.tasks.columns import numbers

        answerable = numbers(table, "answerable").astype(bool)
        rows = {"answerable": answerable, "unanswerable": ~answerable}
        return rows if 0 < answerable.sum() < len(answerable) else {}

    @staticmethod
    def classes(table: pa.Table, labels: Sequence[str]) -> dict[str, NDArray[np.bool_]]:
        return QuestionAnsweringTask.strata(table)

    def _longest_question(self, tokenizer: Tokenizer) -> int:
        """Tokens that a question may have so that every window is longer than the overlap."""
        special = int(tokenizer.num_special_tokens_to_add(is_pair=True))
        room = self.settings.max_seq_length - special - self.settings.doc_stride - 1
        if room < 1:
            raise UserError(
                f"question_answering.doc_stride is {self.settings.doc_stride}, too much for max_seq_length "
                f"{self.settings.max_seq_length}: make it at most {self.settings.max_seq_length - special - 2}, "
                "better a third of max_seq_length"
            )
        return room


def _cut(ours: str, example: QuestionExample) -> bool:
    whole = example.question.lstrip()
    return ours != whole and whole.startswith(ours)


def _shortened(questions: Sequence[str], tokenizer: Tokenizer, longest: int) -> list[str]:
    """The questions, each cut after its ``longest`` first tokens."""
    with truncated(tokenizer, longest, stride=0, strategy="longest_first"):
        encodings = tokenizer.encode_batch(list(questions), add_special_tokens=False)
        texts = list(questions)
        for index, encoding in enumerate(encodings):
            # A cut text may fall into other tokens, so look again until nothing overflows.
            while encoding.overflowing:
                end = min(encoding.offsets[-1][1], len(texts[index]) - 1)
                texts[index] = texts[index][:end].rstrip()
                encoding = tokenizer.encode(texts[index], add_special_tokens=False)
    return texts


def _context_offsets(encoding: Encoding) -> NDArray[np.int32]:
    offsets = np.asarray(encoding.offsets, np.int32).reshape(-1, 2)
    outside = [sequence != 1 for sequence in encoding.sequence_ids]
    offsets[np.asarray(outside, bool)] = -1
    return offsets


def answer_spans(
    examples: Sequence[QuestionExample],
    owners: NDArray[np.int64],
    offsets: Sequence[NDArray[np.int32]],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """First and last token of each feature's answer, both inclusive; shape (features,).

    ``owners`` is the index of each feature's example; ``offsets`` are its tokens' character offsets
    into the context, shape (tokens, 2), -1 outside of it. An unanswerable question, and a window of
    the context that does not hold the whole answer, point at position 0 ([CLS]), as in the BERT paper
    (Devlin et al. 2019, section 4.3). Of several gold answers the first one is taken.
    """
    starts = np.zeros(len(offsets), dtype=np.int64)
    ends = np.zeros(len(offsets), dtype=np.int64)
    for feature, (owner, spans) in enumerate(zip(owners, offsets, strict=True)):
        example = examples[owner]
        if not example.answerable:
            continue
        first = example.answer_starts[0]
        last = first + len(example.answers[0]) - 1
        inside = spans[:, 0] >= 0
        begins = np.flatnonzero(inside & (spans[:, 0] <= first) & (first < spans[:, 1]))
        finishes = np.flatnonzero(inside & (spans[:, 0] <= last) & (last < spans[:, 1]))
        if begins.size and finishes.size:
            starts[feature], ends[feature] = begins[0], finishes[-1]
    return starts, ends
