"""Similarity of two texts: the cosine of their mean last hidden states, by an exported artifact on ONNX Runtime.

Each text goes through the model alone and unpadded: what it gets does not depend on other texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.attack.words import without_surrogates
from benchmarks.errors import BenchmarkError

ORIGINALS_KEPT = 256  # embeddings of originals, which every similarity is asked with


class SentenceEncoder:
    """``session``: token ids (1, tokens) to their mean ``embedding`` (1, hidden). ``tokenizer``: of `tokenizers`."""

    def __init__(self, tokenizer: Any, session: Any) -> None:
        self._tokenizer = tokenizer
        self._session = session
        self._inputs = [port.name for port in session.get_inputs()]
        self._original = lru_cache(maxsize=ORIGINALS_KEPT)(self._embed)

    @classmethod
    def open(cls, folder: Path, *, threads: int | None = None) -> SentenceEncoder:
        """Of a folder with ``encoder.onnx`` and ``tokenizer.json``.

        Raises `BenchmarkError` when one of them is missing or unreadable.
        """
        return cls(read_tokenizer(folder), open_session(folder / "encoder.onnx", threads))

    def similarity(self, original: str, texts: Sequence[str]) -> NDArray[np.float64]:
        """Cosine of ``original`` with each text, (texts,)."""
        own = self._original(original)
        return np.array([float(own @ self._embed(text)) for text in texts], dtype=np.float64)

    def feeds(self, ids: NDArray[np.int64]) -> dict[str, NDArray[np.int64]]:
        """The session's inputs for whole rows of token ids, (rows, tokens)."""
        values = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        return {name: values[name] for name in self._inputs}

    def _embed(self, text: str) -> NDArray[np.float64]:
        """(hidden,), of length 1."""
        ids = self._tokenizer.encode(without_surrogates(text)).ids or [0]
        [[embedding]] = self._session.run(["embedding"], self.feeds(np.array([ids], np.int64)))
        states = embedding.astype(np.float64)
        return np.asarray(states / max(float(np.linalg.norm(states)), 1e-12))


def read_tokenizer(folder: Path, what: str = "sentence encoder") -> Any:
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # tokenizers raises bare Exception
        reason = " ".join(str(error).split())
        raise BenchmarkError(
            f"{what} {folder}: cannot read tokenizer.json ({reason}); "
            "give a folder written by save_pretrained with a fast tokenizer"
        ) from error


def open_session(path: Path, threads: int | None, what: str = "sentence encoder") -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.log_severity_level = 4  # what fails is raised; stderr stays clean
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises several kinds
        reason = " ".join(str(error).split())
        raise BenchmarkError(f"{what} {path}: cannot be loaded ({reason}); export it again") from error
