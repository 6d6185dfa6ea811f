"""Words that an attack changed: text against text, so that it holds for every attack."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from benchmarks.attack.results import AttackResult

WORDS_SHOWN = 20
"""Of each deployment, in the results."""

_EDGES = re.compile(r"^\W+|\W+$")


@dataclass(frozen=True)
class BreakingWord:
    """A word that attacks changed to succeed."""

    word: str
    """As the original has it, in lower case."""
    texts: int
    """Successful attacks that changed it."""
    share: float
    """These over all successful attacks on the deployment, 0 to 1."""
    reference: float | None
    """The same share on the reference deployment; None: no attack succeeded there."""


def changed_places(original: str, adversarial: str) -> list[int]:
    """Indices into ``original.split()`` of the words that ``adversarial`` changed, dropped or parted.

    A change of case is none. An attack that puts words in or takes them out is aligned by common subsequences.
    """
    before, after = original.lower().split(), adversarial.lower().split()
    if len(before) == len(after):
        return [index for index, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    return [
        index
        for kind, start, end, _, _ in SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
        if kind != "equal"
        for index in range(start, end)
    ]


def breaking_words(
    succeeded: Sequence[AttackResult], on_reference: Sequence[AttackResult], *, at_most: int = WORDS_SHOWN
) -> list[BreakingWord]:
    """The words that were changed in most of the texts of ``succeeded``, beside how often on the reference."""
    counts, base = _texts_by_word(succeeded), _texts_by_word(on_reference)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [
        BreakingWord(word, texts, texts / len(succeeded), base[word] / len(on_reference) if on_reference else None)
        for word, texts in ordered[:at_most]
    ]


def _texts_by_word(succeeded: Sequence[AttackResult]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for result in succeeded:
        words = result.original.split()
        changed = {
            _EDGES.sub("", words[place]).lower() for place in changed_places(result.original, result.adversarial)
        }
        counts.update(word for word in changed if word)
    return counts
