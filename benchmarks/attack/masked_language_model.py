"""Candidate words and similarity from one masked language model, an exported artifact on ONNX Runtime.

Each text goes through the model alone and unpadded: what it gets does not depend on other texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice, product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.attack.candidates import Piece, combinations, usable
from benchmarks.attack.results import AttackSettings
from benchmarks.attack.sentence_encoder import SentenceEncoder, open_session, read_tokenizer
from benchmarks.attack.vocabulary import CONTINUES, Vocabulary
from benchmarks.attack.words import Span, without_surrogates
from benchmarks.errors import BenchmarkError

Candidates = tuple[tuple[str, ...], ...]
"""For each word its replacements, best first."""

WHAT = "masked language model"  # in errors
MOST_PIECES = 12  # of a word, that the authors' code combines


class MaskedLanguageModel:
    """A folder with ``encoder.onnx``, ``head.onnx`` and ``tokenizer.json``, of any kind that `Vocabulary` knows.

    Encoder: token ids to ``states`` (1, tokens, hidden) and their mean ``embedding`` (1, hidden). Head: ``states`` and
    ``k`` to the ``k`` best ``tokens`` of each place with ``scores``, their log-probabilities.

    Raises `BenchmarkError` when a file is missing or unreadable, or the vocabulary is of another kind.
    """

    def __init__(self, folder: Path, settings: AttackSettings | None = None, *, threads: int | None = None) -> None:
        self._settings = settings or AttackSettings()
        self._tokenizer = read_tokenizer(folder, WHAT)
        try:
            self._vocabulary = Vocabulary(self._tokenizer)
        except BenchmarkError as error:
            raise BenchmarkError(f"{WHAT} {folder}: {error}") from None
        self._encoder = open_session(folder / "encoder.onnx", threads, WHAT)
        self._head = open_session(folder / "head.onnx", threads, WHAT)
        self._sentences = SentenceEncoder(self._tokenizer, self._encoder)

    def candidates(self, text: str, words: Sequence[Span]) -> Candidates:
        """For each word, given as (start, end) in characters, its replacements, best first, from one pass.

        Empty for words beyond the model's longest input. Stop words, sub-word pieces and the word itself are left
        out. Replacements of a word of several pieces are those combinations of pieces on which the model's perplexity
        is lowest, taken from the same pass as in TextAttack's WordSwapMaskedLM.
        """
        encoding = self._tokenizer.encode(without_surrogates(text))
        tokens_of_word = _tokens_of_words(encoding, text, words)
        if not any(tokens_of_word):
            return tuple(() for _ in words)
        [states] = self._encoder.run(["states"], self._sentences.feeds(np.array([encoding.ids], np.int64)))
        if self._settings.mode == "reference":
            return self._authors_candidates(states, tokens_of_word)
        ids, scores = self._best(states, self._settings.candidates)
        candidates: list[tuple[str, ...]] = []
        for places, (start, end) in zip(tokens_of_word, words, strict=True):
            proposed: list[str] = []
            if len(places) == 1:
                proposed = [self._vocabulary.word(i, in_place_of=encoding.ids[places[0]]) for i in ids[places[0]]]
            elif places:
                pieces = [self._pieces(encoding.ids[at], ids[at], scores[at]) for at in places]
                proposed = combinations(pieces, self._settings.combinations)
            candidates.append(usable(proposed, text[start:end], self._settings.stop_words))
        return tuple(candidates)

    def similarity(self, original: str, texts: Sequence[str]) -> NDArray[np.float64]:
        """Cosine of the mean last hidden state of ``original`` with that of each text, (texts,)."""
        return self._sentences.similarity(original, texts)

    def _best(self, states: NDArray[np.float32], k: int) -> tuple[list[list[int]], list[list[float]]]:
        """The ``k`` best token ids of each place, and their log-probabilities."""
        k = min(k, len(self._vocabulary))
        tokens, scores = self._head.run(["tokens", "scores"], {"states": states, "k": np.array([k], np.int64)})
        return tokens[0].tolist(), scores[0].tolist()

    def _pieces(self, original: int, ids: Sequence[int], scores: Sequence[float]) -> list[Piece]:
        """The likeliest pieces of the original's kind: what continues a word, or what begins one."""
        fitting = [
            piece
            for i, score in zip(ids, scores, strict=True)
            if self._vocabulary.continues(i) == self._vocabulary.continues(original)
            and (piece := Piece(self._vocabulary.token(i), score)).is_word_part
        ]
        return fitting[: self._settings.sub_word_candidates]

    # -- as the authors' code does -------------------------------------------------------------

    def _authors_candidates(self, states: NDArray[np.float32], tokens_of_word: Sequence[Sequence[int]]) -> Candidates:
        """Whatever token is among the best; words of several pieces by `_authors_combinations`."""
        ids, _ = self._best(states, self._settings.candidates)
        candidates: list[tuple[str, ...]] = []
        for places in tokens_of_word:
            if len(places) == 1:
                candidates.append(tuple(self._vocabulary.token(i) for i in ids[places[0]]))
            else:
                candidates.append(self._authors_combinations([ids[at] for at in places]))
        return tuple(candidates)

    def _authors_combinations(self, ids: Sequence[Sequence[int]]) -> tuple[str, ...]:
        """The first 24 of the product, in its order, by the perplexity of their pieces alone, without the text."""
        choices = [row[: self._settings.sub_word_candidates] for row in ids[:MOST_PIECES]]
        rows = np.array(list(islice(product(*choices), self._settings.combinations if choices else 0)), dtype=np.int64)
        if not rows.size:
            return ()
        [states] = self._encoder.run(["states"], self._sentences.feeds(rows))
        [scores] = self._head.run(["log_probabilities"], {"states": states, "k": np.array([1], np.int64)})
        likelihood = np.take_along_axis(scores, rows[..., None], axis=2)[..., 0].mean(axis=1)
        ranked = rows[np.argsort(-likelihood, kind="stable")].tolist()
        return tuple(" ".join(self._vocabulary.token(i) for i in row).replace(f" {CONTINUES}", "") for row in ranked)


def _tokens_of_words(encoding: Any, text: str, words: Sequence[Span]) -> list[list[int]]:
    """The token positions of each word; none for a word that truncation cut or dropped, or that shares a token."""
    offsets = encoding.offsets
    tokens = [place for place, special in enumerate(encoding.special_tokens_mask) if not special]
    visible = offsets[tokens[-1]][1] if encoding.overflowing and tokens else None
    tokens_of_word: list[list[int]] = []
    first = 0
    for start, end in words:
        while first < len(tokens) and offsets[tokens[first]][1] <= start:
            first += 1
        last = first
        while last < len(tokens) and offsets[tokens[last]][0] < end:
            last += 1
        # SentencePiece may count the blank before a word to its first token, and join a word to a sign.
        own = tokens[first:last]
        alone = own and offsets[own[-1]][1] <= end and not text[offsets[own[0]][0] : start].strip()
        tokens_of_word.append(own if alone and (visible is None or end <= visible) else [])
    return tokens_of_word
