"""Leases of a bucket: an object each, written again while its holder lives, void when that has not been for a while.

A bucket has no lock that is taken back when its holder is killed. Times are the bucket's own: no machine's clock
counts.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from harness.errors import UserError
from harness.store.objects import Objects

FOLDER = "leases"
SECONDS_VALID = 900.0
SECONDS_BETWEEN = 60.0
"""So that a network may be lost for minutes."""


@contextmanager
def leased(objects: Objects, *, shared: bool) -> Iterator[None]:
    """Use the bucket, beside others who share it or alone.

    Each first writes its lease and then looks at all others: of two who exclude each other at least one sees the
    other, and gives way.

    Raises:
        UserError: another has a lease that excludes this one, or the bucket cannot be reached.
    """
    own = f"{FOLDER}/{'shared' if shared else 'alone'}-{uuid.uuid4().hex}"
    objects.write(own, "")
    ended = threading.Event()
    renewal = threading.Thread(target=_renew, args=(objects, own, ended), daemon=True)
    renewal.start()
    try:
        others = objects.listed(FOLDER)
        now = others.pop(own).changed
        valid = {name for name, lease in others.items() if now - lease.changed < SECONDS_VALID}
        if any(not shared or not name.startswith(f"{FOLDER}/shared-") for name in valid):
            who = "something is being removed from it" if shared else "in use by a run"
            raise UserError(
                f"{objects.url}: {who}, or was until that was killed less than {SECONDS_VALID / 60:.0f} minutes ago; "
                "wait for it"
            )
        objects.delete(others.keys() - valid)
        yield
    finally:
        ended.set()
        renewal.join()
        with suppress(UserError):  # then it becomes void
            objects.delete([own])


def _renew(objects: Objects, own: str, ended: threading.Event) -> None:
    while not ended.wait(SECONDS_BETWEEN):
        with suppress(UserError):  # the next time, perhaps
            objects.write(own, "")
