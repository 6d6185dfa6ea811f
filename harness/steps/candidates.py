"""What may replace each word of the texts that are attacked: once for all deployments, and the same for all.

A line a text. They are found again by their place in the file, so that a reader holds no more than one of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks.characteristics.adversarial_attack import AttackSettings, MaskedLanguageModel, rules_of
from benchmarks.errors import BenchmarkError
from harness.data.sampling import sample
from harness.steps.context import Context
from harness.steps.progress import teller
from harness.store.examples import read_examples
from harness.tasks.attacked import Attacked

FILE = "candidates.jsonl"


def run(context: Context) -> None:
    settings = AttackSettings.from_json(context.options["settings"])
    model = MaskedLanguageModel(context.input("masked_language_model"), settings, threads=context.options["threads"])
    texts = list(dict.fromkeys(attacked.text for attacked in attacked_examples(context)))
    tell = teller(context, 0, len(texts))
    with (context.destination / FILE).open("w", encoding="utf-8") as file:
        for number, text in enumerate(texts, start=1):
            words = rules_of(settings.mode).words(text)
            found = model.candidates(words.text, words.spans)
            file.write(json.dumps({"text": _digest(words.text), "candidates": found}) + "\n")
            tell(number)


def attacked_examples(context: Context) -> list[Attacked]:
    examples = read_examples(context.input("examples"))
    drawn = sample(examples, context.options["sample"], seed=context.options["seed"])
    return [Attacked(example, context.options["target"]) for example in drawn]


class StoredCandidates:
    """The candidates that this step wrote to ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._places: dict[str, int] = {}
        with self._path.open("rb") as file:
            place = 0
            for line in file:
                self._places[json.loads(line)["text"]] = place
                place += len(line)

    def __call__(self, text: str, words: Sequence[tuple[int, int]]) -> list[list[str]]:
        place = self._places.get(_digest(text))
        if place is None:
            raise BenchmarkError(f"{self._path} has no candidates of a text of {len(words)} words: remove its folder")
        with self._path.open("rb") as file:
            file.seek(place)
            found: list[list[str]] = json.loads(file.readline())["candidates"]
        return found


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
