"""Examples that texts are of: a search asks about texts, a deployment about whole examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.attack.requests import Lazy, OutOfBudget, Proposals, Request, Scores, Search
from benchmarks.attack.results import AttackResult
from benchmarks.attack.transfer import Ask
from benchmarks.attack.words import Span


class Examples:
    """Lends the searches their examples: a text under attack may be no more than a part of one.

    ``ask`` is given (id of the example, text) and answers float64 (texts, labels); ``left_alone`` are, by id, the
    places that no candidate may take.
    """

    def __init__(self, ask: Ask, left_alone: Mapping[str, Sequence[Span]]) -> None:
        self._ask = ask
        self._left_alone = {id_: frozenset(spans) for id_, spans in left_alone.items()}
        self._ids = list(left_alone)
        self._numbers = {id_: number for number, id_ in enumerate(self._ids)}

    def predict(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Of texts that a search of `about` asks for: a number, a blank, the text itself."""
        parted = (text.partition(" ") for text in texts)
        return self._ask([(self._ids[int(number)], text) for number, _, text in parted])

    def about(self, id_: str, search: Search[AttackResult]) -> Search[AttackResult]:
        """``search``, its texts marked with the example that they are of."""
        number, left_alone = self._numbers[id_], self._left_alone[id_]
        try:
            request = next(search)
            while True:
                try:
                    answer = yield _marked(request, number)
                except OutOfBudget as stop:
                    request = search.throw(stop)
                    continue
                if isinstance(request, Proposals):
                    answer = [
                        [] if span in left_alone else choices
                        for span, choices in zip(request.spans, answer, strict=True)
                    ]
                request = search.send(answer)
        except StopIteration as end:
            attack_result: AttackResult = end.value
            return attack_result


def _marked(request: Request, number: int) -> Request:
    if not isinstance(request, Scores):
        return request
    texts = request.texts
    return Scores(Lazy(len(texts), lambda: (f"{number} {text}" for text in texts)))
