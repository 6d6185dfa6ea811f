"""The Hugging Face hub as its client tells of it: what it refuses becomes one line with the way out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from backends.errors import one_line
from harness.errors import UserError

HUB, DATASETS = "hub", "datasets"
"""The folders of the two clients' caches in the one that a study is fetched to."""
HUB_SECONDS = 10.0
"""How long the hub may take to say that it is there, or whether it has something."""


def is_commit(revision: str | None) -> bool:
    return re.fullmatch("[0-9a-f]{40}", revision or "") is not None


@contextmanager
def reporting_hub_errors(name: str, revision: str | None) -> Iterator[None]:
    """Turn what the hub's client raises about a model or a data set into a `UserError` that says what to do."""
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        yield
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        cause = error.__cause__ if isinstance(error, LocalEntryNotFoundError) and error.__cause__ else error
        raise UserError(
            f"cannot fetch {name!r} at {revision or 'main'!r} from the hub ({one_line(cause)}): {remedy(cause)}, "
            "or give a folder instead"
        ) from None


def remedy(error: BaseException) -> str:
    """What a person can do about an error of the hub's client, to begin the end of a line with."""
    from huggingface_hub import constants
    from huggingface_hub.errors import GatedRepoError

    if constants.HF_HUB_OFFLINE:
        place = f"the hub is not asked (HF_HUB_OFFLINE, or no network) and {constants.HF_HUB_CACHE} lacks it"
        return f"{place}: `scalemodel fetch` it where there is a network"
    if isinstance(error, GatedRepoError):
        return "ask for access on its page, then log in with `hf auth login`"
    if getattr(getattr(error, "response", None), "status_code", None) == 429:
        return "wait some minutes or log in with `hf auth login`, which has a higher limit"
    return "check the name and the network (`scalemodel fetch` brings it from a machine that has one)"
