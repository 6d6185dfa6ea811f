"""Progress over texts: how many are done, and about how long the rest will take."""

from __future__ import annotations

import time
from collections.abc import Callable

from pydantic import BaseModel

from harness.steps.context import Context
from harness.store.step import StepInputs


def text_progress(context: Context[BaseModel, StepInputs], first: int, total: int) -> Callable[[int], None]:
    """Report how many texts are done and the time left; the ``first`` of them are from an earlier run."""
    began = time.monotonic()

    def report(done: int) -> None:
        text = f"text {done} of {total}"
        if first < done < total:
            seconds = (time.monotonic() - began) / (done - first) * (total - done)
            text += f", about {max(1, round(seconds / 60))} min left"
        context.progress(text, done / total)

    return report
