"""Token classification: a sentence in, the entities among its words out (named entities, personal data)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from benchmarks.attack.words import without_surrogates
from exporters.tasks import TOKEN_CLASSIFICATION
from harness.errors import UserError
from harness.examples.entities import OUTSIDE, entities_in_words, entities_of, in_iob2
from harness.examples.records import Example, TaggedSentence
from harness.tasks.features import Features, collect_inputs, encode_in_chunks, truncated
from harness.tasks.task import IGNORED, OF_QUESTIONS, ReferenceInputs, Task, arrays, mean

if TYPE_CHECKING:
    from tokenizers import Encoding

    from benchmarks.characteristics.attributes import Attribute
    from harness.config.data import DataSource
    from harness.config.tasks import TaskSettings
    from harness.data.arrow import pa
    from harness.tasks.fast_tokenizer import FastTokenizer

NOWHERE = -1e4
"""Logit of all classes but `OUTSIDE` for a word that the tokenizer makes nothing of."""


class TokenClassificationTask(Task):
    """A word's tag is that of its first sub-token; a long sentence becomes windows that overlap by a third.

    Of the windows that a word's first sub-token is in, the one counts that shows most on either side of it. Tags are
    IOB2: see `harness.examples.entities`.
    """

    name = "token-classification"
    head = TOKEN_CLASSIFICATION
    unit = "sentence"
    score_name = "exact match"
    figures: ClassVar[Mapping[str, str]] = {
        "entity_f1": "entity\nF1",
        "entity_precision": "precision",
        "entity_recall": "recall",
    }
    main_figure = "entity_f1"
    policy_figures = ("entity-f1-change", "entities-shared")
    script = "run_ner.py"
    gold = ("tags", "correct")
    correct = "correct"
    verified_score = ("correct", "exact match")
    length_setting = "max_length"
    predicts_texts = True
    left_out: ClassVar[Mapping[str, str]] = {
        "adversarial_attack": "the attack turns one decision about a text, and here every word has one",
        "explanation": "a word's weight is that on one decision about a text, and here every word has one",
    }

    @classmethod
    def check_settings(cls, place: str, settings: TaskSettings) -> None:
        cls.refuse(place, settings, {"question_answering": OF_QUESTIONS})
        _check_labels(f"{place}.labels", settings.labels or ())

    @staticmethod
    def read(source: DataSource, *, labels: tuple[str, ...] | None, role: str) -> Sequence[Example]:
        from harness.data.tagged import read_tagged

        return read_tagged(source, labels or (), role)

    @property
    def max_tokens(self) -> int:
        return self.max_length

    def with_max_tokens(self, tokens: int) -> Task:
        return type(self)(max_length=tokens, labels=self.labels)

    @property
    def overlap(self) -> int:
        """Of windows, in tokens."""
        return self.max_length // 3

    def encode(self, tokenizer: FastTokenizer, examples: Sequence[Example]) -> Features:
        """One feature a window; its offsets say which word a token is the first of."""
        _require_words_apart(tokenizer)
        sentences = [cast("TaggedSentence", example).words for example in examples]
        windows: list[Encoding] = []
        indices: list[int] = []
        offsets: list[NDArray[np.int32]] = []
        # Windows are made from the beginning, whatever end the tokenizer would cut: nothing is.
        with truncated(tokenizer.backend, self.max_length, stride=self.overlap, strategy="longest_first"):
            for index, first in enumerate(encode_in_chunks(tokenizer.backend, sentences, offsets=True, in_words=True)):
                for number, window in enumerate([first, *first.overflowing]):
                    windows.append(window)
                    indices.append(index)
                    offsets.append(_first_tokens(window.word_ids, follows=number > 0))
        inputs = collect_inputs(windows, token_types=tokenizer.token_types)
        return Features(inputs, np.asarray(indices, np.int64), offsets)

    def probes(self, probe: str, odd: str) -> list[Example]:
        texts = {"odd": odd, "longer than a window": odd * (1 + self.max_length // 8)}
        return [
            TaggedSentence(f"made up: {name}", "", tuple(words := text.split()), (OUTSIDE,) * len(words))
            for name, text in texts.items()
        ]

    def reference_inputs(self, tokenizer: Any, examples: Sequence[Example], features: Features) -> ReferenceInputs:
        """As ``tokenize_and_align_labels`` of run_ner.py, with the windows of what it would cut."""
        tokenizer.truncation_side = "right"
        encoded = tokenizer(
            [[without_surrogates(word) for word in cast("TaggedSentence", example).words] for example in examples],
            is_split_into_words=True,
            truncation=True,
            max_length=self.max_length,
            stride=self.overlap,
            return_overflowing_tokens=True,
            padding="max_length",
        )
        owners = list(encoded.pop("overflow_to_sample_mapping"))
        offsets = np.full((len(owners), self.max_length, 2), -1, np.int64)
        for row, owner in enumerate(owners):
            follows = row > 0 and owners[row - 1] == owner
            offsets[row] = _first_tokens(encoded.word_ids(row), follows=follows)
        return ReferenceInputs(arrays(encoded), owners, offsets)

    def deviations(self, tokenizer: Any, examples: Sequence[Example]) -> list[str]:
        words = [list(cast("TaggedSentence", example).words) for example in examples]
        encoded = tokenizer(words, is_split_into_words=True)["input_ids"]
        cut = sum(len(ids) > self.max_length for ids in encoded)
        return [f"{cut} sentences too long for a window become several: {self.script} cuts them"] * bool(cut)

    def targets(self, examples: Sequence[Example], features: Features) -> dict[str, list[Any]]:
        """The class of a word at its first sub-token, and `IGNORED` elsewhere; (tokens,) a feature."""
        assert features.offsets is not None
        classes = {label: index for index, label in enumerate(self.labels)}
        targets = []
        for owner, offsets in zip(features.example, features.offsets, strict=True):
            tags = cast("TaggedSentence", examples[owner]).tags
            targets.append(np.array([IGNORED if word < 0 else classes[tags[word]] for word in offsets[:, 0]], np.int64))
        return {"labels": targets}

    def table(
        self,
        examples: Sequence[Example],
        features: Features,
        outputs: Mapping[str, Sequence[NDArray[np.float32]]],
    ) -> pa.Table:
        """Columns: id, group, tags, predicted_tags, prediction, correct, logits, tokens, representation.

        ``outputs`` holds ``logits`` (tokens, labels) and ``representation`` (hidden,) for every feature. ``tokens`` and
        ``representation`` are those of an example's first feature; its logits are one list a word. ``prediction`` are
        the entities as people read them, and ``correct`` says whether all of them are right and none is missing.
        Where ``outputs`` has no representation, neither has the table.
        """
        from harness.data.arrow import pa
        from harness.tasks.columns import float_lists, nested_float_lists

        sentences = cast("Sequence[TaggedSentence]", examples)
        logits, representation = outputs["logits"], outputs.get("representation")
        if not len(features) == len(logits) == len(logits if representation is None else representation):
            raise ValueError(f"{len(features)} features and {len(logits)} logits")
        by_word = self._by_word(sentences, features, logits)
        predicted = [in_iob2([self.labels[place] for place in rows.argmax(axis=1)]) for rows in by_word]
        firsts = {} if representation is None else {"representation": [representation[at] for at in features.first]}
        return pa.table(
            {
                "id": pa.array([sentence.id for sentence in sentences], pa.string()),
                "group": pa.array([sentence.group for sentence in sentences], pa.string()),
                "tags": pa.array([sentence.tags for sentence in sentences], pa.list_(pa.string())),
                "predicted_tags": pa.array(predicted, pa.list_(pa.string())),
                "prediction": pa.array(
                    [entities_in_words(one.words, tags) for one, tags in zip(sentences, predicted, strict=True)],
                    pa.string(),
                ),
                "correct": pa.array([one.tags == tags for one, tags in zip(sentences, predicted, strict=True)]),
                "logits": nested_float_lists(
                    [row for rows in by_word for row in rows], np.array([len(rows) for rows in by_word], np.int64)
                ),
                "tokens": features.lengths[features.first].astype(np.int32),
                **{name: float_lists(rows) for name, rows in firsts.items()},
            }
        )

    def _by_word(
        self, sentences: Sequence[TaggedSentence], features: Features, logits: Sequence[NDArray[np.float32]]
    ) -> list[NDArray[np.float32]]:
        """(words, labels) of each sentence; a word without a token is certainly outside."""
        assert features.offsets is not None
        nothing = np.where(np.array(self.labels) == OUTSIDE, 0.0, NOWHERE).astype(np.float32)
        word_logits = [np.tile(nothing, (len(sentence.words), 1)) for sentence in sentences]
        shown = [np.full(len(sentence.words), -1) for sentence in sentences]
        for owner, offsets, rows in zip(features.example, features.offsets, logits, strict=True):
            places = np.flatnonzero(offsets[:, 0] >= 0)
            words = offsets[places, 0]
            around = np.minimum(places, len(offsets) - 1 - places)  # tokens on the shorter side
            better = around > shown[owner][words]
            word_logits[owner][words[better]] = rows[places[better]]
            shown[owner][words[better]] = around[better]
        return word_logits

    def confidence(self, examples: Sequence[Example], features: Features, table: pa.Table) -> NDArray[np.float64]:
        """The probability of all tags of a sentence, of words that are independent given it: a product of the largest.

        A model of this head gives no other probability to its answer.
        """
        from scipy.special import log_softmax

        tags = (log_softmax(rows, axis=1).max(axis=1).sum() for rows in self.logits(table))
        return np.exp(np.fromiter(tags, np.float64, len(examples)))

    @classmethod
    def logits(cls, table: pa.Table) -> list[NDArray[np.float64]]:
        """(words, labels) by sentence."""
        return [np.array(rows, np.float64) for rows in table.column("logits").to_pylist()]

    @staticmethod
    def metrics(table: pa.Table) -> dict[str, float | None]:
        """Those of entities are seqeval's; None where the data has none."""
        from harness.tasks.columns import numbers

        metrics = {"accuracy": mean(numbers(table, "correct"))}
        tags, predicted = table.column("tags").to_pylist(), table.column("predicted_tags").to_pylist()
        if not any(map(entities_of, tags)):
            return metrics
        from seqeval.metrics import f1_score, precision_score, recall_score

        scores = {"f1": f1_score, "precision": precision_score, "recall": recall_score}
        return metrics | {
            f"entity_{name}": float(score(tags, predicted, zero_division=0)) for name, score in scores.items()
        }

    @staticmethod
    def attributes(
        examples: Sequence[Example], labels: Sequence[str], confidence: NDArray[np.float64] | None
    ) -> dict[str, Attribute]:
        from benchmarks.characteristics.attributes import of_texts

        sentences = cast("Sequence[TaggedSentence]", examples)
        types = [sorted({entity.type for entity in entities_of(sentence.tags)}) for sentence in sentences]
        return {
            **of_texts([sentence.text for sentence in sentences], None, confidence),
            "entities": np.array([len(entities_of(sentence.tags)) for sentence in sentences]),
            "entity types": [own[0] if len(own) == 1 else "several" if own else "none" for own in types],
        }

    @staticmethod
    def strata(table: pa.Table) -> dict[str, NDArray[np.bool_]]:
        """A model that finds nothing is like every other on sentences that have nothing."""
        some = np.array([any(tag != OUTSIDE for tag in tags) for tags in table.column("tags").to_pylist()])
        return {"with entities": some, "without entities": ~some} if 0 < some.sum() < len(some) else {}


def _first_tokens(words: Sequence[int | None], *, follows: bool) -> NDArray[np.int32]:
    """(tokens, 2): of a word's first token, [word, word + 1); of all others -1.

    A window that ``follows`` another may begin inside a word. Its first word does not count there: its first token is
    in a window before, which overlaps.
    """
    offsets = np.full((len(words), 2), -1, np.int32)
    before = next((word for word in words if word is not None), None) if follows else None
    for place, word in enumerate(words):
        if word is not None and word != before:
            offsets[place] = word, word + 1
            before = word
    return offsets


def _require_words_apart(tokenizer: FastTokenizer) -> None:
    """Byte-level tokens tell a word's beginning by the space before it, which words of a list do not have."""
    settings = tokenizer.backend.pre_tokenizer
    if type(settings).__name__ == "ByteLevel" and not settings.add_prefix_space:
        raise UserError(
            "the tokenizer's add_prefix_space is false, so that words of a list would be read as one; set it to true "
            "in tokenizer_config.json and in the pre_tokenizer of tokenizer.json, as run_ner.py does"
        )


def _check_labels(place: str, labels: tuple[str, ...]) -> None:
    """Raise `UserError` unless these are tags of IOB2."""
    way_out = "name the tags in the order of the model's id2label: O, and B-X and I-X of each type X"
    if OUTSIDE not in labels or len(labels) < 2 or len(set(labels)) != len(labels):
        raise UserError(f"{place}: needs different tags, O among them, got {', '.join(labels) or 'none'}; {way_out}")
    for label in labels:
        prefix, _, type_ = label.partition("-")
        if label != OUTSIDE and (prefix not in ("B", "I") or not type_):
            raise UserError(f"{place}: {label!r} is no tag of IOB2 (data in BIOES is read, models are not); {way_out}")
        if prefix == "I" and f"B-{type_}" not in labels:
            raise UserError(f"{place}: {label!r} is there, and B-{type_} is not; {way_out}")
