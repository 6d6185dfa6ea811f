"""Attributes of examples, from plain texts, and the sets of examples that an attribute defines.

Rules that hold for English alone say so; in another language their attributes mean nothing. They read the surface
of a text: cheap, the same for every study, and wrong now and then, as each tells.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.errors import BenchmarkError
from benchmarks.statistics.bootstrap import Floats

Attribute = Sequence[str] | NDArray[np.generic]
"""(n,) strings or booleans, one set of examples a value; or numbers, one set a quartile."""
Value = tuple[str, NDArray[np.bool_]]
"""What follows the attribute's name in a description, and the members (n,)."""

_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
_PART = re.compile(r"[^\W_]+")


def _all(words: str) -> frozenset[str]:
    return frozenset(words.split())


# English from here to `rarity`.
_ASKED = re.compile(r"\b(who|whom|whose|what|when|where|why|which|how)\b(\s+(?:many|much)\b)?")
_SENTENCE_END = re.compile(
    r"(?<=[.!?])(?<!\b[A-Z]\.)(?<!\b(?:Mr|Dr|St|No|vs|ca|Jr|Sr)\.)(?<!\b(?:Mrs|Gen|Col|Sgt|Rev)\.)"
    r"[\"'\u201d\u2019)\]]*\s+(?=[\"'\u201c\u2018(\[]?[A-Z0-9])"
)
_FUNCTION_WORDS = _all(
    "a about after all also an and any are as at be because been before being between both but by can could did do "
    "does during each for from had has have he her him his how i if in into is it its many may more most much no not "
    "of on one or other our out over she should so some such than that the their them then there these they this "
    "those through to under up was we were what when where which while who whom whose why will with would you"
)
_MONTHS_AND_DAYS = _all(
    "January February March April May June July August September October November December "
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
)
_ORDINALS = _all(
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth "
    "sixteenth seventeenth eighteenth nineteenth twentieth"
)
_AROUND_DATES = _ORDINALS | _all(
    "ad after and around before between by c ca ce circa during early from in late mid middle of on "
    "since summer spring autumn fall winter the to until"
)
_NUMBERS = _all(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred hundreds thousand thousands "
    "million millions billion billions trillion dozen half"
)
_BEFORE_NUMBERS = _all(
    "a about almost an approximately around at between fewer just least less more most nearly only over roughly some "
    "than the to under up"
)
_INSIDE_NAMES = _all("a al and at bin d da de del den der des di du for ibn in la le of on the to van von y")
_YEAR = re.compile(r"(?:1\d{3}|20\d{2})s?")
_DAY = re.compile(r"\d{1,2}(?:st|nd|rd|th)?")
_AMOUNT = re.compile(r"[$€£¥]\s?\d|\d\s?%")


def of_questions(
    questions: Sequence[str],
    contexts: Sequence[str],
    answers: Sequence[Sequence[str]],
    answer_starts: Sequence[Sequence[int]],
    confidence: ArrayLike | None = None,
) -> dict[str, Attribute]:
    """Attributes of n questions on passages.

    Args:
        questions, contexts: n texts each.
        answers: for each question its gold answers, the first of which counts; none where it has no answer.
        answer_starts: their offsets in the context, in characters.
        confidence: (n,) the reference's, in its own answer.

    Returns:
        "question word" and "answer type" (`question_word`, `answer_type`; English); "context length" and
        "question length" in words; "overlap with context" and "overlap with answer sentence", the share of the
        question's distinct content words that occur there, uninflected (English; NaN without content words, and
        without an answer for the latter); "rarity" of the question's words (`rarity`); and "reference's
        confidence".

    Raises:
        BenchmarkError: sequences of different lengths, or an answer that does not start inside its context.
    """
    n = len(questions)
    _same_length(n, contexts=contexts, answers=answers, answer_starts=answer_starts)
    asked = [_content(question) for question in questions]
    # Many questions share a context: it is read once.
    passages = {context: _words(context) for context in set(contexts)}
    sentences = []
    for position, (context, golds, starts) in enumerate(zip(contexts, answers, answer_starts, strict=True)):
        if golds and not (starts and 0 <= starts[0] < len(context)):
            raise BenchmarkError(f"question {position}: its answer {golds[0]!r} starts nowhere in its context")
        sentences.append(_words(sentence_at(context, starts[0])) if golds else None)
    vocabulary = {context: frozenset(words) for context, words in passages.items()}
    attributes: dict[str, Attribute] = {
        "question word": [question_word(question) for question in questions],
        "answer type": [answer_type(golds[0]) if golds else "no answer" for golds in answers],
        "context length": np.array([len(passages[context]) for context in contexts]),
        "question length": np.array([len(_words(question)) for question in questions]),
        "overlap with context": _shares(asked, [vocabulary[context] for context in contexts]),
        "overlap with answer sentence": _shares(asked, sentences),
        "rarity": rarity(questions),
    }
    return attributes | _confidence(confidence, n)


def of_texts(
    texts: Sequence[str], labels: Sequence[str] | None, confidence: ArrayLike | None = None
) -> dict[str, Attribute]:
    """Attributes of n texts: "label" (its name), where they have one, "length" in words, "rarity" and "reference's
    confidence".

    Raises:
        BenchmarkError: sequences of different lengths.
    """
    attributes: dict[str, Attribute] = {}
    if labels is not None:
        _same_length(len(texts), labels=labels)
        attributes["label"] = list(labels)
    attributes |= {
        "length": np.array([len(_words(text)) for text in texts]),
        "rarity": rarity(texts),
    }
    return attributes | _confidence(confidence, len(texts))


def of_pairs(
    pairs: Sequence[tuple[str, str]], labels: Sequence[str] | None, confidence: ArrayLike | None = None
) -> dict[str, Attribute]:
    """Attributes of n pairs of texts: those of `of_texts`, of both texts as one, and "overlap", the share of the
    first text's distinct content words that occur in the second, uninflected (English; NaN without content words).

    Raises:
        BenchmarkError: sequences of different lengths.
    """
    overlap = _shares([_content(first) for first, _ in pairs], [_words(second) for _, second in pairs])
    return {**of_texts([f"{first} {second}" for first, second in pairs], labels, confidence), "overlap": overlap}


def question_word(question: str) -> str:
    """The first of who, what, when, where, why, which, how many, how; "other" without any. English.

    Whom and whose are who, how much is how many. The first is not always the one that asks: "When he died, who
    followed?" is a when.
    """
    match = _ASKED.search(question.lower())
    if match is None:
        return "other"
    if match[1].startswith("who"):
        return "who"
    return "how many" if match[1] == "how" and match[2] else match[1]


def answer_type(answer: str) -> str:
    """ "no answer" (empty), "date", "number", "name" or "other", by the first rule that fits. English.

    date: a year from 1000 to 2099, decade, month, weekday, century or BC, and beside it only days and words such as
    "late" or "between". number: an amount of money, a percentage, or a first word that is a number, after such as
    "about". name: every word capitalised but those such as "of"; digits may follow. So 1500 alone is a date,
    "one of the kings" a number, and any capitalised word a name: the start of a sentence, or a language.
    """
    words = _PART.findall(answer)
    if not answer.strip():
        return "no answer"
    amount = bool(_AMOUNT.search(answer))
    fits = all(_dates(word) or _DAY.fullmatch(word) or word.lower() in _AROUND_DATES for word in words)
    if fits and not amount and any(map(_dates, words)):
        return "date"
    first = next((word.lower() for word in words if word.lower() not in _BEFORE_NUMBERS), "")
    if amount or first[:1].isdigit() or first in _NUMBERS:
        return "number"
    named = [word for word in words if word.lower() not in _INSIDE_NAMES and not word.isdigit()]
    return "name" if named and all(word[0].isupper() for word in named) else "other"


def _dates(word: str) -> bool:
    return (
        bool(_YEAR.fullmatch(word)) or word in _MONTHS_AND_DAYS or word.lower() in ("century", "centuries", "bc", "bce")
    )


def sentence_at(text: str, offset: int) -> str:
    """The sentence that holds character `offset`. English.

    A sentence ends with . ! or ? before a capital or digit, but not after one capital letter or a few titles.
    """
    starts = [0, *(end.end() for end in _SENTENCE_END.finditer(text)), len(text)]
    at = bisect_right(starts, offset, hi=len(starts) - 1)
    return text[starts[at - 1] : starts[at]]


def rarity(texts: Sequence[str]) -> Floats:
    """(n,) mean over a text's words of log(n / texts with the word), in nats; NaN for a text without words.

    The inverse document frequency of Spärck Jones (1972) over the given texts themselves. The mean, because the
    rarest word of a long text is nearly always unique.
    """
    words = [_words(text) for text in texts]
    frequency = Counter(word for text in words for word in set(text))
    idf = {word: float(np.log(len(texts) / count)) for word, count in frequency.items()}
    return np.array([sum(map(idf.__getitem__, text)) / len(text) if text else np.nan for text in words])


def values(name: str, attribute: Attribute, n: int) -> list[Value]:
    """The sets of examples that an attribute defines: disjoint, in order of the values.

    Strings and booleans give one set a value. Numbers give one a quartile, told by its least and largest member;
    equal numbers stay together, so there may be fewer than four; up to four distinct numbers give one set each.
    NaN is in no set.

    Raises:
        BenchmarkError: not n entries, infinite numbers, or entries of another type.
    """
    column = np.asarray(attribute)
    if column.shape != (n,):
        raise BenchmarkError(f"attribute {name}: shape {column.shape}, expected ({n},), one entry for each example")
    if column.dtype == np.bool_:
        column = np.where(column, "yes", "no")
    if column.dtype.kind in "iuf":
        return _ranges(name, column.astype(np.float64))
    if column.dtype.kind not in "UO" or not all(isinstance(value, str) for value in column):
        raise BenchmarkError(f"attribute {name}: {column.dtype} values; give strings, booleans or numbers")
    column = column.astype(np.str_)
    distinct = np.unique(column).tolist()
    return [(f" = {value or '(empty)'}", np.asarray(column == value, dtype=np.bool_)) for value in distinct]


def _ranges(name: str, column: Floats) -> list[Value]:
    if np.isinf(column).any():
        raise BenchmarkError(f"attribute {name}: infinite at example {int(np.argmax(np.isinf(column)))}")
    known = ~np.isnan(column)
    distinct = np.unique(column[known])
    # A bin ends with its edge, so numbers equal to an edge fall together however many they are.
    edges = distinct if distinct.size <= 4 else np.unique(np.quantile(column[known], [0.25, 0.5, 0.75]))
    bins = np.searchsorted(edges, column)
    ranges = []
    for position in np.unique(bins[known]):
        members = np.asarray(known & (bins == position), dtype=np.bool_)
        low, high = (_shown(float(end)) for end in (column[members].min(), column[members].max()))
        ranges.append((f" = {low}" if low == high else f" {low} to {high}", members))
    return ranges


def _shown(value: float) -> str:
    return f"{value:.0f}" if value.is_integer() else f"{value:.3g}"


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _content(question: str) -> frozenset[str]:
    return frozenset(_words(question)) - _FUNCTION_WORDS


def _shares(wanted: Sequence[frozenset[str]], texts: Sequence[frozenset[str] | list[str] | None]) -> Floats:
    """(n,) share of the wanted words that occur; NaN where none is wanted, or there is no text."""
    return np.array(
        [
            np.nan if text is None or not words else len(words.intersection(text)) / len(words)
            for words, text in zip(wanted, texts, strict=True)
        ]
    )


def _confidence(confidence: ArrayLike | None, n: int) -> dict[str, Attribute]:
    if confidence is None:
        return {}
    column = np.asarray(confidence, dtype=np.float64)
    if column.shape != (n,):
        raise BenchmarkError(f"confidence: shape {column.shape}, expected ({n},), one entry for each example")
    return {"reference's confidence": column}


def _same_length(n: int, **columns: Sequence[object]) -> None:
    for name, column in columns.items():
        if len(column) != n:
            raise BenchmarkError(f"{name}: {len(column)} entries, expected {n}, one for each example")
