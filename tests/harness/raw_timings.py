"""Raw timings of made-up processes, as `timings.json` has them, on a quiet machine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from harness.store.process_timings import NOTHING, Conditions, ProcessTimings
from tests.harness.report.synthetic_results import filled

Json = dict[str, Any]

WARM_UP: Json = {"seconds": 1.0, "change": 0.0, "settled": True}
NO_ENERGY: Json = {"cpu": None, "gpu": None}


def conditions(**seen: Any) -> Json:
    return filled(Conditions, **{"seconds": 1.0, "cores": 2, "energy_joules": NO_ENERGY, **seen})


def single_stream(nanoseconds: Sequence[int], order: Sequence[int], *, samples: int) -> Json:
    queries = {"nanoseconds": list(nanoseconds), "order": list(order), "samples": samples}
    return {**queries, "warm_up": WARM_UP, "conditions": conditions()}


def passes(nanoseconds: Sequence[int], *, samples: int, tokens: int) -> Json:
    return {"nanoseconds": list(nanoseconds), "samples": samples, "tokens": tokens, "warm_up": WARM_UP}


def offline(nanoseconds: Sequence[int], *, samples: int, tokens: int) -> Json:
    return {**passes(nanoseconds, samples=samples, tokens=tokens), "conditions": conditions()}


def read(recorded: Json) -> ProcessTimings:
    """A process of which these fields were measured."""
    nothing = NOTHING.model_dump(exclude_unset=True)
    return ProcessTimings.model_validate_json(json.dumps({**nothing, **recorded}))
