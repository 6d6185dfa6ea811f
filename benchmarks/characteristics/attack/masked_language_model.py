"""Candidate words and similarity from one masked language model, cached by text.

One instance serves every deployment that is attacked in a process: candidates depend on the original
text alone.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.characteristics.attack.results import AttackSettings
from benchmarks.characteristics.attack.stop_words import stop_words
from benchmarks.errors import BenchmarkError

Span = tuple[int, int]
Candidates = tuple[tuple[str, ...], ...]

_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")
_PIECE = re.compile(r"[^\W_]+|['-]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class MaskedLanguageModel:
    """A BERT-like checkpoint folder with a masked-LM head and a WordPiece tokenizer.

    Raises `BenchmarkError` when the folder has no such head, no ``tokenizer.json``, or another kind of
    vocabulary (the attack tells sub-words by their ``##``).
    """

    def __init__(self, folder: Path, settings: AttackSettings | None = None) -> None:
        import torch
        from tokenizers import Tokenizer

        self._settings = settings or AttackSettings()
        self._torch = torch
        self._tokenizer = _word_piece_tokenizer(folder, Tokenizer)
        self._model = _load_model(folder)
        vocabulary = self._tokenizer.get_vocab()
        if max(vocabulary.values(), default=0) >= self._model.config.vocab_size:
            raise BenchmarkError(
                f"masked language model {folder}: {len(vocabulary)} tokens in its tokenizer, "
                f"{self._model.config.vocab_size} in its model; give a checkpoint whose parts belong together"
            )
        self._tokenizer.enable_truncation(self._model.config.max_position_embeddings)
        self._tokenizer.no_padding()
        self._tokens = [""] * self._model.config.vocab_size
        for token, index in vocabulary.items():
            self._tokens[index] = token
        self._candidates: dict[str, Candidates] = {}
        self._embeddings: dict[str, Any] = {}

    def candidates(self, text: str, words: Sequence[Span]) -> Candidates:
        """For each word, given as (start, end) in characters, its replacements, best first.

        Empty for words beyond the model's longest input. Stop words, sub-word pieces and the word itself
        are left out. Replacements of a word of several pieces are those combinations of pieces on which the
        model's perplexity is lowest, taken from the same pass as in TextAttack's WordSwapMaskedLM.
        """
        if text not in self._candidates:
            self._candidates[text] = self._propose(text, words)
        return self._candidates[text]

    def similarity(self, original: str, texts: Sequence[str]) -> NDArray[np.float64]:
        """Cosine of the mean-pooled last hidden state of ``original`` with that of each text, (texts,)."""
        if original not in self._embeddings:
            self._embeddings[original] = self._embed(original)
        own = self._embeddings[original]
        cosine = self._torch.nn.functional.cosine_similarity
        return np.array([cosine(own, self._embed(text)).item() for text in texts], dtype=np.float64)

    def _propose(self, text: str, words: Sequence[Span]) -> Candidates:
        encoding = self._encode(text)
        tokens_of_word = _tokens_of_words(encoding, words)
        if not any(tokens_of_word):
            return tuple(() for _ in words)
        with self._torch.inference_mode():
            logits = self._model(input_ids=self._torch.tensor([encoding.ids])).logits[0]
        top = logits.topk(min(self._settings.candidates, logits.shape[-1]), dim=-1)
        ids, scores = top.indices.tolist(), (top.values - logits.logsumexp(-1, keepdim=True)).tolist()

        proposals: list[tuple[str, ...]] = []
        for places, (start, end) in zip(tokens_of_word, words, strict=True):
            if len(places) == 1:
                proposed = [self._tokens[i] for i in ids[places[0]]]
            elif places:
                pieces = [self._pieces(encoding.tokens[at], ids[at], scores[at]) for at in places]
                rows = likeliest_combinations(pieces, self._settings.combinations)
                proposed = ["".join(self._tokens[i].removeprefix("##") for i in row) for row in rows]
            else:
                proposed = []
            proposals.append(_usable(proposed, text[start:end]))
        return tuple(proposals)

    def _pieces(self, original: str, ids: Sequence[int], scores: Sequence[float]) -> list[tuple[int, float]]:
        """The likeliest pieces of the original's kind: a ``##`` continues a word, nothing else does."""
        continues = original.startswith("##")
        fitting = [
            (i, score)
            for i, score in zip(ids, scores, strict=True)
            if self._tokens[i].startswith("##") == continues and _PIECE.fullmatch(self._tokens[i].removeprefix("##"))
        ]
        return fitting[: self._settings.sub_word_candidates]

    def _encode(self, text: str) -> Any:
        # A lone surrogate cannot be encoded; a stand-in of one character keeps the offsets.
        return self._tokenizer.encode(_SURROGATE.sub("\ufffd", text))

    def _embed(self, text: str) -> Any:
        """(1, hidden). Texts are encoded one by one: in a batch, their states would depend on each other."""
        ids = self._encode(text).ids or [0]
        with self._torch.inference_mode():
            hidden = self._model.base_model(input_ids=self._torch.tensor([ids])).last_hidden_state
        return hidden.mean(dim=1)


def likeliest_combinations(pieces: Sequence[Sequence[tuple[int, float]]], count: int) -> list[tuple[int, ...]]:
    """The ``count`` choices of one (id, log-probability) a place with the lowest perplexity, best first.

    Perplexity is exp(-mean log-probability). The places are scored independently, so a prefix outside the
    best ``count`` cannot come back: the result is that of the full product.
    """
    best: list[tuple[tuple[int, ...], float]] = [((), 0.0)]
    for choices in pieces:
        longer = [((*row, i), score + more) for row, score in best for i, more in choices]
        best = sorted(longer, key=lambda item: (-item[1], item[0]))[:count]
    return [row for row, _ in best]


def _usable(proposed: Sequence[str], word: str) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(
            candidate
            for candidate in proposed
            if _WORD.fullmatch(candidate)
            and candidate.lower() != word.lower()
            and candidate.lower() not in stop_words()
        )
    )


def _tokens_of_words(encoding: Any, words: Sequence[Span]) -> list[list[int]]:
    """The token positions of each word; none for a word that truncation cut or dropped."""
    offsets = encoding.offsets
    tokens = [place for place, special in enumerate(encoding.special_tokens_mask) if not special]
    visible = offsets[tokens[-1]][1] if encoding.overflowing and tokens else None
    found: list[list[int]] = []
    first = 0
    for start, end in words:
        while first < len(tokens) and offsets[tokens[first]][1] <= start:
            first += 1
        last = first
        while last < len(tokens) and offsets[tokens[last]][0] < end:
            last += 1
        whole = visible is None or end <= visible
        found.append(tokens[first:last] if whole else [])
    return found


def _word_piece_tokenizer(folder: Path, tokenizer_class: Any) -> Any:
    path = folder / "tokenizer.json"
    try:
        tokenizer = tokenizer_class.from_file(str(path))
    except Exception as error:  # tokenizers raises bare Exception
        reason = " ".join(str(error).split())
        raise BenchmarkError(
            f"masked language model {folder}: cannot read tokenizer.json ({reason}); "
            "give a folder written by save_pretrained with a fast tokenizer"
        ) from error
    kind = type(tokenizer.model).__name__
    if kind != "WordPiece":
        raise BenchmarkError(
            f"masked language model {folder}: its tokenizer is {kind}; the attack needs WordPiece (a BERT)"
        )
    return tokenizer


def _load_model(folder: Path) -> Any:
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForMaskedLM

    try:
        model, loading = AutoModelForMaskedLM.from_pretrained(
            str(folder),
            local_files_only=True,
            use_safetensors=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())
        raise BenchmarkError(
            f"masked language model {folder}: cannot be loaded ({reason}); "
            "give a checkpoint folder with config.json and model.safetensors"
        ) from error
    if loading["missing_keys"]:
        raise BenchmarkError(
            f"masked language model {folder}: lacks {sorted(loading['missing_keys'])[0]} and "
            f"{len(loading['missing_keys']) - 1} more weights; give a checkpoint with a masked-LM head"
        )
    return model.eval()
