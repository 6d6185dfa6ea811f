"""Propose what may replace each word of the texts that are attacked: once, and the same for all deployments.

A line a text. They are found again by their place in the file, so that a reader holds no more than one of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks.attack.masked_language_model import MaskedLanguageModel
from benchmarks.attack.rules import rules_of
from benchmarks.errors import BenchmarkError
from harness.steps.context import Context
from harness.steps.model_wrapper import AttackedOptions, Settings, attacked_examples
from harness.store.step import StepInputs, StepRef

VERSION = 3
LIBRARIES = ("tokenizers", "onnxruntime", "onnxruntime-gpu")

FILE = "candidates.jsonl"


class Options(AttackedOptions):
    settings: Settings
    """Those that the search alone depends on have their defaults."""
    threads: int


class Inputs(StepInputs):
    examples: StepRef
    masked_language_model: StepRef


def run(context: Context[Options, Inputs]) -> None:
    options, settings = context.options, context.options.settings
    model = MaskedLanguageModel(context.folder(context.inputs.masked_language_model), settings, threads=options.threads)
    attacked = attacked_examples(context.folder(context.inputs.examples), options)
    texts = list(dict.fromkeys(one.text for one in attacked))
    report = context.text_progress(0, len(texts))
    with (context.destination / FILE).open("w", encoding="utf-8") as file:
        for number, text in enumerate(texts, start=1):
            words = rules_of(settings.mode).words(text)
            candidates = model.candidates(words.text, words.spans)
            file.write(json.dumps({"text": _digest(words.text), "candidates": candidates}) + "\n")
            report(number)


class StoredCandidates:
    """The candidates that this step wrote to ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._offsets: dict[str, int] = {}
        with self._path.open("rb") as file:
            offset = 0
            for line in file:
                self._offsets[json.loads(line)["text"]] = offset
                offset += len(line)

    def __call__(self, text: str, words: Sequence[tuple[int, int]]) -> list[list[str]]:
        offset = self._offsets.get(_digest(text))
        if offset is None:
            raise BenchmarkError(f"{self._path} has no candidates of a text of {len(words)} words: remove its folder")
        with self._path.open("rb") as file:
            file.seek(offset)
            candidates: list[list[str]] = json.loads(file.readline())["candidates"]
        return candidates


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
