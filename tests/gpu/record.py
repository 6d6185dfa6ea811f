"""What a part has found, on disk after each item: whenever it is ended, what it had stays."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Skipped(Exception):
    """An item that cannot be had here; the message says why."""


class Record:
    """``path``: a JSON file of ``items`` by name, what was ``skipped`` and what ``failed``, with the reasons.

    After ``seconds`` no further item is begun.
    """

    def __init__(self, path: Path, seconds: float) -> None:
        self.path = path
        self._start = time.monotonic()
        self._end = self._start + seconds
        self.content: dict[str, Any] = {"seconds": 0.0, "items": {}, "skipped": {}, "failed": {}}
        self._write()

    @property
    def left(self) -> float:
        """Seconds."""
        return self._end - time.monotonic()

    def item(self, name: str, measure: Callable[[], Any]) -> Any:
        """What ``measure`` returns, kept under ``name``; None where it could not be had."""
        found = None
        try:
            if self.left <= 0:
                raise Skipped("no time left")
            found = self.content["items"][name] = measure()
        except Skipped as reason:
            self.content["skipped"][name] = str(reason)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            what = " ".join(f"{type(error).__name__}: {error}".split())
            self.content["failed"][name] = f"{what[:600]} ({Path(where.filename).name}:{where.lineno})"
        self._write()
        return found

    def _write(self) -> None:
        self.content["seconds"] = round(time.monotonic() - self._start, 1)
        beside = self.path.with_suffix(".part")
        beside.write_text(json.dumps(self.content, indent=1, default=str) + "\n")
        beside.rename(self.path)
