"""What an attack is told and what it tells: plain frozen records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Status = Literal["skipped", "succeeded", "failed"]


@dataclass(frozen=True)
class AttackSettings:
    """The constants of BERT-ATTACK (Li et al. 2020, section 4.1 and the authors' code)."""

    candidates: int = 48
    """Predictions of the masked language model that are looked at for each sub-word (K)."""
    sub_word_candidates: int = 4
    """Of these, how many pieces are combined at each place of a word of several pieces."""
    combinations: int = 24
    """Combinations that are ranked by perplexity for one such word."""
    words_changed_at_most: float = 0.4
    """Share of a text's words."""
    similarity_at_least: float = 0.2
    """Cosine between an original and its adversarial text."""


@dataclass(frozen=True)
class AttackResult:
    """How one text fared. Unless it ``succeeded``, ``adversarial`` is the original itself.

    ``skipped`` means that the deployment was wrong before any change. ``words`` are counted by
    TextAttack's splitter; ``queries`` are the texts whose probabilities the search asked for (TextAttack
    counts repeated ones too). ``similarity`` is None unless the attack succeeded under an encoder.
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


@dataclass(frozen=True)
class TransferResult:
    """What a deployment makes of an adversarial text that was crafted on another one."""

    id: str
    label: int
    prediction_before: int
    prediction_after: int
