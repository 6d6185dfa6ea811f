"""Raw timings of a measurement, kept as they come in: a process that dies takes only the rest with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.store.atomic import write_json
from harness.store.json_lines import read_lines

FILE = "timings.json"
SO_FAR = "so-far.jsonl"


class Measured:
    """Figures by name, in the folder of an unfinished step as well as here."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._figures: dict[str, Any] = {}

    def add(self, **figures: Any) -> None:
        self._figures |= figures
        with (self._folder / SO_FAR).open("a", encoding="utf-8") as file:
            json.dump(figures, file)  # piece by piece: one long string would be counted as the deployment's memory
            file.write("\n")

    def finish(self) -> None:
        """Leave all figures in one file."""
        write_json(self._folder / FILE, self._figures)
        (self._folder / SO_FAR).unlink(missing_ok=True)


def read_so_far(folder: Path) -> dict[str, Any]:
    """What a measurement that did not finish had found; empty where it found nothing."""
    return {name: value for figures in read_lines(folder / SO_FAR) for name, value in figures.items()}
