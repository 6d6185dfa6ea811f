"""Extractive question answering: a span of the context or, in the sense of SQuAD 2.0, no answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from harness.errors import UserError
from harness.tasks.features import Features, collect_inputs, encode_in_chunks, truncated

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

    from harness.arrow import pa
    from harness.config.tasks import QuestionAnswering
    from harness.examples import Example, QuestionExample
    from harness.tasks.fast_tokenizer import FastTokenizer


class QuestionAnsweringTask:
    """Question first, context second; a long context becomes windows that overlap by ``doc_stride`` tokens."""

    name = "question-answering"
    per_token: frozenset[str] = frozenset({"start_logits", "end_logits"})

    def __init__(self, settings: QuestionAnswering) -> None:
        self.settings = settings

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
        from harness.arrow import pa
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
        decoded = decode([example.context for example in questions], features, starts, ends, settings=self.settings)
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
