"""How many of a step's texts are done, and about how long the rest will take."""

from __future__ import annotations

import time
from collections.abc import Callable

from harness.steps.context import Context


def teller(context: Context, first: int, total: int) -> Callable[[int], None]:
    """Tells how many texts are done, at the pace since now; the ``first`` of them are from an earlier run."""
    began = time.monotonic()

    def tell(done: int) -> None:
        text = f"text {done} of {total}"
        if first < done < total:
            seconds = (time.monotonic() - began) / (done - first) * (total - done)
            text += f", about {max(1, round(seconds / 60))} min left"
        context.progress(text, done / total)

    return tell
