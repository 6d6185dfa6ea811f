"""The attack on question answering: words of the question, or of the context, are changed until the answer is wrong.

The search is that of text classification, between *wrong* and *right* (`margin`): a deployment is asked about a
question with its context, and answers with a score of the right answer that is above one half exactly where its answer
is right (`harness.tasks.answer_margin`). What the answer hangs on is left alone (`left_alone_in`), so that the gold
answer still is one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from benchmarks.attack.words import Span, split_words

QUESTION_WORDS = frozenset(
    ["who", "whom", "whose", "which", "what", "when", "where", "why", "how", "whoever", "whatever", "whichever"]
)

_HAS_DIGIT = re.compile(r"\d")


def left_alone_in_question(question: str, answers: Sequence[str]) -> list[Span]:
    """Words that make it another question: those that ask, names and numbers, and words of the gold answers.

    A name is a word with a capital letter that is not the question's first.
    """
    words = split_words(question)
    of_answers = {word.lower() for answer in answers for word in split_words(answer).words}
    return [
        span
        for place, (word, span) in enumerate(zip(words.words, words.spans, strict=True))
        if word.lower() in QUESTION_WORDS
        or word.lower() in of_answers
        or _HAS_DIGIT.search(word)
        or (place > 0 and word != word.lower())
    ]


def left_alone_in_context(context: str, answers: Sequence[str]) -> list[Span]:
    """Every word that touches a gold answer, wherever it stands."""
    answer_spans = [match.span() for answer in answers if answer for match in re.finditer(re.escape(answer), context)]
    return [
        span
        for span in split_words(context).spans
        if any(span[0] < end and start < span[1] for start, end in answer_spans)
    ]
