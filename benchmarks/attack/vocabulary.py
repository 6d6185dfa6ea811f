"""The vocabulary of a masked language model in one notation, whatever kind its tokenizer is of."""

from __future__ import annotations

from typing import Any

from benchmarks.errors import BenchmarkError

CONTINUES = "##"
"""Before a piece that continues a word, as WordPiece writes it."""


class Vocabulary:
    """Tokens by their ids in WordPiece's notation: what begins a word is bare, what continues one has `CONTINUES`.

    WordPiece marks what continues a word. Byte-level BPE (RoBERTa, ModernBERT) and SentencePiece (XLM-R, CamemBERT,
    ALBERT, DeBERTa-v3) mark what begins one, by the blank before it, which their decoders tell. ``tokenizer`` is of
    `tokenizers`.

    Raises `BenchmarkError` where nothing tells how its pieces make words.
    """

    def __init__(self, tokenizer: Any) -> None:
        kind = type(tokenizer.model).__name__
        known: dict[str, int] = tokenizer.get_vocab()
        if kind == "WordPiece":
            self._tokens = {index: token for token, index in known.items()}
        elif tokenizer.decoder is None:
            raise BenchmarkError(
                f"its {kind} tokenizer has no decoder, which tells what begins a word: give the tokenizer.json that "
                "transformers writes, or a BERT"
            )
        else:
            self._tokens = {index: _decoded(tokenizer.decoder, token) for token, index in known.items()}
        self._begin = {token for token in self._tokens.values() if not token.startswith(CONTINUES)}
        if not self._begin:
            raise BenchmarkError(f"its {kind} tokenizer has no piece that begins a word: give a BERT, or a RoBERTa")

    def __len__(self) -> int:
        return len(self._tokens)

    def token(self, index: int) -> str:
        """No word's part for an id that the model has beyond its tokenizer's."""
        return self._tokens.get(index, CONTINUES)

    def continues(self, index: int) -> bool:
        return self.token(index).startswith(CONTINUES)

    def word(self, index: int, *, in_place_of: int) -> str:
        """The token where it stands for a word alone, in the place of the token ``in_place_of``.

        At the start of a text and behind punctuation, BPE and SentencePiece spell a word by pieces without the mark of
        a beginning: there they are words, if the vocabulary has them with the mark too.
        """
        token = self.token(index)
        bare = token.removeprefix(CONTINUES)
        return bare if self.continues(in_place_of) and bare in self._begin else token


def _decoded(decoder: Any, token: str) -> str:
    """Behind another word, so that a blank at the beginning stays."""
    text: str = decoder.decode(["a", token])[1:]
    return text[1:] if text.startswith(" ") else CONTINUES + text
