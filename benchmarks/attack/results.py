"""Settings and results of an attack: plain frozen records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from benchmarks.attack.words import stop_words

Status = Literal["skipped", "succeeded", "failed", "budget"]
Mode = Literal["corrected", "reference"]


@dataclass(frozen=True)
class AttackSettings:
    """The constants of BERT-ATTACK (Li et al. 2020, section 4.1 and the authors' code)."""

    mode: Mode = "corrected"
    """``reference`` does what the authors' released code does, quirks and all (`reference_search`)."""
    candidates: int = 48
    """Predictions of the masked language model that are looked at for each sub-word (K)."""
    sub_word_candidates: int = 4
    """Of these, how many pieces are combined at each place of a word of several pieces."""
    combinations: int = 24
    """Combinations that are ranked by perplexity for one such word."""
    max_words_changed: float = 0.4
    """Share of a text's words."""
    min_similarity: float = 0.2
    """Cosine between an original and its adversarial text; ``reference`` has no such floor."""
    stop_words: frozenset[str] = field(default_factory=stop_words)
    """In lower case: neither changed nor put in."""
    max_queries: int | None = None
    """Texts that the deployment may be asked about for one example."""
    max_seconds: float | None = None
    """Since the example's search began, which goes on beside others. Results then depend on the machine."""

    @classmethod
    def from_json(cls, recorded: Mapping[str, Any]) -> AttackSettings:
        """Of what a study gives; what it leaves out has its default."""
        given = dict(recorded)
        if "stop_words" in given:
            given["stop_words"] = frozenset(given["stop_words"])
        return cls(**given)


@dataclass(frozen=True)
class AttackResult:
    """How one text fared. Unless it ``succeeded``, ``adversarial`` is the original itself.

    ``skipped``: the deployment was wrong before any change. ``budget``: the search would have gone beyond what
    `AttackSettings` allows. ``words`` are those of `split_words` (``reference``: between blanks); ``queries`` the
    different texts that the deployment was asked about (``reference``: but those after the one that turned the label,
    which share its call). ``similarity`` is None unless the attack succeeded under an encoder. ``changes``: (word
    before, word after) in the order of the text.
    """

    id: str
    status: Status
    original: str
    adversarial: str
    label: int
    prediction_before: int
    prediction_after: int
    words: int
    words_changed: int
    queries: int
    similarity: float | None
    changes: tuple[tuple[str, str], ...] = ()

    @classmethod
    def from_json(cls, recorded: Mapping[str, Any]) -> AttackResult:
        """Of what `dataclasses.asdict` and JSON made of one."""
        return cls(**{**recorded, "changes": tuple((old, new) for old, new in recorded["changes"])})


@dataclass(frozen=True)
class Answers:
    """Of a question whose answer an attack turned."""

    gold: list[str]
    """The right answers; none: the question cannot be answered."""
    before: str
    """The deployment's answer to the original; "" is no answer."""
    after: str
    """The deployment's answer to the adversarial text; "" is no answer."""


@dataclass(frozen=True)
class TransferResult:
    """What a deployment makes of an adversarial text that was crafted on another one."""

    id: str
    label: int
    prediction_before: int
    prediction_after: int
